/**
 * Values of cases as the bytes that Kafka Streams wrote: text as UTF-8, numbers as longs of eight bytes. One serde reads both: numbers
 * below 2^53 begin with a byte 0 or 255, which no text of a case does.
 */
import { int64, string } from '../../src/serdes/index.ts'
import type { Serde } from '../../src/index.ts'
import type { Key, Value } from './functions.ts'

const LONG_BYTES = 8

function isLong(bytes: Uint8Array): boolean {
  return bytes.length === LONG_BYTES && (bytes[0] === 0 || bytes[0] === 0xff)
}

/** Any value; a null has no bytes at all. */
export const VALUES: Serde<Value> = {
  format: 'value of a case',
  serialize: (value) =>
    typeof value === 'number' ? int64.serialize(value) : string.serialize(value as string),
  deserialize: (bytes) => (isLong(bytes) ? int64.deserialize(bytes) : string.deserialize(bytes)),
}

/** Keys of what comes out: text, and windowed keys as JSON behind a mark, since a topic of a case does not say which it has. */
export const KEYS: Serde<Key> = {
  format: 'key of a case',
  serialize: (key) => string.serialize(typeof key === 'string' ? key : MARK + JSON.stringify(key)),
  deserialize: (bytes) => {
    const text = string.deserialize(bytes)
    return text.startsWith(MARK) ? (JSON.parse(text.slice(1)) as Key) : text
  },
}
const MARK = '\u0001'

/** The same, for where the types know that there is a value. */
export const PRESENT: Serde<string | number> = VALUES as Serde<string | number>

/** As Java's deserializer of longs, that takes eight bytes and nothing else. */
const LONGS: Serde<Value> = {
  ...VALUES,
  deserialize: (bytes) => int64.deserialize(bytes),
}

/** The serde of a source. */
export function serdeOf(valueType: string | undefined): Serde<Value> {
  return valueType === 'long' ? LONGS : VALUES
}

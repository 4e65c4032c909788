/**
 * The bytes of a table's change on its way through a repartition topic, as Kafka Streams writes them: old value and 0, new value
 * and 1, or the new value's length, both values and 2. Flags 3 to 5 mean the same with one more byte in front of the flag.
 */
import type { Bytes, Change } from '../../core/record.ts'
import { encodedBytes, type Serde } from '../../core/serde.ts'
import { isAbsent } from './absent.ts'

const OLD = 0
const NEW = 1
const BOTH = 2
/** Flags from here on have a byte that says whether the value was the latest. */
const WITH_LATEST = 3

export function changeSerde(inner: Serde<unknown>): Serde<Change<unknown>> {
  const bytesOf = (value: unknown): Buffer | undefined =>
    isAbsent(value) ? undefined : asBuffer(encodedBytes(inner.serialize(value)))
  return Object.freeze({
    format: `change of ${inner.format}`,
    serialize: ({ newValue, oldValue }: Change<unknown>) => {
      const [next, old] = [bytesOf(newValue), bytesOf(oldValue)]
      if (next !== undefined && old !== undefined)
        return Buffer.concat([lengthOf(next.length), next, old, Buffer.of(BOTH)])
      if (next !== undefined) return Buffer.concat([next, Buffer.of(NEW)])
      if (old !== undefined) return Buffer.concat([old, Buffer.of(OLD)])
      throw new TypeError('a change has neither an old nor a new value')
    },
    deserialize: (bytes: Bytes) => readChange(bytes, inner),
  })
}

function readChange(bytes: Bytes, inner: Serde<unknown>): Change<unknown> {
  const flag = bytes.at(-1)
  if (flag === undefined || flag > WITH_LATEST + BOTH) throw new TypeError(`unknown kind of change ${flag}`)
  const data = bytes.subarray(0, bytes.length - (flag >= WITH_LATEST ? 2 : 1))
  const kind = flag % WITH_LATEST
  if (kind === OLD) return { newValue: null, oldValue: inner.deserialize(data) }
  if (kind === NEW) return { newValue: inner.deserialize(data), oldValue: null }
  const [length, start] = readLength(data)
  if (start + length > data.length) throw new TypeError('a change is shorter than its new value')
  return {
    newValue: inner.deserialize(data.subarray(start, start + length)),
    oldValue: inner.deserialize(data.subarray(start + length)),
  }
}

/** Zigzag varint of a length, which is never negative. */
function lengthOf(length: number): Buffer {
  const bytes: number[] = []
  let rest = length * 2
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return Buffer.from([...bytes, rest])
}

function readLength(data: Bytes): readonly [length: number, start: number] {
  let value = 0
  for (let at = 0; at < Math.min(5, data.length); at++) {
    value += (data[at]! & 0x7f) * 128 ** at
    if (data[at]! < 0x80) return [Math.floor(value / 2), at + 1]
  }
  throw new TypeError('a change has no length of its new value')
}

function asBuffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

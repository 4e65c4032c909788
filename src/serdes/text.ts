/** Text serdes: UTF-8 strings and UUIDs, the same bytes as Java's. */
import type { Bytes } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'

/** UTF-8 of bytes; a Buffer is decoded in place, which is three times as fast as TextDecoder for short texts. */
export function decodeText(bytes: Bytes): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.toString('utf8')
}

/** As `decodeText` of bytes[from, to), without a view of them. */
export function decodeTextAt(bytes: Bytes, from: number, to: number): string {
  return Buffer.isBuffer(bytes) ? bytes.toString('utf8', from, to) : decodeText(bytes.subarray(from, to))
}

/** UTF-8 text. A value that is not a string is refused, never converted. */
export const string: Serde<string> = Object.freeze({
  format: 'string',
  serialize: (value: string) => {
    if (typeof value !== 'string') throw new TypeError(`expected a string, got ${describeValue(value)}`)
    return value
  },
  deserialize: decodeText,
  deserializeAt: decodeTextAt,
  // As many characters as bytes, none of them a replacement: all of it is ASCII.
  reproduces: (text: string, size: number) => text.length === size && !text.includes('\ufffd'),
})

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** A UUID as its 36 characters, as Java's UUIDSerializer writes it; read and written in lower case. */
export const uuid: Serde<string> = Object.freeze({
  format: 'uuid',
  serialize: uuidText,
  deserialize: (bytes: Bytes) => uuidText(decodeText(bytes)),
  check: (bytes: Bytes) => {
    if (bytes.length !== 36) throw new RangeError(`expected 36 bytes, got ${bytes.length}`)
  },
})

function uuidText(value: string): string {
  if (typeof value !== 'string' || !UUID.test(value)) {
    throw new TypeError(
      `expected a UUID such as 123e4567-e89b-12d3-a456-426614174000, got ${describeValue(value)}`,
    )
  }
  return value.toLowerCase()
}

/** A value in an error message: short, with its type. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string')
    return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'number' ? `the number ${value}` : `a ${typeof value}`
}

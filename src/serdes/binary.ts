/** Binary serdes of fixed size, big-endian as Java's, and raw bytes. A number that does not fit is an error, never rounded. */
import type { Bytes } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import { describeValue } from './text.ts'

/** Raw bytes, passed as they are. They belong to the fetched batch: copy what outlives the record. */
export const bytes: Serde<Bytes> = Object.freeze({
  format: 'bytes',
  serialize: (value: Bytes) => {
    if (!(value instanceof Uint8Array)) throw new TypeError(`expected bytes, got ${describeValue(value)}`)
    return value
  },
  deserialize: (value: Bytes) => value,
})

interface FixedFormat<T> {
  readonly format: string
  readonly size: number
  /** What fits, for the message. */
  readonly expected: string
  readonly fits: (value: T) => boolean
  readonly write: (into: Buffer, value: T) => void
  readonly read: (from: Buffer) => T
}

function fixed<T>({ format, size, expected, fits, write, read }: FixedFormat<T>): Serde<T> {
  const check = (data: Bytes): void => {
    if (data.length !== size) throw new RangeError(`expected ${size} bytes, got ${data.length}`)
  }
  return Object.freeze({
    format,
    serialize: (value: T) => {
      if (!fits(value)) throw new RangeError(`expected ${expected}, got ${describeValue(value)}`)
      const data = Buffer.allocUnsafe(size)
      write(data, value)
      return data
    },
    deserialize: (data: Bytes) => {
      check(data)
      return read(Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength))
    },
    check,
  })
}

const isNumber = (value: number): boolean => typeof value === 'number'

/** 16-bit integer (Java's Short). */
export const int16: Serde<number> = fixed<number>({
  format: 'int16',
  size: 2,
  expected: 'an integer of 16 bits',
  fits: (value) => Number.isInteger(value) && value >= -0x8000 && value <= 0x7fff,
  write: (into, value) => into.writeInt16BE(value),
  read: (from) => from.readInt16BE(),
})

/** 32-bit integer (Java's Integer). */
export const int32: Serde<number> = fixed<number>({
  format: 'int32',
  size: 4,
  expected: 'an integer of 32 bits',
  fits: (value) => Number.isInteger(value) && value >= -0x80000000 && value <= 0x7fffffff,
  write: (into, value) => into.writeInt32BE(value),
  read: (from) => from.readInt32BE(),
})

/** 64-bit integer (Java's Long) as a number; beyond 2^53 it is an error: use `bigint64` for such data. */
export const int64: Serde<number> = fixed<number>({
  format: 'int64',
  size: 8,
  expected: 'an integer between -(2^53 - 1) and 2^53 - 1 (use bigint64 for larger ones)',
  fits: Number.isSafeInteger,
  write: (into, value) => {
    into.writeInt32BE(Math.floor(value / 0x1_0000_0000), 0)
    into.writeUInt32BE(value >>> 0, 4)
  },
  read: (from) => {
    const value = from.readInt32BE(0) * 0x1_0000_0000 + from.readUInt32BE(4)
    if (Number.isSafeInteger(value)) return value
    throw new RangeError(`${from.readBigInt64BE()} is no safe number: read it with bigint64`)
  },
})

/** 64-bit integer (Java's Long) as a bigint; the same bytes as `int64`. */
export const bigint64: Serde<bigint> = fixed<bigint>({
  format: 'int64',
  size: 8,
  expected: 'a bigint of 64 bits',
  fits: (value) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  write: (into, value) => into.writeBigInt64BE(value),
  read: (from) => from.readBigInt64BE(),
})

/** 32-bit floating point (Java's Float): a number that is not exactly one is rounded to it, as in Java. */
export const float: Serde<number> = fixed<number>({
  format: 'float',
  size: 4,
  expected: 'a number',
  fits: isNumber,
  write: (into, value) => into.writeFloatBE(value),
  read: (from) => from.readFloatBE(),
})

/** 64-bit floating point (Java's Double). */
export const double: Serde<number> = fixed<number>({
  format: 'double',
  size: 8,
  expected: 'a number',
  fits: isNumber,
  write: (into, value) => into.writeDoubleBE(value),
  read: (from) => from.readDoubleBE(),
})

/** One byte, 1 or 0. */
export const boolean: Serde<boolean> = fixed<boolean>({
  format: 'boolean',
  size: 1,
  expected: 'true or false',
  fits: (value) => typeof value === 'boolean',
  write: (into, value) => into.writeUInt8(value ? 1 : 0),
  read: (from) => {
    if (from[0]! > 1) throw new RangeError(`expected the byte 0 or 1, got ${from[0]}`)
    return from[0] === 1
  },
})

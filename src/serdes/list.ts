/** Lists of values of one serde, byte-equal with Java's ListSerde. Absent elements are null. */
import { encodedBytes } from '../core/serde.ts'
import type { Serde } from '../core/serde.ts'
import type { Bytes } from '../core/record.ts'

/** Formats whose values Java writes without their lengths, and the bytes of a value. */
const FIXED: ReadonlyMap<string, number> = new Map([
  ['int16', 2],
  ['int32', 4],
  ['int64', 8],
  ['float', 4],
  ['double', 8],
  ['uuid', 36],
])
const CONSTANT_SIZE = 0
const VARIABLE_SIZE = 1
const NULL = -1

/**
 * A list as key or value: `list(int64)`, `list(string)`.
 * @throws RangeError when it reads bytes that end too early, or were written with elements of the other sort
 */
export function list<T>(inner: Serde<T>): Serde<readonly (T | null)[]> {
  const size = FIXED.get(inner.format)
  return Object.freeze({
    format: `list of ${inner.format}`,
    serialize: (values: readonly (T | null)[]) => {
      const parts = values.map((value) => (value === null ? null : encodedBytes(inner.serialize(value))))
      return size === undefined ? writeVariable(parts) : writeConstant(parts)
    },
    deserialize: (bytes: Bytes) => {
      const reader = new Reader(bytes)
      const sort = size === undefined ? VARIABLE_SIZE : CONSTANT_SIZE
      const came = reader.take(1)[0]
      if (came !== sort) throw new RangeError(`expected a list of sort ${sort}, got ${came}`)
      return size === undefined ? readVariable(reader, inner) : readConstant(reader, inner, size)
    },
  })
}

function writeVariable(parts: readonly (Bytes | null)[]): Bytes {
  const written = parts.flatMap((part) => (part === null ? [int(NULL)] : [int(part.length), part]))
  return Buffer.concat([Buffer.of(VARIABLE_SIZE), int(parts.length), ...written])
}

function writeConstant(parts: readonly (Bytes | null)[]): Bytes {
  const nulls = parts.flatMap((part, index) => (part === null ? [int(index)] : []))
  const written = parts.filter((part) => part !== null)
  return Buffer.concat([Buffer.of(CONSTANT_SIZE), int(nulls.length), ...nulls, int(parts.length), ...written])
}

function readVariable<T>(reader: Reader, inner: Serde<T>): readonly (T | null)[] {
  return Array.from({ length: reader.int() }, () => {
    const length = reader.int()
    return length === NULL ? null : inner.deserialize(reader.take(length))
  })
}

function readConstant<T>(reader: Reader, inner: Serde<T>, size: number): readonly (T | null)[] {
  const nulls = new Set(Array.from({ length: reader.int() }, () => reader.int()))
  return Array.from({ length: reader.int() }, (_, index) =>
    nulls.has(index) ? null : inner.deserialize(reader.take(size)),
  )
}

function int(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Bytes) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  take(length: number): Buffer {
    const from = this.#at
    this.#at += length
    if (length < 0 || this.#at > this.#bytes.length)
      throw new RangeError(`expected ${length} more bytes of a list, got ${this.#bytes.length - from}`)
    return this.#bytes.subarray(from, this.#at)
  }

  /** A count: never more than bytes are left, so that a malformed one allocates nothing. */
  int(): number {
    const value = this.take(4).readInt32BE()
    if (value > this.#bytes.length)
      throw new RangeError(`expected at most ${this.#bytes.length} as a count in a list, got ${value}`)
    return value
  }
}

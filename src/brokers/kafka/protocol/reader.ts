/**
 * Reads Kafka's primitive types out of one frame. Every length is checked against the bytes left before anything is
 * taken or allocated, so that a malformed frame ends in `Malformed` and never in a crash, a loop or a huge allocation.
 *
 * `compact` in every method: the message's version is a flexible one (KIP-482), lengths are varints of length + 1.
 */
import type { Bytes } from '../../../core/record.ts'
import { Malformed } from './malformed.ts'

const TWO_32 = 2 ** 32
const UUID_BYTES = 16

export class Reader {
  readonly buffer: Buffer
  readonly #view: DataView
  #position: number

  constructor(buffer: Buffer, position = 0) {
    this.buffer = buffer
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    this.#position = position
  }

  get position(): number {
    return this.#position
  }

  get left(): number {
    return this.buffer.length - this.#position
  }

  /** Moves over `size` bytes and answers with where they begin. */
  #take(size: number): number {
    const at = this.#position
    if (size < 0 || size > this.buffer.length - at) {
      throw new Malformed(`${size} bytes wanted at ${at}, ${this.buffer.length - at} are left`)
    }
    this.#position = at + size
    return at
  }

  bool(): boolean {
    return this.buffer[this.#take(1)] !== 0
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1))
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2))
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4))
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** Exact up to 2^53, which no offset, time or id of a real cluster passes; beyond it the nearest Number. */
  int64(): number {
    const at = this.#take(8)
    return this.#view.getInt32(at) * TWO_32 + this.#view.getUint32(at + 4)
  }

  float64(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  /** An unsigned varint of at most 32 bits. */
  unsigned(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.#take(1)]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value >= TWO_32) break
        return value
      }
    }
    throw new Malformed(`a varint at ${this.#position} is longer than 32 bits`)
  }

  /** A topic id and the like, as 22 characters of base64url, the way Kafka prints them. */
  uuid(): string {
    const at = this.#take(UUID_BYTES)
    return this.buffer.toString('base64url', at, at + UUID_BYTES)
  }

  /** Length of a string; -1 for null. */
  #stringLength(compact: boolean): number {
    return compact ? this.unsigned() - 1 : this.int16()
  }

  nullableString(compact: boolean): string | null {
    const length = this.#stringLength(compact)
    if (length === -1) return null
    const at = this.#take(length)
    return this.buffer.toString('utf8', at, at + length)
  }

  string(compact: boolean): string {
    return this.#present(this.nullableString(compact))
  }

  /** A view of the frame: it keeps the whole frame in memory, so what outlives the message must be copied. */
  nullableBytes(compact: boolean): Bytes | null {
    const length = compact ? this.unsigned() - 1 : this.int32()
    if (length === -1) return null
    const at = this.#take(length)
    return this.buffer.subarray(at, at + length)
  }

  bytes(compact: boolean): Bytes {
    return this.#present(this.nullableBytes(compact))
  }

  /** A list whose elements are read by `read`; each takes at least one byte, which bounds the loop. */
  nullableList<T>(
    compact: boolean,
    version: number,
    read: (input: Reader, version: number) => T,
  ): readonly T[] | null {
    const count = compact ? this.unsigned() - 1 : this.int32()
    if (count === -1) return null
    if (count < 0 || count > this.left) throw new Malformed(`a list of ${count} in ${this.left} bytes`)
    const list: T[] = []
    for (let index = 0; index < count; index++) list.push(read(this, version))
    return list
  }

  list<T>(compact: boolean, version: number, read: (input: Reader, version: number) => T): readonly T[] {
    return this.#present(this.nullableList(compact, version, read))
  }

  /** A struct that may be null: a marker byte (negative = null), then the struct. */
  nullable<T>(version: number, read: (input: Reader, version: number) => T): T | null {
    return this.int8() < 0 ? null : read(this, version)
  }

  #present<T>(value: T | null): T {
    if (value === null) throw new Malformed(`null before ${this.#position} where it is not allowed`)
    return value
  }

  /** How many tagged fields follow. */
  tagCount(): number {
    const count = this.unsigned()
    // A tagged field takes two bytes or more.
    if (count * 2 > this.left) throw new Malformed(`${count} tagged fields in ${this.left} bytes`)
    return count
  }

  /** Where a tagged field ends, after its tag was read. */
  tagEnd(): number {
    const size = this.unsigned()
    if (size > this.left) throw new Malformed(`a tagged field of ${size} bytes, ${this.left} are left`)
    return this.#position + size
  }

  /** Leaves a tagged field, over whatever of it was not read. */
  leaveTag(end: number): void {
    if (this.#position > end) throw new Malformed(`a tagged field ends at ${this.#position}, not ${end}`)
    this.#position = end
  }

  /** Tagged fields of a struct that has none we know. */
  skipTags(): void {
    for (let left = this.tagCount(); left > 0; left--) {
      this.unsigned()
      this.leaveTag(this.tagEnd())
    }
  }
}

export const readInt16 = (input: Reader): number => input.int16()
export const readInt32 = (input: Reader): number => input.int32()
export const readInt64 = (input: Reader): number => input.int64()
export const readString = (input: Reader): string => input.string(false)
export const readCompactString = (input: Reader): string => input.string(true)

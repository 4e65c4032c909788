/**
 * Writes Kafka's primitive types as a list of chunks, to be handed to a socket in one go. Large byte fields (record
 * batches) become chunks of their own and are never copied: who gives them must not change them until they are sent.
 */
import type { Bytes } from '../../../core/record.ts'

const FIRST_CHUNK = 512
/** Below this, copying is cheaper than one more buffer for the socket. */
const KEPT_BYTES = 8 * 1024
const TWO_32 = 2 ** 32
const LONG_LIMIT = 2 ** 63
const LONGEST_STRING = 0x7fff

export class Writer {
  readonly #done: Bytes[] = []
  #doneBytes = 0
  #chunk: Buffer
  #start = 0
  #position = 0

  constructor(firstChunk: number = FIRST_CHUNK) {
    this.#chunk = Buffer.allocUnsafe(firstChunk)
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#doneBytes + this.#position - this.#start
  }

  /** Everything written, in order. The writer may be written on. */
  chunks(): readonly Bytes[] {
    this.#seal()
    return this.#done
  }

  /** Everything written, copied into one buffer if it is more than one. */
  bytesWritten(): Buffer {
    const chunks = this.chunks()
    if (chunks.length !== 1) return Buffer.concat(chunks)
    const only = chunks[0]!
    return Buffer.from(only.buffer, only.byteOffset, only.byteLength)
  }

  #seal(): void {
    if (this.#position === this.#start) return
    this.#done.push(this.#chunk.subarray(this.#start, this.#position))
    this.#doneBytes += this.#position - this.#start
    this.#start = this.#position
  }

  /** Makes room for `size` bytes in one chunk and answers with where they go. */
  #room(size: number): number {
    if (this.#position + size > this.#chunk.length) {
      this.#seal()
      this.#chunk = Buffer.allocUnsafe(Math.max(size, this.#chunk.length * 2))
      this.#start = 0
      this.#position = 0
    }
    const at = this.#position
    this.#position = at + size
    return at
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  int8(value: number): void {
    const at = this.#room(1)
    this.#chunk.writeInt8(value, at)
  }

  int16(value: number): void {
    const at = this.#room(2)
    this.#chunk.writeInt16BE(value, at)
  }

  uint16(value: number): void {
    const at = this.#room(2)
    this.#chunk.writeUInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#room(4)
    this.#chunk.writeInt32BE(value, at)
  }

  uint32(value: number): void {
    const at = this.#room(4)
    this.#chunk.writeUInt32BE(value, at)
  }

  /** Whole numbers below 2^53 exactly; what is 2^63 or more stands for the largest int64. */
  int64(value: number): void {
    const at = this.#room(8)
    if (value >= LONG_LIMIT) {
      this.#chunk.writeInt32BE(0x7fff_ffff, at)
      this.#chunk.writeUInt32BE(0xffff_ffff, at + 4)
      return
    }
    const high = Math.floor(value / TWO_32)
    this.#chunk.writeInt32BE(high, at)
    this.#chunk.writeUInt32BE(value - high * TWO_32, at + 4)
  }

  float64(value: number): void {
    const at = this.#room(8)
    this.#chunk.writeDoubleBE(value, at)
  }

  /** An unsigned varint below 2^32. */
  unsigned(value: number): void {
    let rest = value >>> 0
    while (rest > 0x7f) {
      const at = this.#room(1)
      this.#chunk[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const at = this.#room(1)
    this.#chunk[at] = rest
  }

  /** 22 characters of base64url, as `Reader.uuid` gives them. */
  uuid(value: string): void {
    const at = this.#room(16)
    if (this.#chunk.write(value, at, 16, 'base64url') !== 16) throw new RangeError(`"${value}" is no uuid`)
  }

  string(value: string | null, compact: boolean): void {
    const length = value === null ? -1 : Buffer.byteLength(value)
    if (compact) this.unsigned(length + 1)
    else if (length > LONGEST_STRING)
      throw new RangeError(`a string of ${length} bytes, ${LONGEST_STRING} fit`)
    else this.int16(length)
    if (value === null || length === 0) return
    const at = this.#room(length)
    this.#chunk.write(value, at, length, 'utf8')
  }

  /** Large ones are kept, not copied. */
  bytes(value: Bytes | null, compact: boolean): void {
    this.#length(value === null ? -1 : value.length, compact)
    if (value !== null) this.raw(value)
  }

  list<T>(
    value: readonly T[] | null,
    compact: boolean,
    version: number,
    write: (output: Writer, element: T, version: number) => void,
  ): void {
    this.#length(value === null ? -1 : value.length, compact)
    if (value !== null) for (const element of value) write(this, element, version)
  }

  /** A struct that may be null: a marker byte, then the struct. */
  nullable<T>(
    value: T | null,
    version: number,
    write: (output: Writer, value: T, version: number) => void,
  ): void {
    this.int8(value === null ? -1 : 1)
    if (value !== null) write(this, value, version)
  }

  /** One tagged field, written by `write` so that its size can stand before it. */
  tagged(tag: number, write: (output: Writer) => void): void {
    const field = new Writer()
    write(field)
    this.unsigned(tag)
    this.unsigned(field.size)
    for (const chunk of field.chunks()) this.raw(chunk)
  }

  raw(bytes: Bytes): void {
    if (bytes.length >= KEPT_BYTES) {
      this.#seal()
      this.#done.push(bytes)
      this.#doneBytes += bytes.length
      return
    }
    const at = this.#room(bytes.length)
    this.#chunk.set(bytes, at)
  }

  #length(length: number, compact: boolean): void {
    if (compact) this.unsigned(length + 1)
    else this.int32(length)
  }
}

export const writeInt16 = (output: Writer, value: number): void => output.int16(value)
export const writeInt32 = (output: Writer, value: number): void => output.int32(value)
export const writeInt64 = (output: Writer, value: number): void => output.int64(value)
export const writeString = (output: Writer, value: string): void => output.string(value, false)
export const writeCompactString = (output: Writer, value: string): void => output.string(value, true)

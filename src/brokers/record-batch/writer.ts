/**
 * Encodes records straight into the bytes of a RecordBatch v2: one growing scratch buffer, no object per record, a copy of its own size at the end.
 * It never compresses, and it never splits a batch: `append` answers false when a record does not fit any more.
 */
import type { Bytes, Encoded, Headers } from '../../core/record.ts'
import {
  CONTROL,
  HEADER_BYTES,
  LENGTH_PREFIX,
  TRANSACTIONAL,
  putInt16,
  putInt32,
  putInt64,
  sealBatch,
} from './header.ts'
import { EMPTY, giveBack, takeScratch } from './scratch.ts'
import { putVarint, putVarlong, varintSize, varlongSize, zigzag, zigzagLong } from './varint.ts'

/** Who wrote a batch. Producer id, epoch and sequence are -1 for a producer that is not idempotent. */
export interface BatchStamp {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly transactional: boolean
}

export const NO_STAMP: BatchStamp = Object.freeze({
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  transactional: false,
})

/** Text of up to this many characters is copied by a loop: a native call costs more than 30 characters. */
const SHORT_TEXT = 24
/** Memory beside a batch that is not worth a copy. */
const SLACK_BYTES = 4096
const INT31 = 0x3fff_ffff
/** A character of UTF-8 more than announced must find room, or text cut off would look as if it fitted. */
const ROOM = 4

export class BatchWriter {
  readonly #limit: number
  #buffer: Buffer
  #end = HEADER_BYTES
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0
  /** A text beyond ASCII came in this batch: sizes are measured. */
  #foreign = false

  /** @param limit bytes of the largest batch, header included */
  constructor(limit: number = 0x7fff_ffff) {
    this.#limit = limit
    this.#buffer = EMPTY
  }

  get records(): number {
    return this.#count
  }

  /** Size of the batch if it were finished now. */
  get bytes(): number {
    return this.#end
  }

  /**
   * Adds a record at the end.
   * @returns false when the batch would grow beyond its limit; then nothing was written
   */
  append(key: Encoded | null, value: Encoded | null, timestamp: number, headers: Headers): boolean {
    // Measuring text costs as much as writing it, so it is taken for ASCII until that turns out wrong.
    if (!this.#foreign) {
      const done = this.#put(key, value, timestamp, headers, key?.length ?? -1, value?.length ?? -1)
      if (done !== undefined) return done
      this.#foreign = true
    }
    return this.#put(key, value, timestamp, headers, encodedSize(key), encodedSize(value)) === true
  }

  /** @returns true: written; false: it does not fit; undefined: the sizes are wrong and nothing was written */
  #put(
    key: Encoded | null,
    value: Encoded | null,
    timestamp: number,
    headers: Headers,
    keySize: number,
    valueSize: number,
  ): boolean | undefined {
    const delta = this.#count === 0 ? 0 : timestamp - this.#baseTimestamp
    const short = delta <= INT31 && delta >= -INT31
    const timeSize = short ? varintSize(zigzag(delta)) : varlongSize(zigzagLong(delta))
    const headSize = headers.length === 0 ? 1 : headersSize(headers)
    const size = 1 + timeSize + varintSize(zigzag(this.#count)) + sized(keySize) + sized(valueSize) + headSize
    const total = size + varintSize(zigzag(size))
    if (this.#end + total > this.#limit) return false
    this.#reserve(total + ROOM)
    const b = this.#buffer
    let at = putVarint(b, this.#end, zigzag(size))
    b[at++] = 0
    at = short ? putVarint(b, at, zigzag(delta)) : putVarlong(b, at, zigzagLong(delta))
    at = putVarint(b, at, zigzag(this.#count))
    at = putEncoded(b, at, key, keySize)
    if (at < 0) return undefined
    at = putEncoded(b, at, value, valueSize)
    if (at < 0) return undefined
    if (headers.length === 0) b[at++] = 0
    else at = putHeaders(b, at, headers)
    this.#end = at
    if (this.#count++ === 0) this.#baseTimestamp = this.#maxTimestamp = timestamp
    else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    return true
  }

  /** The batch with base offset 0 and its checksum; the writer is empty afterwards and may be used again. */
  finish(stamp: BatchStamp = NO_STAMP): Buffer {
    // Of its own size: a log in memory keeps it for long.
    const batch = Buffer.allocUnsafeSlow(this.#end)
    this.#buffer.copy(batch, 0, 0, this.#end)
    putInt64(batch, 0, 0)
    putInt32(batch, 8, batch.length - LENGTH_PREFIX)
    putInt32(batch, LENGTH_PREFIX, -1)
    batch[16] = 2
    putInt16(batch, 21, stamp.transactional ? TRANSACTIONAL : 0)
    putInt32(batch, 23, this.#count - 1)
    putInt64(batch, 27, this.#baseTimestamp)
    putInt64(batch, 35, this.#maxTimestamp)
    putInt64(batch, 43, stamp.producerId)
    putInt16(batch, 51, stamp.producerEpoch)
    putInt32(batch, 53, stamp.baseSequence)
    putInt32(batch, 57, this.#count)
    sealBatch(batch)
    giveBack(this.#buffer)
    this.#buffer = EMPTY
    this.#end = HEADER_BYTES
    this.#count = 0
    this.#foreign = false
    return batch
  }

  #reserve(bytes: number): void {
    const need = this.#end + bytes
    if (need <= this.#buffer.length) return
    const larger = takeScratch(need)
    this.#buffer.copy(larger, 0, 0, Math.min(this.#end, this.#buffer.length))
    giveBack(this.#buffer)
    this.#buffer = larger
  }
}

/** Size of a record on the wire at most, for limits and messages. */
export function recordBytes(key: Encoded | null, value: Encoded | null, headers: Headers): number {
  const fixed = 5 + 1 + 9 + 5
  return fixed + sized(encodedSize(key)) + sized(encodedSize(value)) + headersSize(headers)
}

/**
 * The marker that ends a transaction: a batch of one control record, base offset 0.
 * @param coordinatorEpoch as Kafka writes it; 0 where there is no coordinator
 */
export function controlBatch(
  outcome: 'commit' | 'abort',
  producerId: number,
  producerEpoch: number,
  timestamp: number,
  coordinatorEpoch: number = 0,
): Buffer {
  const key = Buffer.alloc(4)
  key[3] = outcome === 'commit' ? 1 : 0
  const value = Buffer.alloc(6)
  putInt32(value, 2, coordinatorEpoch)
  const writer = new BatchWriter()
  writer.append(key, value, timestamp, [])
  const batch = writer.finish({ producerId, producerEpoch, baseSequence: -1, transactional: true })
  putInt16(batch, 21, TRANSACTIONAL | CONTROL)
  sealBatch(batch)
  return batch
}

function encodedSize(data: Encoded | null): number {
  if (data === null) return -1
  return typeof data === 'string' ? Buffer.byteLength(data) : data.length
}

/** Bytes of a length and what follows it; -1 = null. */
function sized(size: number): number {
  return varintSize(zigzag(size)) + (size > 0 ? size : 0)
}

/** @returns the position after it, or -1 when text takes more than `size` bytes */
function putEncoded(b: Buffer, at: number, data: Encoded | null, size: number): number {
  const from = putVarint(b, at, zigzag(size))
  if (size <= 0) return from
  if (typeof data !== 'string') b.set(data!, from)
  else if (size <= SHORT_TEXT && size === data.length) return putShortText(b, from, data)
  else if (b.write(data, from, size + ROOM, 'utf8') !== size) return -1
  return from + size
}

function putShortText(b: Buffer, from: number, text: string): number {
  let all = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    all |= code
    b[from + i] = code
  }
  return all < 0x80 ? from + text.length : -1
}

function headersSize(headers: Headers): number {
  let size = varintSize(zigzag(headers.length))
  for (const { key, value } of headers) size += sized(encodedSize(key)) + sized(encodedSize(value))
  return size
}

function putHeaders(b: Buffer, at: number, headers: Headers): number {
  at = putVarint(b, at, zigzag(headers.length))
  for (const { key, value } of headers) {
    at = putEncoded(b, at, key, encodedSize(key))
    at = putEncoded(b, at, value, encodedSize(value))
  }
  return at
}

/** True if `bytes` lies in memory much larger than itself, so that keeping it would pin the rest. */
export function pinsMore(bytes: Bytes): boolean {
  return bytes.buffer.byteLength > bytes.length * 1.5 + SLACK_BYTES
}

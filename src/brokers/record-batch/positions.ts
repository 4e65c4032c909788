/**
 * Where the records of batches lie: one pass over each record, results in typed arrays, no object per record.
 * Also the cursor for variable-length integers, which must never read on beyond five bytes.
 */
import type { Bytes } from '../../core/record.ts'
import type { BatchHeader } from './header.ts'
import { Malformed } from './malformed.ts'

/**
 * The reading position, shared by the functions below: a result of two numbers would be an object per integer. All
 * reading is synchronous, so there is one reader at a time.
 */
let cursor = 0

export function seek(to: number): void {
  cursor = to
}

export function position(): number {
  return cursor
}

/** The zig-zag integer of 32 bits at the cursor. @throws Malformed */
export function readVarint(bytes: Bytes): number {
  const first = bytes[cursor++]!
  return first < 0x80 ? (first >>> 1) ^ -(first & 1) : restOfVarint(bytes, first & 0x7f)
}

function restOfVarint(bytes: Bytes, low: number): number {
  let value = low
  for (let shift = 7; shift < 35; shift += 7) {
    const byte = bytes[cursor++]!
    value |= (byte & 0x7f) << shift
    if ((byte & 0x80) === 0) return (value >>> 1) ^ -(value & 1)
  }
  throw new Malformed('an integer is longer than five bytes')
}

/** The zig-zag integer of up to 64 bits at the cursor, as a Number. @throws Malformed */
function readVarlong(bytes: Bytes): number {
  const first = bytes[cursor++]!
  if (first < 0x80) return (first >>> 1) ^ -(first & 1)
  let value = first & 0x7f
  let scale = 0x80
  for (let more = 1; more < 10; more++) {
    const byte = bytes[cursor++]!
    value += (byte & 0x7f) * scale
    if ((byte & 0x80) === 0) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    scale *= 0x80
  }
  throw new Malformed('an integer is longer than ten bytes')
}

export class RecordPositions {
  readonly offset: Float64Array
  readonly timestamp: Float64Array
  readonly keyAt: Int32Array
  readonly keySize: Int32Array
  readonly valueAt: Int32Array
  readonly valueSize: Int32Array
  readonly headersAt: Int32Array
  count = 0
  readonly #source: Int32Array
  readonly #sources: readonly Buffer[]

  constructor(capacity: number, sources: readonly Buffer[]) {
    this.offset = new Float64Array(capacity)
    this.timestamp = new Float64Array(capacity)
    this.keyAt = new Int32Array(capacity)
    this.keySize = new Int32Array(capacity)
    this.valueAt = new Int32Array(capacity)
    this.valueSize = new Int32Array(capacity)
    this.headersAt = new Int32Array(capacity)
    this.#source = new Int32Array(capacity)
    this.#sources = sources
  }

  /** The buffer in which record `index` lies. */
  sourceOf(index: number): Buffer {
    return this.#sources[this.#source[index]!]!
  }

  /** Records from `from` on lie in the last source. */
  fromLastSource(from: number): void {
    this.#source.fill(this.#sources.length - 1, from, this.count)
  }
}

export interface BatchPayload {
  readonly data: Buffer
  readonly from: number
  readonly to: number
  readonly header: BatchHeader
  /** All records carry the time at which they were appended. */
  readonly fixedTime: boolean
  /** Records before this offset are left out. */
  readonly wanted: number
}

/** Adds the records of one batch, which lies in the last source. @throws Malformed */
export function indexRecords(into: RecordPositions, batch: BatchPayload): void {
  const { data, to, header, fixedTime, wanted } = batch
  const { offset, timestamp, keyAt, keySize, valueAt, valueSize, headersAt } = into
  const first = into.count
  let n = first
  let last = -1
  cursor = batch.from
  for (let i = 0; i < header.count; i++) {
    const size = readVarint(data)
    const end = cursor + size
    if (size < 0 || end > to) throw new Malformed(`record ${i} goes beyond its batch`)
    cursor++ // attributes: none are defined
    const time = readVarlong(data)
    const delta = readVarint(data)
    if (delta <= last || header.baseOffset + delta > header.lastOffset) {
      throw new Malformed(`record ${i} has the offset delta ${delta} after ${last}`)
    }
    last = delta
    keySize[n] = readVarint(data)
    keyAt[n] = cursor
    skip(keySize[n]!, end, i)
    valueSize[n] = readVarint(data)
    valueAt[n] = cursor
    skip(valueSize[n]!, end, i)
    headersAt[n] = cursor
    if (data[cursor] === 0) cursor++
    else skipHeaders(data, end, i)
    if (cursor !== end) throw new Malformed(`record ${i} has another size than it says`)
    offset[n] = header.baseOffset + delta
    timestamp[n] = fixedTime ? header.maxTimestamp : header.baseTimestamp + time
    if (offset[n]! >= wanted) n++
  }
  if (cursor !== to) throw new Malformed(`${to - cursor} bytes follow its last record`)
  into.count = n
  into.fromLastSource(first)
}

/** Passes `size` bytes (-1 = null) that must end before `end`. */
function skip(size: number, end: number, record: number): void {
  if (size > 0) cursor += size
  if (size < -1 || cursor > end) throw new Malformed(`a field of record ${record} goes beyond it`)
}

/** Passes the headers and checks them, so that reading them later cannot fail. */
function skipHeaders(data: Buffer, end: number, record: number): void {
  const count = readVarint(data)
  if (count < 0) throw new Malformed(`record ${record} has ${count} headers`)
  for (let i = 0; i < count; i++) {
    const size = readVarint(data)
    if (size < 0) throw new Malformed(`a header of record ${record} has no name`)
    skip(size, end, record)
    skip(readVarint(data), end, record)
  }
}

/**
 * An index over fetched record batches: positions in typed arrays, bytes cut out only when asked for.
 * It hands out no control record, no record of an aborted transaction, none before the wanted offset; damaged bytes are
 * SLUICE_CORRUPT_BATCH when the index is made, never later.
 */
import type { FetchedBatch } from '../../core/broker.ts'
import type { Bytes, Header, Headers } from '../../core/record.ts'
import { NO_HEADERS } from '../../core/record.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Serde } from '../../core/serde.ts'
import { AbortedFilter } from './aborted.ts'
import type { AbortedTransaction } from './aborted.ts'
import { decompress } from './decompress.ts'
import {
  COMPRESSION_MASK,
  HEADER_BYTES,
  LOG_APPEND_TIME,
  batchProblem,
  headerProblem,
  readHeader,
} from './header.ts'
import type { BatchHeader } from './header.ts'
import { Malformed } from './malformed.ts'
import { RecordPositions, indexRecords, position, readVarint, seek } from './positions.ts'

export interface ReadOptions {
  readonly topic: string
  readonly partition: number
  /** The wanted offset: earlier records of the first batch are left out. */
  readonly from: number
  /** Passed on as `endOffset`. */
  readonly endOffset: number
  /** Under read_committed the aborted transactions that overlap these batches; absent: everything is visible. */
  readonly aborted?: readonly AbortedTransaction[]
  /** Default true. False only for bytes that never left this process. */
  readonly checkCrc?: boolean
}

/**
 * Indexes the batches in `parts`; each part holds whole batches, and its last may be cut off (as in a fetch response).
 * @throws SLUICE_CORRUPT_BATCH
 */
export function indexBatches(parts: readonly Bytes[], options: ReadOptions): FetchedBatch {
  const visible: VisibleBatch[] = []
  const filter = new AbortedFilter(options.aborted ?? [])
  let nextOffset = options.from
  let bytes = 0
  for (const part of parts) {
    const buffer = asBuffer(part)
    let at = 0
    while (buffer.length - at >= HEADER_BYTES) {
      const header = headerOf(buffer, at, options, nextOffset)
      if (header === undefined) break
      const aborted = guarded(options, header, () => filter.hides(header, buffer, at))
      const hidden = aborted || header.lastOffset < options.from
      if (!hidden && !header.control && header.count > 0) visible.push({ buffer, at, header })
      nextOffset = Math.max(nextOffset, header.lastOffset + 1)
      at += header.size
    }
    bytes += at
  }
  const positions = indexVisible(visible, options)
  return new BatchIndex(positions, options, bytes, nextOffset)
}

interface VisibleBatch {
  readonly buffer: Buffer
  readonly at: number
  readonly header: BatchHeader
}

/** The checked header at `at`, or undefined when the batch is cut off there. */
function headerOf(buffer: Buffer, at: number, options: ReadOptions, offset: number): BatchHeader | undefined {
  let problem = headerProblem(buffer, at)
  if (problem !== undefined) throw corrupt(options, offset, problem)
  const header = readHeader(buffer, at)
  if (header.size > buffer.length - at) return undefined
  if (options.checkCrc !== false) problem = batchProblem(buffer, at)
  if (problem !== undefined) throw corrupt(options, header.baseOffset, problem)
  return header
}

function indexVisible(batches: readonly VisibleBatch[], options: ReadOptions): RecordPositions {
  const sources: Buffer[] = []
  const payloads = batches.map((batch) => payloadOf(batch, options))
  let count = 0
  for (const batch of batches) count += batch.header.count
  const positions = new RecordPositions(count, sources)
  for (const [i, { header }] of batches.entries()) {
    const { data, from, to } = payloads[i]!
    if (sources.at(-1) !== data) sources.push(data)
    const fixedTime = (header.attributes & LOG_APPEND_TIME) !== 0
    const batch = { data, from, to, header, fixedTime, wanted: options.from }
    guarded(options, header, () => indexRecords(positions, batch))
  }
  return positions
}

/** Where the records of a batch lie once decompressed. */
function payloadOf(batch: VisibleBatch, options: ReadOptions): { data: Buffer; from: number; to: number } {
  const { buffer, at, header } = batch
  const from = at + HEADER_BYTES
  const to = at + header.size
  const codec = header.attributes & COMPRESSION_MASK
  return guarded(options, header, () => {
    const payload = codec === 0 ? { data: buffer, from, to } : unpacked(codec, buffer.subarray(from, to))
    const fewest = header.count * SMALLEST_RECORD
    // Checked before the arrays are made: a damaged count must not take all memory.
    if (fewest > payload.to - payload.from) throw new Malformed(`${header.count} records cannot be in it`)
    return payload
  })
}

/** Runs a decoder on one batch and says where, when the bytes are damaged. */
function guarded<T>(options: ReadOptions, header: BatchHeader, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw error instanceof Malformed ? corrupt(options, header.baseOffset, error.message) : error
  }
}

function unpacked(codec: number, bytes: Buffer): { data: Buffer; from: number; to: number } {
  const data = asBuffer(decompress(codec, bytes))
  return { data, from: 0, to: data.length }
}

/** Length, attributes, two deltas, two sizes and the header count, a byte each. */
const SMALLEST_RECORD = 7

function corrupt(options: ReadOptions, offset: number, problem: string): Error {
  return sluiceError('SLUICE_CORRUPT_BATCH', {
    topic: options.topic,
    partition: options.partition,
    offset,
    problem,
  })
}

function asBuffer(bytes: Bytes): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

class BatchIndex implements FetchedBatch {
  readonly kind = 'records'
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly bytes: number
  readonly nextOffset: number
  readonly endOffset: number
  readonly #at: RecordPositions

  constructor(positions: RecordPositions, options: ReadOptions, bytes: number, nextOffset: number) {
    this.topic = options.topic
    this.partition = options.partition
    this.count = positions.count
    this.bytes = bytes
    this.nextOffset = nextOffset
    this.endOffset = options.endOffset
    this.#at = positions
  }

  offsetAt(index: number): number {
    return this.#at.offset[index]!
  }

  timestampAt(index: number): number {
    return this.#at.timestamp[index]!
  }

  keyAt(index: number): Bytes | null {
    const size = this.#at.keySize[index]!
    if (size < 0) return null
    const from = this.#at.keyAt[index]!
    return this.#at.sourceOf(index).subarray(from, from + size)
  }

  valueAt(index: number): Bytes | null {
    const size = this.#at.valueSize[index]!
    if (size < 0) return null
    const from = this.#at.valueAt[index]!
    return this.#at.sourceOf(index).subarray(from, from + size)
  }

  decodeKey(index: number, serde: Serde<unknown>): unknown {
    const size = this.#at.keySize[index]!
    return size < 0 ? null : this.#decoded(index, serde, this.#at.keyAt[index]!, size)
  }

  keySize(index: number): number {
    return this.#at.keySize[index]!
  }

  decodeValue(index: number, serde: Serde<unknown>): unknown {
    const size = this.#at.valueSize[index]!
    return size < 0 ? null : this.#decoded(index, serde, this.#at.valueAt[index]!, size)
  }

  #decoded(index: number, serde: Serde<unknown>, from: number, size: number): unknown {
    const source = this.#at.sourceOf(index)
    if (serde.deserializeAt !== undefined) return serde.deserializeAt(source, from, from + size)
    return serde.deserialize(source.subarray(from, from + size))
  }

  headersAt(index: number): Headers {
    const source = this.#at.sourceOf(index)
    const at = this.#at.headersAt[index]!
    if (source[at] === 0) return NO_HEADERS
    seek(at)
    const count = readVarint(source)
    const headers: Header[] = []
    for (let i = 0; i < count; i++) {
      const keyEnd = readVarint(source) + position()
      const key = source.toString('utf8', position(), keyEnd)
      seek(keyEnd)
      const size = readVarint(source)
      const value = size < 0 ? null : source.subarray(position(), position() + size)
      if (size > 0) seek(position() + size)
      headers.push({ key, value })
    }
    return headers
  }
}

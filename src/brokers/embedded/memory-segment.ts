/** A segment whose batches live in memory. */
import type { Bytes } from '../../core/record.ts'
import type { BatchHeader } from '../record-batch/header.ts'
import { readHeader } from '../record-batch/header.ts'
import { pinsMore } from '../record-batch/writer.ts'
import type { Segment } from './segment.ts'

export class MemorySegment implements Segment {
  readonly baseOffset: number
  readonly #batches: Bytes[] = []
  readonly #lastOffsets: number[] = []
  /** Newest record up to and with each batch. */
  readonly #maxTimestamps: number[] = []
  #bytes = 0

  constructor(baseOffset: number, batches: readonly Bytes[] = []) {
    this.baseOffset = baseOffset
    for (const batch of batches) this.add(batch, readHeader(batch))
  }

  get nextOffset(): number {
    return (this.#lastOffsets.at(-1) ?? this.baseOffset - 1) + 1
  }

  get bytes(): number {
    return this.#bytes
  }

  get maxTimestamp(): number {
    return this.#maxTimestamps.at(-1) ?? -1
  }

  add(batch: Bytes, header: BatchHeader): void {
    this.#maxTimestamps.push(Math.max(this.maxTimestamp, header.maxTimestamp))
    this.#batches.push(pinsMore(batch) ? Buffer.from(batch) : batch)
    this.#lastOffsets.push(header.lastOffset)
    this.#bytes += batch.length
  }

  read(offset: number, maxBytes: number, limit: number): readonly Bytes[] {
    return takeBatches(this.#batches, firstAtLeast(this.#lastOffsets, offset), maxBytes, limit)
  }

  offsetBefore(timestamp: number): number {
    const index = firstAtLeast(this.#maxTimestamps, timestamp)
    return index === 0 ? this.baseOffset : this.#lastOffsets[index - 1]! + 1
  }
}

/** Batches from `from` on: at least one, up to `maxBytes`, below the offset `limit`. */
export function takeBatches(
  batches: readonly Bytes[],
  from: number,
  maxBytes: number,
  limit: number,
): readonly Bytes[] {
  let bytes = 0
  let end = from
  for (; end < batches.length; end++) {
    const batch = batches[end]!
    bytes += batch.length
    if ((end > from && bytes > maxBytes) || readHeader(batch).baseOffset >= limit) break
  }
  return batches.slice(from, end)
}

/** Index of the first element >= `wanted` in an ascending list; its length when there is none. */
export function firstAtLeast(ascending: readonly number[], wanted: number): number {
  let low = 0
  for (let high = ascending.length; low < high;) {
    const middle = (low + high) >> 1
    if (ascending[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}

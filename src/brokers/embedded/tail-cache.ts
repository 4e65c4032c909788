/**
 * The newest batches of logs, kept in memory so that readers at the end never touch the disk. Bounded per log and in
 * total; it holds nothing that is not durable.
 */
import type { Bytes } from '../../core/record.ts'
import type { BatchHeader } from '../record-batch/header.ts'
import { firstAtLeast, takeBatches } from './memory-segment.ts'

const PER_LOG = 16 * 1024 * 1024
const IN_TOTAL = 128 * 1024 * 1024

/** Shared by the logs of a process: the log that was quiet for longest gives way first. */
export class TailBudget {
  readonly perLog: number
  readonly #total: number
  /** Logs with content, quietest first (a Set keeps the order of insertion). */
  readonly #caches = new Set<TailCache>()
  #bytes = 0

  constructor(perLog: number = PER_LOG, total: number = IN_TOTAL) {
    this.perLog = perLog
    this.#total = total
  }

  changed(cache: TailCache, by: number): void {
    this.#bytes += by
    if (by < 0) return
    this.#caches.delete(cache)
    this.#caches.add(cache)
    for (const quietest of this.#caches) {
      if (this.#bytes <= this.#total || quietest === cache) return
      quietest.clear()
      this.#caches.delete(quietest)
    }
  }

  forget(cache: TailCache): void {
    cache.clear()
    this.#caches.delete(cache)
  }
}

export class TailCache {
  readonly #budget: TailBudget
  #batches: Bytes[] = []
  #lastOffsets: number[] = []
  /** Elements before this are gone; they are cut off now and then, not one by one. */
  #begin = 0
  #bytes = 0
  /** First offset held. */
  #from = Infinity

  constructor(budget: TailBudget) {
    this.#budget = budget
  }

  add(batch: Bytes, header: BatchHeader): void {
    if (this.#from === Infinity) this.#from = header.baseOffset
    this.#batches.push(batch)
    this.#lastOffsets.push(header.lastOffset)
    this.#bytes += batch.length
    let by = batch.length
    while (this.#bytes > this.#budget.perLog && this.#begin < this.#batches.length - 1)
      by -= this.#dropFirst()
    this.#budget.changed(this, by)
  }

  /** Batches from the one containing `offset` on, or undefined when that one is not here. */
  take(offset: number, maxBytes: number, limit: number): readonly Bytes[] | undefined {
    if (offset < this.#from) return undefined
    const index = Math.max(this.#begin, firstAtLeast(this.#lastOffsets, offset))
    return takeBatches(this.#batches, index, maxBytes, limit)
  }

  /** Batches before `offset` were rewritten: readers must come to see what became of them. */
  dropBelow(offset: number): void {
    let by = 0
    while (this.#begin < this.#batches.length && this.#lastOffsets[this.#begin]! < offset)
      by -= this.#dropFirst()
    if (this.#begin === this.#batches.length) this.#from = Infinity
    this.#budget.changed(this, by)
  }

  clear(): void {
    this.#budget.changed(this, -this.#bytes)
    this.#batches = []
    this.#lastOffsets = []
    this.#begin = 0
    this.#bytes = 0
    this.#from = Infinity
  }

  #dropFirst(): number {
    const size = this.#batches[this.#begin]!.length
    this.#from = this.#lastOffsets[this.#begin]! + 1
    this.#bytes -= size
    this.#batches[this.#begin++] = EMPTY
    if (this.#begin > 1024 && this.#begin * 2 > this.#batches.length) {
      this.#batches.splice(0, this.#begin)
      this.#lastOffsets.splice(0, this.#begin)
      this.#begin = 0
    }
    return size
  }
}

const EMPTY: Bytes = new Uint8Array(0)

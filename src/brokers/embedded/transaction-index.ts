/**
 * Which transactions a log holds: open, aborted, and ended by a marker that is not yet durable. It follows from the
 * batches alone, so it is rebuilt by adding them again; it decides nothing.
 */
import type { BatchHeader } from '../record-batch/header.ts'

/** A transaction that was aborted in one log. */
export interface AbortedRange {
  readonly producerId: number
  readonly firstOffset: number
  /** Offset of its marker. */
  readonly lastOffset: number
}

export class TransactionIndex {
  /** First offset of each producer's open transaction, oldest first (a Map keeps the order of insertion). */
  readonly #open = new Map<number, number>()
  /** Ended ones whose marker may not be durable yet, in the order of their markers. */
  #ending: AbortedRange[] = []
  /** In the order of their markers. */
  #aborted: AbortedRange[] = []

  /** Batches must come in offset order. */
  add(header: BatchHeader, marker: 'commit' | 'abort' | undefined): void {
    const { producerId } = header
    if (!header.control) {
      if (header.transactional && !this.#open.has(producerId)) this.#open.set(producerId, header.baseOffset)
      return
    }
    const firstOffset = this.#open.get(producerId)
    if (marker === undefined || firstOffset === undefined) return
    this.#open.delete(producerId)
    const range = { producerId, firstOffset, lastOffset: header.lastOffset }
    this.#ending.push(range)
    if (marker === 'abort') this.#aborted.push(range)
  }

  /**
   * Everything below is decided, durably: an outcome whose marker could still be lost in a crash must not be seen.
   * @param durable the high watermark
   */
  stableOffset(durable: number): number {
    if (this.#ending.length > 0 && this.#ending[0]!.lastOffset < durable) {
      this.#ending = this.#ending.filter(({ lastOffset }) => lastOffset >= durable)
    }
    let stable = durable
    for (const { firstOffset } of this.#ending) stable = Math.min(stable, firstOffset)
    for (const first of this.#open.values()) return Math.min(stable, first)
    return stable
  }

  /** Aborted transactions that overlap [from, to). */
  aborted(from: number, to: number): readonly AbortedRange[] {
    const all = this.#aborted
    let low = 0
    for (let high = all.length; low < high;) {
      const middle = (low + high) >> 1
      if (all[middle]!.lastOffset < from) low = middle + 1
      else high = middle
    }
    return all.slice(low).filter(({ firstOffset }) => firstOffset < to)
  }

  /** The log starts at `offset` now. */
  forgetBelow(offset: number): void {
    this.#aborted = this.#aborted.filter(({ lastOffset }) => lastOffset >= offset)
  }
}

/**
 * Which batches of a fetch belong to aborted transactions. Works on one response: a fetch may begin inside an aborted
 * transaction, and then the list names it.
 */
import type { Bytes } from '../../core/record.ts'
import { HEADER_BYTES } from './header.ts'
import type { BatchHeader } from './header.ts'
import { readVarint, position, seek } from './positions.ts'

/** One aborted transaction of one partition, as in Kafka's fetch response. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /**
   * Offset of the abort marker, where it is known (Kafka does not send it): hides nothing beyond, even when compaction
   * removed the marker.
   */
  readonly lastOffset?: number
}

export class AbortedFilter {
  readonly #list: readonly AbortedTransaction[]
  #next = 0
  /** Aborted transactions begun before the batch at hand and not yet ended, by producer. */
  readonly #live = new Map<number, AbortedTransaction>()

  constructor(list: readonly AbortedTransaction[]) {
    this.#list = list.length < 2 ? list : [...list].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** True if the records of this batch must not be seen. Batches must come in offset order. */
  hides(header: BatchHeader, bytes: Bytes, at: number): boolean {
    if (this.#list.length === 0 || !header.transactional) return false
    while (this.#next < this.#list.length && this.#list[this.#next]!.firstOffset <= header.lastOffset) {
      const begun = this.#list[this.#next++]!
      this.#live.set(begun.producerId, begun)
    }
    const live = this.#live.get(header.producerId)
    if (live === undefined) return false
    if (live.lastOffset !== undefined && header.baseOffset > live.lastOffset) {
      this.#live.delete(header.producerId)
      return false
    }
    if (header.control && markerOf(header, bytes, at) === 'abort') this.#live.delete(header.producerId)
    return !header.control
  }
}

/** What a control batch says, or undefined when it is no end of a transaction. */
export function markerOf(header: BatchHeader, bytes: Bytes, at: number = 0): 'commit' | 'abort' | undefined {
  if (!header.control || header.count === 0) return undefined
  seek(at + HEADER_BYTES)
  readVarint(bytes) // size
  seek(position() + 1) // attributes
  readVarint(bytes) // timestamp delta: 0 in a marker
  readVarint(bytes) // offset delta
  if (readVarint(bytes) < 4) return undefined
  const type = (bytes[position() + 2]! << 8) | bytes[position() + 3]!
  if (type === 0) return 'abort'
  return type === 1 ? 'commit' : undefined
}

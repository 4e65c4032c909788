/** How a store is kept in memory; the same for every kind of store. */
import type { FlowRecord } from '../../core/record.ts'

export interface StateOptions {
  /** Clean objects kept at most. Default 100,000. */
  readonly maxCacheEntries?: number
  /** Estimated bytes of clean objects kept at most. Default 16 MiB. */
  readonly maxCacheBytes?: number
  /**
   * Freezes values deeply when they enter or are read first, so that a mutation of an owned value throws. For tests and
   * development. Default false.
   */
  readonly freeze?: boolean
  /** Keeps what changed since the last `drainChanges`. Default false. */
  readonly trackChanges?: boolean
  /** With `trackChanges`: also the value before the first change since then (costs a read of uncached keys). Default false. */
  readonly keepOld?: boolean
  /** The record being processed; asked only when an update is made without one. */
  readonly current?: () => FlowRecord | undefined
  /** Told of each put that was dropped since its window or version is past retention. */
  readonly expired?: (record: FlowRecord | undefined, store: string) => void
  /** The node that writes the store, for error messages. Default `store <name>`. */
  readonly node?: string
}

/**
 * What a log is made of: segments, of which only the last one grows, and the store that keeps them.
 * `memory-log.ts` and `folder-log.ts` are the stores; all rules (offsets, transactions, retention) live in `segmented-log.ts`.
 */
import type { Bytes } from '../../core/record.ts'
import type { BatchHeader } from '../record-batch/header.ts'

export interface Segment {
  readonly baseOffset: number
  /** After its last batch; equal to baseOffset when it is empty. */
  readonly nextOffset: number
  readonly bytes: number
  /** Newest record, -1 when it is empty. */
  readonly maxTimestamp: number
  /** Batches from the one containing `offset` on, below `limit`; none when the segment holds none of them. */
  read(offset: number, maxBytes: number, limit: number): readonly Bytes[] | Promise<readonly Bytes[]>
  /** An offset from which reading finds the first record of at least `timestamp`. */
  offsetBefore(timestamp: number): number
}

/** What a log keeps besides its batches. */
export interface Checkpoint {
  readonly startOffset: number
  /** Tombstones below `below` survived a compaction at `at` (ms since 1970). In the order of time. */
  readonly tombstones: readonly TombstoneMark[]
}

export interface TombstoneMark {
  readonly below: number
  readonly at: number
}

export const NEW_LOG: Checkpoint = Object.freeze({ startOffset: 0, tombstones: [] })

export interface SegmentStore {
  /** Everything appended below this is durable. */
  readonly durable: number
  /** Begins an empty segment; it becomes the one that grows. */
  create(baseOffset: number): Segment
  /** Adds a batch to the segment created last. @throws SLUICE_DISK when an earlier write failed */
  append(batch: Bytes, header: BatchHeader): void
  flushed(): Promise<void>
  /** Batches from `offset` on if the recent ones, kept in memory, reach back to it. */
  recent(offset: number, maxBytes: number, limit: number): readonly Bytes[] | undefined
  /** Replaces closed neighbours by one segment of the same base offset; all or nothing in a crash. */
  replace(old: readonly Segment[], batches: readonly Bytes[]): Promise<Segment>
  /** Removes closed segments at the beginning, oldest first. */
  remove(segments: readonly Segment[]): Promise<void>
  save(checkpoint: Checkpoint): Promise<void>
  /** Ends reading and writing; what was appended is durable afterwards. */
  close(): Promise<void>
}

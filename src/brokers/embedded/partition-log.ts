/**
 * The contract of one partition's log: RecordBatch v2 batches in offset order, in memory or in segments on disk.
 * It knows offsets, durability, retention and compaction; it must never know groups or decide about transactions
 * (it only indexes which transactional batches and markers it holds).
 */
import type { Bytes } from '../../core/record.ts'

/** The last batches of a producer, oldest first (at most five): what idempotence needs to know after a restart. */
export interface ProducerHistory {
  readonly producerId: number
  readonly producerEpoch: number
  readonly batches: readonly ProducedBatch[]
}

export interface ProducedBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
}

export interface PartitionLog {
  readonly topic: string
  readonly partition: number
  /** What was found of producers when the log was opened; it is not kept up to date afterwards. */
  readonly producers: readonly ProducerHistory[]
  /** First offset kept. */
  readonly startOffset: number
  /** Offset of the next append. */
  readonly nextOffset: number
  /** Everything below is durable (fsynced in a folder, at once in memory): the high watermark readers see. */
  readonly highWatermark: number
  /** Last stable offset: the first offset of the oldest open transaction, or the high watermark. */
  readonly stableOffset: number
  /**
   * Appends one encoded batch (base offset 0, CRC set; base offset and leader epoch are patched here, outside the CRC).
   * Visible to readers only once `highWatermark` passed it.
   * @param sealed the caller set the CRC in this very turn and handed the bytes to nobody since: checking it would compute
   *   the same sum over the same memory again, a tenth of what a small record costs to write. Everything else is checked.
   * @returns base and last offset given to it
   */
  append(batch: Bytes, sealed?: boolean): { readonly baseOffset: number; readonly lastOffset: number }
  /** Resolves when everything appended so far is durable; rejects with SLUICE_DISK (then the log refuses appends). */
  flushed(): Promise<void>
  /**
   * Whole batches from the one containing `offset` on, up to `maxBytes` but at least one, below `limit`. A part may hold
   * several batches. None only when `offset` is at `limit` or at the high watermark.
   * @throws SLUICE_OFFSET_OUT_OF_RANGE, SLUICE_SEGMENT_BROKEN
   */
  read(offset: number, maxBytes: number, limit: number): Promise<readonly Bytes[]> | readonly Bytes[]
  /** Aborted transactions overlapping [from, to): producer and first offset, as in Kafka's fetch response. */
  aborted(
    from: number,
    to: number,
  ): readonly { readonly producerId: number; readonly firstOffset: number; readonly lastOffset: number }[]
  /** First offset whose timestamp is >= `timestamp`, or undefined. */
  offsetOfTime(timestamp: number): Promise<number | undefined>
  /** Moves startOffset forward. */
  deleteRecords(offset: number): Promise<void>
  /** One pass of retention (time, size) and compaction by the topic's config; never touches the active segment or what is above stableOffset. */
  clean(now: number): Promise<void>
  close(): Promise<void>
}

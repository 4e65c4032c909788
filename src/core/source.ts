/**
 * Port of systems that records are captured from: a table, a file, a feed. A source only reads; keeping its position and
 * writing the records is the business of `connect/source-task`, in one transaction, so a source must never remember
 * anything outside the position it hands out.
 */
import type { Encoded, Headers } from './record.ts'

export interface RecordSource {
  /** Where the records come from, for messages: `sqlite airports.db: airports`. */
  readonly label: string
  /** Every topic it may write to. */
  readonly topics: readonly SourceTopic[]
  /**
   * Starts reading behind `position`: one that a batch of this source carried, or undefined for the very beginning.
   * @throws SLUICE_CONFIG_INVALID when what it reads is not there, SLUICE_SOURCE_FAILED when it cannot be read
   */
  open(position: string | undefined): Promise<SourceReader>
}

export interface SourceTopic {
  readonly name: string
  /** The newest record of a key replaces older ones (tables): the topic is created compacted. */
  readonly compacted: boolean
}

/** One reading of a source; used by one task, calls never overlap. */
export interface SourceReader {
  /**
   * Up to about `limit` records behind the last batch. May be empty: there is nothing (yet), ask again later.
   * The same position must always give the same records first, or a restart would lose or double some.
   * @throws SLUICE_SOURCE_FAILED (the reader is closed and opened again at the last committed position)
   */
  poll(limit: number): Promise<SourceBatch>
  close(): Promise<void>
}

export interface SourceBatch {
  readonly records: readonly SourceRecord[]
  /** Where to go on behind these records; opaque text, kept with them. */
  readonly position: string
  /** True when everything that was there at the time of the poll has been handed out. */
  readonly atEnd: boolean
}

export interface SourceRecord {
  readonly topic: string
  readonly key: Encoded | null
  readonly value: Encoded | null
  /** Event time, ms since 1970; absent: the time of writing. */
  readonly timestamp?: number
  readonly headers?: Headers
}

/**
 * The rules of a partition's log over any store of segments: offsets, what readers may see, time look-ups, retention,
 * compaction. It never touches a file itself.
 *
 * For the broker on top: the log owns a batch from `append` on. A control batch ends the transaction of its producer here;
 * `stableOffset` and `aborted` follow once the marker is durable. `clean` may run beside everything else.
 */
import type { Bytes } from '../../core/record.ts'
import { sluiceError } from '../../core/errors.ts'
import { markerOf } from '../record-batch/aborted.ts'
import { batchProblem, placeBatch, readHeader } from '../record-batch/header.ts'
import { indexBatches } from '../record-batch/reader.ts'
import { compact } from './compaction.ts'
import type { LogConfig } from './log-config.ts'
import type { PartitionLog, ProducerHistory } from './partition-log.ts'
import type { Segment, SegmentStore, TombstoneMark } from './segment.ts'
import type { AbortedRange } from './transaction-index.ts'
import { TransactionIndex } from './transaction-index.ts'

const TIME_READ_BYTES = 256 * 1024

export interface SegmentedLogParts {
  readonly topic: string
  readonly partition: number
  readonly config: LogConfig
  readonly store: SegmentStore
  /** What was found, in offset order; the last one grows on. Empty: a new log. */
  readonly segments: readonly Segment[]
  readonly startOffset: number
  readonly tombstones: readonly TombstoneMark[]
  readonly transactions?: TransactionIndex
  readonly producers?: readonly ProducerHistory[]
}

export class SegmentedLog implements PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly producers: readonly ProducerHistory[]
  readonly #config: LogConfig
  readonly #store: SegmentStore
  readonly #transactions: TransactionIndex
  #segments: Segment[]
  #startOffset: number
  #nextOffset: number
  #tombstones: readonly TombstoneMark[]
  /** The active segment and when a pass first saw it with content. */
  #aging: { readonly segment: Segment; readonly since: number } | undefined
  /** Compacted so far, in this process. */
  #cleanedTo = 0
  #closed = false
  /** Deleting, cleaning and closing go one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: SegmentedLogParts) {
    this.topic = parts.topic
    this.partition = parts.partition
    this.producers = parts.producers ?? []
    this.#config = parts.config
    this.#store = parts.store
    this.#transactions = parts.transactions ?? new TransactionIndex()
    this.#segments = parts.segments.length > 0 ? [...parts.segments] : [parts.store.create(parts.startOffset)]
    this.#nextOffset = Math.max(parts.startOffset, this.#segments.at(-1)!.nextOffset)
    this.#startOffset = parts.startOffset
    this.#tombstones = parts.tombstones
  }

  get startOffset(): number {
    return this.#startOffset
  }

  get nextOffset(): number {
    return this.#nextOffset
  }

  get highWatermark(): number {
    return Math.min(this.#nextOffset, this.#store.durable)
  }

  get stableOffset(): number {
    return Math.max(this.#startOffset, this.#transactions.stableOffset(this.highWatermark))
  }

  append(
    batch: Bytes,
    sealed: boolean = false,
  ): { readonly baseOffset: number; readonly lastOffset: number } {
    if (this.#closed) throw sluiceError('SLUICE_CLOSED', { what: `log ${this.topic}-${this.partition}` })
    const problem =
      batchProblem(batch, 0, !sealed) ??
      (readHeader(batch).size < batch.length ? 'bytes follow it' : undefined)
    if (problem !== undefined) throw this.#corrupt(problem)
    const baseOffset = this.#nextOffset
    placeBatch(batch, baseOffset, 0)
    const header = readHeader(batch)
    const active = this.#segments.at(-1)!
    if (active.bytes > 0 && active.bytes + batch.length > this.#config.segmentBytes) this.#roll()
    this.#store.append(batch, header)
    this.#nextOffset = header.lastOffset + 1
    if (header.transactional) this.#transactions.add(header, markerOf(header, batch))
    return { baseOffset, lastOffset: header.lastOffset }
  }

  flushed(): Promise<void> {
    return this.#store.flushed()
  }

  read(offset: number, maxBytes: number, limit: number): Promise<readonly Bytes[]> | readonly Bytes[] {
    if (offset < this.#startOffset || offset > this.#nextOffset) throw this.#outOfRange(offset)
    const end = Math.min(limit, this.highWatermark)
    if (offset >= end) return []
    return (
      this.#store.recent(offset, maxBytes, end) ??
      this.#readFrom(this.#indexOf(offset), offset, maxBytes, end)
    )
  }

  aborted(from: number, to: number): readonly AbortedRange[] {
    return this.#transactions.aborted(from, to)
  }

  async offsetOfTime(timestamp: number): Promise<number | undefined> {
    for (const segment of this.#segments.slice()) {
      if (segment.maxTimestamp < timestamp) continue
      const found = await this.#searchTime(
        Math.max(this.#startOffset, segment.offsetBefore(timestamp)),
        timestamp,
      )
      if (found !== undefined) return found
    }
    return undefined
  }

  deleteRecords(offset: number): Promise<void> {
    return this.#inTurn(async () => {
      if (offset > this.highWatermark) throw this.#outOfRange(offset)
      await this.#moveStart(offset)
    })
  }

  clean(now: number): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#closed) return
      this.#rollIfOld(now)
      if (this.#config.deletes) await this.#retain(now)
      if (this.#config.compacts) await this.#compact(now)
    })
  }

  close(): Promise<void> {
    this.#closed = true
    return this.#inTurn(() => this.#store.close())
  }

  #roll(): void {
    this.#segments.push(this.#store.create(this.#nextOffset))
  }

  /** Records of a quiet partition must get old enough to go, so the active segment ends by time too. */
  #rollIfOld(now: number): void {
    const { segmentMs, retentionMs, deletes } = this.#config
    const active = this.#segments.at(-1)!
    if (active.bytes === 0) return
    if (this.#aging?.segment !== active) this.#aging = { segment: active, since: now }
    const expired = deletes && now - active.maxTimestamp > retentionMs
    // By the clock, not by its records: those of a replay of old data would end a segment at every pass.
    if (expired || now - this.#aging.since > segmentMs) this.#roll()
  }

  /** Segments that may go or be rewritten: closed, durable, without an undecided record. */
  #closedSegments(): readonly Segment[] {
    const stable = this.stableOffset
    return this.#segments.slice(0, -1).filter(({ nextOffset }) => nextOffset <= stable)
  }

  async #retain(now: number): Promise<void> {
    const { retentionMs, retentionBytes } = this.#config
    let total = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
    let start = this.#startOffset
    for (const segment of this.#closedSegments()) {
      const expired = now - segment.maxTimestamp > retentionMs
      if (!expired && total - segment.bytes < retentionBytes) break
      total -= segment.bytes
      start = this.#segments[this.#segments.indexOf(segment) + 1]!.baseOffset
    }
    await this.#moveStart(start)
  }

  /** The new start is durable before anything goes: records must not come back after they were seen to be gone. */
  async #moveStart(offset: number): Promise<void> {
    if (offset <= this.#startOffset) return
    await this.#store.save({ startOffset: offset, tombstones: this.#tombstones })
    this.#startOffset = offset
    this.#transactions.forgetBelow(offset)
    const gone = this.#segments.slice(0, -1).filter((_, i) => this.#segments[i + 1]!.baseOffset <= offset)
    this.#segments = this.#segments.slice(gone.length)
    if (gone.length > 0) await this.#store.remove(gone)
  }

  async #compact(now: number): Promise<void> {
    const segments = this.#closedSegments()
    const dirty = segments.filter(({ baseOffset }) => baseOffset >= this.#cleanedTo)
    const ripe = this.#tombstones.findLast(({ at }) => now - at > this.#config.deleteRetentionMs)
    const share = sumOf(dirty) / Math.max(1, sumOf(segments))
    if ((dirty.length === 0 || share < this.#config.dirtyRatio) && ripe === undefined) return
    const result = await compact({
      topic: this.topic,
      partition: this.partition,
      segments,
      from: this.#startOffset,
      segmentBytes: this.#config.segmentBytes,
      dropTombstonesBelow: ripe?.below ?? 0,
      aborted: (from, to) => this.aborted(from, to),
      replace: (old, batches) => this.#replace(old, batches),
    })
    this.#cleanedTo = segments.at(-1)?.nextOffset ?? 0
    await this.#markTombstones(now, ripe, result.keptTombstonesBelow)
  }

  async #replace(old: readonly Segment[], batches: readonly Bytes[]): Promise<void> {
    const made = await this.#store.replace(old, batches)
    this.#segments.splice(this.#segments.indexOf(old[0]!), old.length, made)
  }

  async #markTombstones(now: number, ripe: TombstoneMark | undefined, below: number): Promise<void> {
    const marks = this.#tombstones.filter((mark) => ripe === undefined || mark.at > ripe.at)
    const known = marks.at(-1)?.below ?? ripe?.below ?? 0
    if (below > known) marks.push({ below, at: now })
    if (marks.length === 0 && this.#tombstones.length === 0) return
    await this.#store.save({ startOffset: this.#startOffset, tombstones: marks })
    this.#tombstones = marks
  }

  /** The segment that holds `offset`, or the first one after it. */
  #indexOf(offset: number): number {
    const index = this.#segments.findLastIndex(({ baseOffset }) => baseOffset <= offset)
    return Math.max(0, index)
  }

  /** Goes on to the next segment when compaction left nothing from `offset` on in this one. */
  #readFrom(
    index: number,
    offset: number,
    maxBytes: number,
    limit: number,
  ): readonly Bytes[] | Promise<readonly Bytes[]> {
    const segment = this.#segments[index]
    if (segment === undefined || segment.baseOffset >= limit) return []
    const parts = segment.read(offset, maxBytes, limit)
    const goOn = (): readonly Bytes[] | Promise<readonly Bytes[]> =>
      this.#readFrom(this.#segments.indexOf(segment) + 1, offset, maxBytes, limit)
    if (parts instanceof Promise) return parts.then((found) => (found.length > 0 ? found : goOn()))
    return parts.length > 0 ? parts : goOn()
  }

  async #searchTime(from: number, timestamp: number): Promise<number | undefined> {
    const end = this.highWatermark
    for (let offset = from; offset < end;) {
      offset = Math.max(offset, this.#startOffset)
      const parts = await this.read(offset, TIME_READ_BYTES, end)
      const { topic, partition } = this
      const index = indexBatches(parts, { topic, partition, from: offset, endOffset: end })
      for (let i = 0; i < index.count; i++) if (index.timestampAt(i) >= timestamp) return index.offsetAt(i)
      if (index.nextOffset === offset) return undefined
      offset = index.nextOffset
    }
    return undefined
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(run)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  #outOfRange(offset: number): Error {
    const { topic, partition, startOffset: start, nextOffset: end } = this
    return sluiceError('SLUICE_OFFSET_OUT_OF_RANGE', { topic, partition, offset, start, end })
  }

  #corrupt(problem: string): Error {
    const { topic, partition, nextOffset: offset } = this
    return sluiceError('SLUICE_CORRUPT_BATCH', { topic, partition, offset, problem })
  }
}

function sumOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0)
}

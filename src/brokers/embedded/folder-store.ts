/**
 * Keeps the segments of one log in a folder. Acknowledged means fsynced: one write and sync is under way at a time, the next
 * takes all that was appended meanwhile. After a failed write the log takes nothing more, since nobody knows what is on disk.
 */
import type { Disk, DiskFile } from '../../core/disk.ts'
import type { Bytes } from '../../core/record.ts'
import type { BatchHeader } from '../record-batch/header.ts'
import { LENGTH_PREFIX, putInt32, readHeader } from '../record-batch/header.ts'
import { pinsMore } from '../record-batch/writer.ts'
import { saveCheckpoint } from './checkpoint.ts'
import { FileSegment } from './file-segment.ts'
import type { Checkpoint, Segment, SegmentStore } from './segment.ts'
import { finishSwap, prepareSwap } from './segment-swap.ts'
import type { TailBudget } from './tail-cache.ts'
import { TailCache } from './tail-cache.ts'
import { groupEpoch } from './write-group.ts'

interface Queued {
  readonly segment: FileSegment
  readonly batch: Bytes
  readonly header: BatchHeader
  readonly position: number
}

interface Round {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

export interface FolderStoreParts {
  readonly disk: Disk
  readonly folder: string
  readonly budget: TailBudget
  readonly checkpoint: Checkpoint
  /** Where the log ends and its last segment, with the group that is written next. */
  readonly durable: number
  readonly active: FileSegment | undefined
  readonly nextGroup: number
}

export class FolderStore implements SegmentStore {
  readonly #disk: Disk
  readonly #folder: string
  readonly #budget: TailBudget
  readonly #tail: TailCache
  #durable: number
  #checkpoint: Checkpoint
  #savedEnd = -1
  #active: FileSegment | undefined
  #nextGroup: number
  /** The file of the segment written last. */
  #file: { readonly segment: FileSegment; readonly file: DiskFile } | undefined
  #queue: Queued[] = []
  #next: Round = newRound()
  #current: Round | undefined
  /** The loop of rounds; never rejects. */
  #writer: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  constructor(parts: FolderStoreParts) {
    this.#disk = parts.disk
    this.#folder = parts.folder
    this.#budget = parts.budget
    this.#tail = new TailCache(parts.budget)
    this.#durable = parts.durable
    this.#checkpoint = parts.checkpoint
    this.#active = parts.active
    this.#nextGroup = parts.nextGroup
  }

  get durable(): number {
    return this.#durable
  }

  /** The file appears with the first batch written into it. */
  create(baseOffset: number): Segment {
    this.#active = new FileSegment(this.#disk, this.#folder, baseOffset)
    return this.#active
  }

  append(batch: Bytes, header: BatchHeader): void {
    if (this.#failure !== undefined) throw this.#failure.error
    const segment = this.#active!
    this.#queue.push({ segment, batch, header, position: segment.add(header) })
    if (this.#current !== undefined) return
    this.#current = this.#next
    // Begun in a later turn of the microtask queue: what is appended in this one goes with it.
    this.#writer = Promise.resolve().then(() => this.#writeAll())
  }

  flushed(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error)
    if (this.#queue.length > 0) return this.#next.promise
    return this.#current?.promise ?? Promise.resolve()
  }

  recent(offset: number, maxBytes: number, limit: number): readonly Bytes[] | undefined {
    return this.#tail.take(offset, maxBytes, limit)
  }

  async replace(old: readonly Segment[], batches: readonly Bytes[]): Promise<Segment> {
    const segments = old as readonly FileSegment[]
    const made = new FileSegment(this.#disk, this.#folder, segments[0]!.baseOffset)
    for (const batch of batches) made.add(readHeader(batch))
    made.madeDurable(made.bytes)
    const swap = { into: made.baseOffset, from: segments.map(({ baseOffset }) => baseOffset) }
    await prepareSwap(this.#disk, this.#folder, swap, batches)
    return this.#swap(segments, made, () => finishSwap(this.#disk, this.#folder, swap))
  }

  async remove(segments: readonly Segment[]): Promise<void> {
    for (const segment of segments as readonly FileSegment[]) {
      await segment.retire(undefined)
      await this.#closeFile(segment)
      await this.#disk.remove(segment.path)
    }
    await this.#disk.syncFolder(this.#folder)
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    const end = this.#durable
    await saveCheckpoint(this.#disk, this.#folder, { ...checkpoint, end })
    this.#checkpoint = checkpoint
    this.#savedEnd = end
  }

  async close(): Promise<void> {
    try {
      await this.#writer
      await this.flushed()
      if (this.#savedEnd !== this.#durable) await this.save(this.#checkpoint)
    } finally {
      this.#budget.forget(this.#tail)
      await this.#closeFile()
    }
  }

  /** Readers that come while files are exchanged wait for the new one. */
  async #swap(
    old: readonly FileSegment[],
    made: FileSegment,
    exchange: () => Promise<void>,
  ): Promise<Segment> {
    const { promise, resolve, reject } = newRound()
    const successor = promise.then(() => made)
    successor.catch(() => undefined)
    try {
      for (const segment of old) {
        await segment.retire(successor)
        await this.#closeFile(segment)
      }
      await exchange()
      this.#tail.dropBelow(made.nextOffset)
      resolve()
      return made
    } catch (error) {
      reject(error)
      throw error
    }
  }

  /** Rounds: take all that is queued, write, sync, tell. */
  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const taken = this.#queue
      const round = this.#next
      this.#queue = []
      this.#current = round
      this.#next = newRound()
      try {
        for (const part of bySegment(taken)) await this.#write(part)
        round.resolve()
      } catch (error) {
        this.#failure = { error }
        this.#queue = []
        round.reject(error)
        this.#next.reject(error)
      }
    }
    this.#current = undefined
  }

  /** Writes batches of one segment as one group. */
  async #write(group: readonly Queued[]): Promise<void> {
    const { segment, position } = group[0]!
    const file = await this.#fileOf(segment)
    const number = this.#nextGroup++
    for (const { batch } of group)
      putInt32(batch, LENGTH_PREFIX, groupEpoch(number, batch === group.at(-1)!.batch))
    await file.write(
      group.map(({ batch }) => batch),
      position,
    )
    await file.sync()
    const last = group.at(-1)!
    segment.madeDurable(last.position + last.batch.length)
    for (const { batch, header } of group)
      this.#tail.add(pinsMore(batch) ? Buffer.from(batch) : batch, header)
    this.#durable = last.header.lastOffset + 1
  }

  async #fileOf(segment: FileSegment): Promise<DiskFile> {
    if (this.#file?.segment === segment) return this.#file.file
    await this.#closeFile()
    const file = await this.#disk.open(segment.path)
    this.#file = { segment, file }
    if (file.size() > 0) return file
    // A new file: its name must be as durable as its content.
    await this.#disk.syncFolder(this.#folder)
    this.#nextGroup = 0
    return file
  }

  async #closeFile(only?: FileSegment): Promise<void> {
    const open = this.#file
    if (open === undefined || (only !== undefined && open.segment !== only)) return
    this.#file = undefined
    await open.file.close()
  }
}

function newRound(): Round {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // Whoever asked gets the rejection; nobody needs to have asked.
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}

function bySegment(queued: readonly Queued[]): readonly (readonly Queued[])[] {
  return [...Map.groupBy(queued, ({ segment }) => segment).values()]
}

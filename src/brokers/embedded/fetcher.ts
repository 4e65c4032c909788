/**
 * Reads partitions for one client. A log in memory is read when `take` asks; one in a folder is read ahead while something
 * is missing. It must never hand out what its isolation hides, nor anything of a partition that was removed or moved.
 */
import type { Fetched, FetchedBatch, Fetcher, FetcherOptions } from '../../core/broker.ts'
import type { Clock } from '../../core/clock.ts'
import type { Bytes } from '../../core/record.ts'
import { partitionId } from '../../core/record.ts'
import type { SluiceError } from '../../core/errors.ts'
import { isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import { Arrival } from '../arrival.ts'
import { indexBatches } from '../record-batch/reader.ts'
import type { Partition } from './partition.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Topics } from './topics.ts'

const DEFAULT_PARTITION_BYTES = 4 * 1024 * 1024
/** Bytes of one read of one partition: 0.1 to 1 ms of indexing. */
const READ_BYTES = 256 * 1024
/** Bytes handed out by one `take`, so that a turn of the loop stays short. */
const TAKE_BYTES = 2 * 1024 * 1024

/** One partition being read. Made anew when it is moved, so that a late read finds nobody to give its batch to. */
interface Reading {
  readonly topic: string
  readonly index: number
  readonly partition: Partition | undefined
  /** The next offset to read; `handed`: the next one to hand out. */
  position: number
  handed: number
  paused: boolean
  reading: boolean
  /** A failure was handed out or waits; the partition stays where it is. */
  failed: boolean
  ready: Fetched[]
  readyBytes: number
}

type Aborted = ReturnType<PartitionLog['aborted']>

export class EmbeddedFetcher implements Fetcher {
  readonly #topics: Topics
  readonly #committedOnly: boolean
  readonly #maxPartitionBytes: number
  readonly #readings = new Map<string, Reading>()
  readonly #onMore = (): void => this.#more()
  readonly #arrival: Arrival
  #closed = false

  constructor(topics: Topics, clock: Clock, options: FetcherOptions) {
    this.#topics = topics
    this.#arrival = new Arrival(clock)
    this.#committedOnly = options.isolation === 'read_committed'
    this.#maxPartitionBytes = options.maxPartitionBytes ?? DEFAULT_PARTITION_BYTES
  }

  add(topic: string, index: number, offset: number): void {
    if (this.#closed) throw sluiceError('SLUICE_CLOSED', { what: 'the fetcher' })
    const before = this.#readings.get(partitionId(topic, index))
    this.remove(topic, index)
    const partition = this.#topics.find(topic, index)
    const reading: Reading = {
      topic,
      index,
      partition,
      position: offset,
      handed: offset,
      paused: before?.paused ?? false,
      reading: false,
      failed: false,
      ready: [],
      readyBytes: 0,
    }
    this.#readings.set(partitionId(topic, index), reading)
    partition?.listen(this.#onMore)
    this.#more()
  }

  remove(topic: string, index: number): void {
    const reading = this.#readings.get(partitionId(topic, index))
    if (reading === undefined) return
    this.#readings.delete(partitionId(topic, index))
    reading.partition?.unlisten(this.#onMore)
  }

  pause(topic: string, index: number): void {
    const reading = this.#readings.get(partitionId(topic, index))
    if (reading !== undefined) reading.paused = true
  }

  resume(topic: string, index: number): void {
    const reading = this.#readings.get(partitionId(topic, index))
    if (reading === undefined) return
    reading.paused = false
    this.#more()
  }

  take(): readonly Fetched[] {
    const taken: Fetched[] = []
    let left = TAKE_BYTES
    for (const [key, reading] of Array.from(this.#readings)) {
      if (left <= 0) break
      if (reading.paused) continue
      if (reading.ready.length === 0) this.#fill(reading)
      if (reading.ready.length === 0) continue
      left -= reading.readyBytes
      taken.push(...reading.ready)
      reading.handed = reading.position
      reading.ready = []
      reading.readyBytes = 0
      // Who was served goes to the end of the line, so that a full partition starves nobody.
      this.#readings.delete(key)
      this.#readings.set(key, reading)
    }
    return taken
  }

  lag(topic: string, index: number): number | undefined {
    const reading = this.#readings.get(partitionId(topic, index))
    if (reading?.partition === undefined || reading.failed || reading.partition.deleted) return undefined
    return Math.max(0, this.#limit(reading.partition) - reading.handed)
  }

  arrived(timeoutMs: number): Promise<void> {
    if (this.#closed || this.#anything()) return Promise.resolve()
    return this.#arrival.wait(timeoutMs)
  }

  wake(): void {
    this.#arrival.wake()
  }

  close(): void {
    this.#closed = true
    for (const { topic, index } of this.#readings.values()) this.remove(topic, index)
    this.wake()
  }

  #more(): void {
    if (this.#arrival.awaited && this.#anything()) this.wake()
  }

  /** True when `take` would give something. Starts reads where they take time. */
  #anything(): boolean {
    for (const reading of this.#readings.values()) {
      if (reading.paused) continue
      if (reading.ready.length === 0) this.#fill(reading)
      if (reading.ready.length > 0) return true
    }
    return false
  }

  /** End of what this isolation level may read. */
  #limit({ log }: Partition): number {
    return this.#committedOnly ? log.stableOffset : log.highWatermark
  }

  /** Reads one piece into `ready`, at once or, from a folder, later. */
  #fill(reading: Reading): void {
    const { partition } = reading
    if (reading.failed || reading.reading || reading.readyBytes >= this.#maxPartitionBytes) return
    if (partition === undefined || partition.deleted) {
      this.#fail(reading, this.#topics.missing(reading.topic, reading.index))
      return
    }
    const { log } = partition
    const limit = this.#limit(partition)
    const inside = reading.position >= log.startOffset && reading.position <= log.nextOffset
    if (inside && reading.position >= limit) return
    try {
      if (!inside) throw outOfRange(reading, log.startOffset, limit)
      // Asked before the read: the index may forget what is deleted while the read is under way.
      const aborted = this.#committedOnly ? log.aborted(reading.position, limit) : undefined
      const parts = log.read(reading.position, Math.min(READ_BYTES, this.#maxPartitionBytes), limit)
      if (parts instanceof Promise) this.#fillLater(reading, parts, limit, aborted)
      else this.#deliver(reading, parts, limit, aborted)
    } catch (error) {
      this.#fail(reading, asSluiceError(error, reading))
    }
  }

  #fillLater(
    reading: Reading,
    parts: Promise<readonly Bytes[]>,
    limit: number,
    aborted: Aborted | undefined,
  ): void {
    reading.reading = true
    parts
      .then((read) => {
        reading.reading = false
        this.#deliver(reading, read, limit, aborted)
        // The next piece is read while this one is worked on.
        if (this.#alive(reading)) this.#fill(reading)
      })
      .catch((error: unknown) => {
        reading.reading = false
        this.#fail(reading, asSluiceError(error, reading))
      })
      .finally(() => this.#more())
  }

  #deliver(reading: Reading, parts: readonly Bytes[], limit: number, aborted: Aborted | undefined): void {
    if (!this.#alive(reading)) return
    const batch: FetchedBatch = indexBatches(parts, {
      topic: reading.topic,
      partition: reading.index,
      // Nothing was read: compaction removed all that was left below the limit.
      from: parts.length === 0 ? limit : reading.position,
      endOffset: limit,
      // What was read from a file was checked there; the rest never left this process.
      checkCrc: false,
      ...(aborted === undefined ? {} : { aborted }),
    })
    reading.position = batch.nextOffset
    reading.ready.push(batch)
    reading.readyBytes += batch.bytes
  }

  #fail(reading: Reading, problem: SluiceError): void {
    if (!this.#alive(reading)) return
    reading.failed = true
    const { topic, index: partition, position: offset } = reading
    // A read that broke because its topic went away says so.
    const error = reading.partition?.deleted === true ? this.#topics.missing(topic, partition) : problem
    reading.ready.push({ kind: 'failed', topic, partition, offset, error })
  }

  #alive(reading: Reading): boolean {
    return this.#readings.get(partitionId(reading.topic, reading.index)) === reading
  }
}

function outOfRange({ topic, index, position }: Reading, start: number, end: number): SluiceError {
  return sluiceError('SLUICE_OFFSET_OUT_OF_RANGE', { topic, partition: index, offset: position, start, end })
}

/** A reader answers with errors of the table; anything else would be a bug, and must not end the process. */
function asSluiceError(error: unknown, { topic, index }: Reading): SluiceError {
  if (isSluiceError(error)) return error
  return sluiceError(
    'SLUICE_INTERNAL',
    { place: `fetch of ${topic}-${index}`, problem: problemOf(error) },
    error,
  )
}

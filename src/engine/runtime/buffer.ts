/**
 * Records waiting to be processed, per source partition of a task, still bytes; and the choice which partition gives
 * the next one: the smallest head timestamp, as in Kafka Streams. It must never reorder a partition.
 */
import type { FetchedBatch, Fetcher } from '../../core/broker.ts'

/** The queue of one source partition. `position` is what a commit writes: the next record to process. */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** Index of the source node among the sources of the task. */
  readonly source: number
  batch: FetchedBatch | undefined
  index = 0
  position: number
  /** Highest event time of a readable record taken from this partition; -1 before the first. Kept by the task. */
  time = -1
  buffered = 0
  paused = false
  /** Known to hold no record that was not handed out; only while `batch` is undefined, only within one turn. */
  caughtUp = false
  /** Reads the event time of a record, where its topic has an extractor of timestamps. */
  timeOf: ((batch: FetchedBatch, index: number) => number) | undefined
  #headTime: number | undefined
  readonly #waiting: FetchedBatch[] = []

  constructor(topic: string, partition: number, source: number, position: number) {
    this.topic = topic
    this.partition = partition
    this.source = source
    this.position = position
  }

  add(batch: FetchedBatch): void {
    this.buffered += batch.count
    if (this.batch === undefined) this.#begin(batch)
    else this.#waiting.push(batch)
  }

  /** Event time of the head record; only while `batch` is set. */
  headTime(): number {
    if (this.timeOf === undefined) return this.batch!.timestampAt(this.index)
    this.#headTime ??= this.timeOf(this.batch!, this.index)
    return this.#headTime
  }

  /** The head record was processed. */
  advance(): void {
    const batch = this.batch!
    this.#headTime = undefined
    this.buffered--
    this.index++
    if (this.index < batch.count) {
      this.position = batch.offsetAt(this.index)
      return
    }
    this.position = batch.nextOffset
    this.batch = undefined
    this.caughtUp = false
    const next = this.#waiting.shift()
    if (next !== undefined) this.#begin(next)
  }

  #begin(batch: FetchedBatch): void {
    if (batch.count === 0) {
      // Only markers, aborted or compacted records: the position moves on although there is nothing to process.
      this.position = batch.nextOffset
      const next = this.#waiting.shift()
      if (next !== undefined) this.#begin(next)
      return
    }
    this.batch = batch
    this.index = 0
    this.position = batch.offsetAt(0)
  }
}

/** All queues of one task. */
export class TaskBuffer {
  readonly queues: readonly PartitionQueue[]
  readonly #fetcher: Pick<Fetcher, 'lag' | 'pause' | 'resume'>
  readonly #maxRecords: number
  readonly #maxIdleMs: number
  /** Since when all that is missing is an empty, caught-up partition (maxTaskIdleMs); -1 = not waiting. */
  #idleSince = -1

  constructor(
    queues: readonly PartitionQueue[],
    fetcher: Pick<Fetcher, 'lag' | 'pause' | 'resume'>,
    maxRecords: number,
    maxIdleMs: number,
  ) {
    this.queues = queues
    this.#fetcher = fetcher
    this.#maxRecords = maxRecords
    this.#maxIdleMs = maxIdleMs
  }

  add(queue: PartitionQueue, batch: FetchedBatch): void {
    queue.add(batch)
    if (!queue.paused && queue.buffered >= this.#maxRecords) {
      queue.paused = true
      this.#fetcher.pause(queue.topic, queue.partition)
    }
  }

  /** Whether `next` looks at its `now`. */
  get waits(): boolean {
    return this.#maxIdleMs > 0 && this.queues.length > 1
  }

  /**
   * The queue to take from now, or undefined when there is nothing or a partition with data on its way must be awaited.
   * @param sameTurn nothing but processing happened since the last call: what was caught up then is so still
   */
  next(now: number, sameTurn: boolean = false): PartitionQueue | undefined {
    if (this.queues.length === 1) {
      const only = this.queues[0]!
      return only.batch === undefined ? undefined : only
    }
    let best: PartitionQueue | undefined
    let bestTime = 0
    let missing = false
    for (const queue of this.queues) {
      if (queue.batch === undefined) {
        // Unknown or positive lag: its records are on their way and may be older. Kafka's max.task.idle.ms = 0 rule.
        if (!sameTurn || !queue.caughtUp) {
          if (this.#fetcher.lag(queue.topic, queue.partition) !== 0) return undefined
          queue.caughtUp = true
        }
        missing = true
        continue
      }
      const time = queue.headTime()
      if (best === undefined || time < bestTime) {
        best = queue
        bestTime = time
      }
    }
    return missing && best !== undefined && !this.#idledEnough(now) ? undefined : best
  }

  /** The head record of `queue` was processed. */
  advance(queue: PartitionQueue): void {
    queue.advance()
    this.#idleSince = -1
    if (queue.paused && queue.buffered < this.#maxRecords / 2) {
      queue.paused = false
      this.#fetcher.resume(queue.topic, queue.partition)
    }
  }

  #idledEnough(now: number): boolean {
    if (this.#maxIdleMs <= 0) return true
    if (this.#idleSince < 0) this.#idleSince = now
    return now - this.#idleSince >= this.#maxIdleMs
  }
}

/**
 * One partition as the broker serves it: its log, the sequences of its producers, and who wants to know that more became
 * readable. It must never let a batch in whose producer was replaced or whose sequence shows a gap.
 */
import type { Bytes } from '../../core/record.ts'
import { problemOf, sluiceError } from '../../core/errors.ts'
import { nextSequence, readHeader } from '../record-batch/header.ts'
import type { PartitionLog } from './partition-log.ts'

/** Batches of a producer that are remembered, so that a repeated one is answered with its old offset (as in Kafka). */
const REMEMBERED = 5

interface ProducerEntry {
  epoch: number
  /** The sequence that comes next. */
  next: number
  readonly recent: AppendedBatch[]
}

interface AppendedBatch {
  readonly baseSequence: number
  readonly count: number
  readonly lastOffset: number
}

export class Partition {
  readonly log: PartitionLog
  readonly topic: string
  readonly index: number
  #deleted = false
  readonly #producers = new Map<number, ProducerEntry>()
  readonly #listeners = new Set<() => void>()

  constructor(log: PartitionLog) {
    this.log = log
    this.topic = log.topic
    this.index = log.partition
    for (const { producerId, producerEpoch: epoch, batches } of log.producers) {
      const recent = batches.map(({ baseSequence, lastSequence, lastOffset }) => {
        return { baseSequence, count: nextSequence(lastSequence - baseSequence, 1), lastOffset }
      })
      const next = nextSequence(batches.at(-1)?.lastSequence ?? -1, 1)
      this.#producers.set(producerId, { epoch, next, recent })
    }
  }

  /** The topic is gone: nothing can be read or written any more. */
  get deleted(): boolean {
    return this.#deleted
  }

  /** Calls `listener` in the turn in which more became readable, or the partition was deleted. */
  listen(listener: () => void): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: () => void): void {
    this.#listeners.delete(listener)
  }

  /**
   * Appends one encoded data batch and returns its last offset; a batch appended before is not appended again.
   * The caller waits for `flushed` before it says so to anybody. `sealed` as in `PartitionLog.append`.
   * @throws SLUICE_OUT_OF_SEQUENCE, SLUICE_PRODUCER_FENCED, SLUICE_TOPIC_MISSING, SLUICE_DISK
   */
  append(batch: Bytes, sealed: boolean = false): number {
    this.#checkAlive()
    const header = readHeader(batch)
    if (header.producerId < 0) return this.log.append(batch, sealed).lastOffset
    const entry = this.#producers.get(header.producerId)
    const known = entry !== undefined && entry.epoch === header.producerEpoch
    if (known) {
      const old = entry.recent.find((r) => r.baseSequence === header.baseSequence && r.count === header.count)
      if (old !== undefined) return old.lastOffset
    }
    this.#checkSequence(entry, header.producerId, header.producerEpoch, header.baseSequence)
    const { lastOffset } = this.log.append(batch, sealed)
    const recent = known ? entry.recent : []
    if (recent.length === REMEMBERED) recent.shift()
    recent.push({ baseSequence: header.baseSequence, count: header.count, lastOffset })
    const next = nextSequence(header.baseSequence, header.count)
    if (known) entry.next = next
    else this.#producers.set(header.producerId, { epoch: header.producerEpoch, next, recent })
    return lastOffset
  }

  /** Appends what the broker itself writes: markers, offsets, states. Those have no sequence. */
  appendOwn(batch: Bytes): number {
    this.#checkAlive()
    return this.log.append(batch).lastOffset
  }

  /** Resolves when everything appended so far is durable and readers were told. @throws SLUICE_DISK */
  async flushed(): Promise<void> {
    await this.log.flushed().catch((error: unknown) => {
      // What was written to a topic that is gone by now needs no disk any more.
      if (!this.#deleted) throw error
    })
    this.#notify()
  }

  /** Moves the start of the log. @throws SLUICE_OFFSET_OUT_OF_RANGE beyond what is readable */
  async deleteRecords(offset: number): Promise<void> {
    this.#checkAlive()
    const { topic, index: partition } = this
    const { startOffset: start, highWatermark: end } = this.log
    if (offset > end)
      throw sluiceError('SLUICE_OFFSET_OUT_OF_RANGE', { topic, partition, offset, start, end })
    if (offset > start) await this.log.deleteRecords(offset)
    this.#notify()
  }

  /** Ends the partition with its topic. */
  async delete(): Promise<void> {
    this.#deleted = true
    this.#notify()
    await this.log.close()
  }

  /** An unknown producer may start anywhere (its records may have been deleted); a new epoch starts at 0. */
  #checkSequence(
    entry: ProducerEntry | undefined,
    producerId: number,
    epoch: number,
    sequence: number,
  ): void {
    if (entry === undefined) return
    if (epoch < entry.epoch) {
      throw sluiceError('SLUICE_PRODUCER_FENCED', { transactionalId: `id ${producerId}`, epoch: entry.epoch })
    }
    const expected = epoch === entry.epoch ? entry.next : 0
    if (sequence === expected) return
    const { topic, index: partition } = this
    throw sluiceError('SLUICE_OUT_OF_SEQUENCE', { topic, partition, producerId, sequence, expected })
  }

  #checkAlive(): void {
    if (!this.#deleted) return
    throw sluiceError('SLUICE_TOPIC_MISSING', { topic: this.topic, place: '', existing: '(it was deleted)' })
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Waits for all of several partitions, also after one failed, so that no rejection is left alone. */
export async function allFlushed(partitions: Iterable<Partition>): Promise<void> {
  const results = await Promise.allSettled(Array.from(partitions, (partition) => partition.flushed()))
  for (const result of results) if (result.status === 'rejected') throw asError(result.reason)
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(problemOf(reason))
}

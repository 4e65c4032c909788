/**
 * Records on their way to the broker, encoded on append into the batches that are sent: one growing batch per partition,
 * a new one when it is full. Appending allocates nothing but batch memory.
 */
import type { ProduceTarget, SendBuffer } from '../../core/broker.ts'
import type { Encoded, Headers } from '../../core/record.ts'
import { sluiceError } from '../../core/errors.ts'
import { BatchWriter, recordBytes } from './writer.ts'

/** What a partition takes, as known when a batch for it begins. */
export interface BatchLimits {
  /** Bytes of the largest batch. */
  readonly bytes: number
  /** Latest time of a record, ms since 1970; Infinity: any (`message.timestamp.after.max.ms`). */
  readonly latest: number
  /** A compacted topic refuses records without key. */
  readonly needsKey: boolean
}

/** Finished and growing batches of one partition. */
export interface TargetBatches {
  readonly target: ProduceTarget
  readonly writers: BatchWriter[]
}

export class BatchBuffer implements SendBuffer {
  readonly #limitsOf: (target: ProduceTarget) => BatchLimits
  /** By index of the target. */
  readonly #limits: (BatchLimits | undefined)[] = []
  readonly #current: (BatchWriter | undefined)[] = []
  readonly #batches: (TargetBatches | undefined)[] = []
  #sent = false
  #records = 0
  #bytes = 0

  /** @param limitsOf asked once per batch, and again before a record is refused */
  constructor(limitsOf: (target: ProduceTarget) => BatchLimits) {
    this.#limitsOf = limitsOf
  }

  get records(): number {
    return this.#records
  }

  get bytes(): number {
    return this.#bytes
  }

  append(
    target: ProduceTarget,
    key: Encoded | null,
    value: Encoded | null,
    timestamp: number,
    headers: Headers,
  ): void {
    let writer = this.#current[target.index] ?? this.#start(target)
    const limits = this.#limits[target.index]!
    if (timestamp > limits.latest || (limits.needsKey && key === null)) this.#look(target, key, timestamp)
    let before = writer.records === 0 ? 0 : writer.bytes
    if (!writer.append(key, value, timestamp, headers)) {
      if (writer.records > 0) writer = this.#start(target)
      before = 0
      if (!writer.append(key, value, timestamp, headers)) throw this.#tooLarge(target, key, value, headers)
    }
    this.#records++
    this.#bytes += writer.bytes - before
  }

  /** Gives the batches to the producer; the buffer is spent. @throws SLUICE_INTERNAL when it was sent before */
  take(): readonly TargetBatches[] {
    if (this.#sent) throw this.#spent()
    this.#sent = true
    return this.#batches.flatMap((batches) => {
      const writers = batches?.writers.filter(({ records }) => records > 0) ?? []
      return writers.length === 0 ? [] : [{ target: batches!.target, writers }]
    })
  }

  #start(target: ProduceTarget): BatchWriter {
    if (this.#sent) throw this.#spent()
    const limits = (this.#limits[target.index] = this.#limitsOf(target))
    const writer = new BatchWriter(limits.bytes)
    this.#current[target.index] = writer
    const batches = this.#batches[target.index]
    if (batches === undefined) this.#batches[target.index] = { target, writers: [writer] }
    else batches.writers.push(writer)
    return writer
  }

  /** Looks at the limits of now: the latest time moves with the clock. @throws SLUICE_RECORD_REFUSED */
  #look(target: ProduceTarget, key: Encoded | null, timestamp: number): void {
    const { latest, needsKey } = (this.#limits[target.index] = this.#limitsOf(target))
    const { topic, partition } = target
    if (timestamp > latest) {
      const problem = `its time ${new Date(timestamp).toISOString()} is too far ahead`
      const setting = 'message.timestamp.after.max.ms'
      throw sluiceError('SLUICE_RECORD_REFUSED', { topic, partition, problem, setting, latest })
    }
    if (!needsKey || key !== null) return
    const problem = 'it has no key, and the topic is compacted'
    throw sluiceError('SLUICE_RECORD_REFUSED', { topic, partition, problem, setting: 'cleanup.policy' })
  }

  #tooLarge(
    { topic, partition, index }: ProduceTarget,
    key: Encoded | null,
    value: Encoded | null,
    headers: Headers,
  ): Error {
    const limit = this.#limitsOf({ topic, partition, index }).bytes
    return sluiceError('SLUICE_RECORD_TOO_LARGE', {
      topic,
      partition,
      size: recordBytes(key, value, headers),
      limit,
    })
  }

  #spent(): Error {
    return sluiceError('SLUICE_INTERNAL', {
      place: 'SendBuffer',
      problem: 'it was used again after it was sent',
    })
  }
}

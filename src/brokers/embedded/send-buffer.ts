/**
 * Records on their way to the broker, encoded on append into the batches that are sent: one growing batch per partition,
 * a new one when it is full. Appending allocates nothing but batch memory.
 */
import type { ProduceTarget, SendBuffer } from '../../core/broker.ts'
import type { Encoded, Headers } from '../../core/record.ts'
import { sluiceError } from '../../core/errors.ts'
import { BatchWriter, recordBytes } from '../record-batch/writer.ts'

/** Finished and growing batches of one partition. */
export interface TargetBatches {
  readonly target: ProduceTarget
  readonly writers: BatchWriter[]
}

export class EmbeddedSendBuffer implements SendBuffer {
  readonly #limitOf: (target: ProduceTarget) => number
  /** By index of the target. */
  readonly #current: (BatchWriter | undefined)[] = []
  readonly #batches: (TargetBatches | undefined)[] = []
  #sent = false
  #records = 0
  #bytes = 0

  /** @param limitOf bytes of the largest batch of a partition; asked once per batch */
  constructor(limitOf: (target: ProduceTarget) => number) {
    this.#limitOf = limitOf
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
    const writer = new BatchWriter(this.#limitOf(target))
    this.#current[target.index] = writer
    const batches = this.#batches[target.index]
    if (batches === undefined) this.#batches[target.index] = { target, writers: [writer] }
    else batches.writers.push(writer)
    return writer
  }

  #tooLarge(
    { topic, partition, index }: ProduceTarget,
    key: Encoded | null,
    value: Encoded | null,
    headers: Headers,
  ): Error {
    const limit = this.#limitOf({ topic, partition, index })
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

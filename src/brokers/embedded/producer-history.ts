/** What a log says about its producers: epoch and last batches of each, gathered while the log is opened. */
import type { BatchHeader } from '../record-batch/header.ts'
import { nextSequence } from '../record-batch/header.ts'
import type { ProducedBatch, ProducerHistory } from './partition-log.ts'

/** As many batches as a producer may have under way in Kafka. */
const REMEMBERED = 5

export class ProducerHistories {
  readonly #producers = new Map<number, { epoch: number; batches: ProducedBatch[] }>()

  /** Batches must come in offset order. */
  add(header: BatchHeader): void {
    const { producerId, producerEpoch, baseSequence, baseOffset, lastOffset } = header
    if (producerId < 0) return
    let producer = this.#producers.get(producerId)
    if (producer === undefined || producer.epoch < producerEpoch) {
      producer = { epoch: producerEpoch, batches: [] }
      this.#producers.set(producerId, producer)
    }
    // Markers have no sequence, and neither has what compaction left of them.
    if (baseSequence < 0 || producerEpoch < producer.epoch) return
    if (producer.batches.length === REMEMBERED) producer.batches.shift()
    const lastSequence = nextSequence(baseSequence, lastOffset - baseOffset)
    producer.batches.push({ baseSequence, lastSequence, baseOffset, lastOffset })
  }

  list(): readonly ProducerHistory[] {
    return [...this.#producers].map(([producerId, { epoch, batches }]) => ({
      producerId,
      producerEpoch: epoch,
      batches,
    }))
  }
}

/**
 * A batch that the broker found too large, as two halves with the same records in the same order. It needs what an
 * uncompressed or compressed batch of our own holds; it is no part of the normal path.
 */
import type { Bytes } from '../../core/record.ts'
import { indexBatches } from './reader.ts'
import type { BatchStamp } from './writer.ts'
import { BatchWriter } from './writer.ts'
import { nextSequence, readHeader } from './header.ts'

/** Two batches with sequences that follow each other, or undefined when there is but one record. */
export function splitBatch(batch: Bytes): readonly [Buffer, Buffer] | undefined {
  const header = readHeader(batch)
  if (header.count < 2) return undefined
  const all = indexBatches([batch], { topic: '', partition: 0, from: 0, endOffset: 0, checkCrc: false })
  const half = all.count >> 1
  const part = (from: number, to: number): Buffer => {
    const writer = new BatchWriter()
    for (let i = from; i < to; i++)
      writer.append(all.keyAt(i), all.valueAt(i), all.timestampAt(i), all.headersAt(i))
    const { producerId, producerEpoch, transactional } = header
    const baseSequence = producerId < 0 ? -1 : nextSequence(header.baseSequence, from)
    const stamp: BatchStamp = { producerId, producerEpoch, transactional, baseSequence }
    return writer.finish(stamp)
  }
  return [part(0, half), part(half, all.count)]
}

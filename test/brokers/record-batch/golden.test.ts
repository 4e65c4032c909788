/** The codec against batches that Java wrote. */
import { describe, expect, it } from 'vitest'
import { partitionOf, murmur2 } from '../../../src/core/partitioner.ts'
import { markerOf } from '../../../src/brokers/record-batch/aborted.ts'
import { batchProblem, placeBatch, readHeader } from '../../../src/brokers/record-batch/header.ts'
import { indexBatches } from '../../../src/brokers/record-batch/reader.ts'
import { BatchWriter, controlBatch } from '../../../src/brokers/record-batch/writer.ts'
import type { GoldenBatch } from './golden.ts'
import { bytesOf, golden, goldenMissing } from './golden.ts'

const batches = goldenMissing === undefined ? golden().recordBatches : []
const options = { topic: 't', partition: 0, endOffset: 0 }

function rewritten(batch: GoldenBatch): Buffer {
  const writer = new BatchWriter()
  for (const record of batch.records) {
    const headers = record.headers.map(([key, value]) => ({ key, value: bytesOf(value) }))
    writer.append(bytesOf(record.key), bytesOf(record.value), record.ts, headers)
  }
  const bytes = writer.finish(batch)
  placeBatch(bytes, batch.baseOffset, batch.partitionLeaderEpoch)
  return bytes
}

describe.skipIf(goldenMissing !== undefined)(`batches written by Java${goldenMissing ?? ''}`, () => {
  it('are all there', () => expect(batches.length).toBe(17))

  it.each(batches.filter((batch) => !batch.control))('$name reads back', (batch) => {
    const bytes = Buffer.from(batch.hex, 'hex')
    expect(batchProblem(bytes)).toBeUndefined()
    const { baseOffset, lastOffset, maxTimestamp, producerId, producerEpoch, baseSequence, leaderEpoch } =
      readHeader(bytes)
    expect({ baseOffset, lastOffset, maxTimestamp, producerId, producerEpoch, baseSequence }).toEqual({
      baseOffset: batch.baseOffset,
      lastOffset: batch.lastOffset,
      maxTimestamp: batch.maxTimestamp,
      producerId: batch.producerId,
      producerEpoch: batch.producerEpoch,
      baseSequence: batch.baseSequence,
    })
    expect(leaderEpoch).toBe(batch.partitionLeaderEpoch)
    const index = indexBatches([bytes], { ...options, from: 0 })
    expect(index.nextOffset).toBe(batch.lastOffset + 1)
    const records = Array.from({ length: index.count }, (_, i) => ({
      offset: index.offsetAt(i),
      ts: index.timestampAt(i),
      key: hexOf(index.keyAt(i)),
      value: hexOf(index.valueAt(i)),
      headers: index.headersAt(i).map(({ key, value }) => [key, hexOf(value)]),
    }))
    expect(records).toEqual(batch.records)
  })

  it.each(batches.filter((batch) => batch.compression === 'none' && !batch.control))(
    '$name is written byte for byte',
    (batch) => expect(rewritten(batch).toString('hex')).toBe(batch.hex),
  )

  it.each(batches.filter((batch) => batch.control))('$name is a marker, read and written', (batch) => {
    const outcome = batch.name === 'control-commit' ? 'commit' : 'abort'
    const bytes = Buffer.from(batch.hex, 'hex')
    expect(markerOf(readHeader(bytes), bytes)).toBe(outcome)
    expect(indexBatches([bytes], { ...options, from: 0 }).count).toBe(0)
    const { producerId, producerEpoch, maxTimestamp } = batch
    const coordinatorEpoch = Buffer.from(batch.records[0]!.value!, 'hex').readInt32BE(2)
    const own = controlBatch(outcome, producerId, producerEpoch, maxTimestamp, coordinatorEpoch)
    placeBatch(own, batch.baseOffset, batch.partitionLeaderEpoch)
    expect(own.toString('hex')).toBe(batch.hex)
  })

  it('send keys to the partition Java sends them to', () => {
    for (const vector of golden().murmur2) {
      const key = Buffer.from(vector.key, 'hex')
      expect(murmur2(key)).toBe(vector.murmur2)
      for (const [count, partition] of Object.entries(vector.partition)) {
        expect(partitionOf(key, Number(count))).toBe(partition)
      }
    }
  })
})

function hexOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex')
}

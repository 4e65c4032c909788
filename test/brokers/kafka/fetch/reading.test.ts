/** One partition being read, without a broker: positions, isolation, damage. */
import { describe, expect, it } from 'vitest'
import { Reading } from '../../../../src/brokers/kafka/fetch/reading.ts'
import type { FetchPartitionData } from '../../../../src/brokers/kafka/protocol/messages/fetch.ts'
import { placeBatch } from '../../../../src/brokers/record-batch/header.ts'
import { BatchWriter, controlBatch } from '../../../../src/brokers/record-batch/writer.ts'

function batch(base: number, values: readonly string[], producerId = -1): Buffer {
  const writer = new BatchWriter()
  for (const value of values) writer.append(null, value, 5, [])
  const transactional = producerId >= 0
  const made = writer.finish({
    producerId,
    producerEpoch: 0,
    baseSequence: transactional ? 0 : -1,
    transactional,
  })
  placeBatch(made, base, 3)
  return made
}

function data(records: Buffer, more: Partial<FetchPartitionData> = {}): FetchPartitionData {
  return {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 20,
    lastStableOffset: 10,
    logStartOffset: 0,
    divergingEpoch: { epoch: -1, endOffset: -1 },
    currentLeader: { leaderId: -1, leaderEpoch: -1 },
    snapshotId: { endOffset: -1, epoch: -1 },
    abortedTransactions: null,
    preferredReadReplica: -1,
    records,
    ...more,
  }
}

const valuesOf = (reading: Reading): readonly string[] =>
  reading.take().flatMap((fetched) => {
    if (fetched.kind === 'failed') return [fetched.error.code]
    return Array.from({ length: fetched.count }, (_, i) => Buffer.from(fetched.valueAt(i)!).toString())
  })

describe('a partition being read', () => {
  it('moves by whole batches before they are decoded, and leaves one that is cut off for the next time', () => {
    const reading = new Reading('in', 0, 1)
    const whole = Buffer.concat([batch(0, ['a', 'b']), batch(2, ['c'])])
    reading.accept(data(Buffer.concat([whole, batch(3, ['d']).subarray(0, 65)])), true)
    expect([reading.position, reading.positionEpoch, reading.ready.length]).toEqual([3, 3, 0])
    reading.index()
    expect(reading.lag).toBe(9)
    expect(valuesOf(reading)).toEqual(['b', 'c'])
    expect(reading.lag).toBe(7)
  })

  it('hides what was aborted, and still moves over it and its marker', () => {
    const reading = new Reading('in', 0, 0)
    const marker = controlBatch('abort', 7, 0, 5)
    placeBatch(marker, 2, 3)
    const records = Buffer.concat([batch(0, ['no', 'no'], 7), marker, batch(3, ['yes'])])
    reading.accept(data(records, { abortedTransactions: [{ producerId: 7, firstOffset: 0 }] }), true)
    reading.index()
    expect([reading.position, valuesOf(reading)]).toEqual([4, ['yes']])
  })

  it('fails where a checksum is wrong, and stays there', () => {
    const reading = new Reading('in', 0, 0)
    const damaged = batch(1, ['broken'])
    damaged[damaged.length - 3]! ^= 1
    reading.accept(data(Buffer.concat([batch(0, ['a']), damaged])), true)
    reading.index()
    expect(valuesOf(reading)).toEqual(['SLUICE_CORRUPT_BATCH'])
    expect([reading.failed, reading.position, reading.lag]).toEqual([true, 0, undefined])
  })

  it('keeps no large frame in memory for a small piece of it', () => {
    const reading = new Reading('in', 0, 0)
    const frame = Buffer.concat([Buffer.alloc(1 << 20), batch(0, ['small'])])
    reading.accept(data(frame.subarray(1 << 20)), false)
    reading.index()
    const [fetched] = reading.take()
    expect(fetched?.kind === 'records' && fetched.valueAt(0)!.buffer.byteLength).toBeLessThan(1 << 20)
  })
})

import { describe, expect, it } from 'vitest'
import { MemoryLog } from '../../../src/brokers/embedded/memory-log.ts'
import { Partition } from '../../../src/brokers/embedded/partition.ts'
import { BatchWriter } from '../../../src/brokers/record-batch/writer.ts'

function batch(baseSequence: number, count = 1, producerEpoch = 0, producerId = 7): Buffer {
  const writer = new BatchWriter()
  for (let i = 0; i < count; i++) writer.append(null, 'v', 1, [])
  return writer.finish({ producerId, producerEpoch, baseSequence, transactional: false })
}

const code = (name: string): Error => expect.objectContaining({ code: name }) as Error

describe('a partition', () => {
  it('answers a repeated batch with its old offset, and appends it once', () => {
    const partition = new Partition(new MemoryLog('t', 0))
    expect(partition.append(batch(0, 3))).toBe(2)
    expect(partition.append(batch(3, 2))).toBe(4)
    expect(partition.append(batch(0, 3))).toBe(2)
    expect(partition.append(batch(3, 2))).toBe(4)
    expect(partition.log.nextOffset).toBe(5)
  })

  it('remembers five batches; an older repetition is out of sequence', () => {
    const partition = new Partition(new MemoryLog('t', 0))
    for (let sequence = 0; sequence < 6; sequence++) partition.append(batch(sequence))
    expect(partition.append(batch(1))).toBe(1)
    expect(() => partition.append(batch(0))).toThrow(code('SLUICE_OUT_OF_SEQUENCE'))
  })

  it('refuses a gap, an older epoch, and a new epoch that does not start at 0', () => {
    const partition = new Partition(new MemoryLog('t', 0))
    partition.append(batch(0, 2, 3))
    expect(() => partition.append(batch(3, 1, 3))).toThrow(code('SLUICE_OUT_OF_SEQUENCE'))
    expect(() => partition.append(batch(2, 1, 2))).toThrow(code('SLUICE_PRODUCER_FENCED'))
    expect(() => partition.append(batch(2, 1, 4))).toThrow(code('SLUICE_OUT_OF_SEQUENCE'))
    expect(partition.append(batch(0, 1, 4))).toBe(2)
    expect(partition.append(batch(2_000, 1, 0, 8))).toBe(3)
  })

  it('goes on with sequence 0 after the last one of 31 bits', () => {
    const partition = new Partition(new MemoryLog('t', 0))
    partition.append(batch(2_147_483_647))
    expect(partition.append(batch(0))).toBe(1)
  })
})

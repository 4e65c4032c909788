import { describe, expect, it } from 'vitest'
import type { BatchLimits } from '../../../src/brokers/record-batch/send-buffer.ts'
import { BatchBuffer } from '../../../src/brokers/record-batch/send-buffer.ts'
import { NO_HEADERS } from '../../../src/core/record.ts'

const target = { topic: 'in', partition: 3, index: 0 }

function bufferWith(limits: () => Partial<BatchLimits>): BatchBuffer {
  return new BatchBuffer(() => ({ bytes: 1000, latest: Infinity, needsKey: false, ...limits() }))
}

describe('a send buffer', () => {
  it('refuses a record whose time the topic would refuse, alone, and says the latest it takes', () => {
    const buffer = bufferWith(() => ({ latest: 5000 }))
    buffer.append(target, 'k', 'a', 5000, NO_HEADERS)
    expect(() => buffer.append(target, 'k', 'b', 5001, NO_HEADERS)).toThrow(
      expect.objectContaining({
        code: 'SLUICE_RECORD_REFUSED',
        details: expect.objectContaining({ topic: 'in', partition: 3, latest: 5000 }) as unknown,
      }) as Error,
    )
    buffer.append(target, 'k', 'c', 4999, NO_HEADERS)
    expect(buffer.records).toBe(2)
    expect(buffer.take().map(({ writers }) => writers.map(({ records }) => records))).toEqual([[2]])
  })

  it('looks at the limits of now before it refuses: time goes on while a batch fills', () => {
    let latest = 5000
    const buffer = bufferWith(() => ({ latest }))
    buffer.append(target, 'k', 'a', 1, NO_HEADERS)
    latest = 6000
    buffer.append(target, 'k', 'b', 5500, NO_HEADERS)
    expect(buffer.records).toBe(2)
  })

  it('refuses a record without key where the topic is compacted', () => {
    const buffer = bufferWith(() => ({ needsKey: true }))
    buffer.append(target, '', null, 1, NO_HEADERS)
    expect(() => buffer.append(target, null, 'a', 1, NO_HEADERS)).toThrow('no key')
    expect(buffer.records).toBe(1)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur2, partitionOf } from '../../src/core/partitioner.ts'

describe('the partition of a key', () => {
  it('is the same for text as for its bytes', () => {
    const text = fc.oneof(fc.string({ maxLength: 80 }), fc.string({ unit: 'binary', maxLength: 80 }))
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 100 }), (key, partitions) => {
        expect(partitionOf(key, partitions)).toBe(partitionOf(Buffer.from(key, 'utf8'), partitions))
      }),
    )
  })

  it('is that of Kafka for keys whose hash its own tests name', () => {
    expect(murmur2(Buffer.from('21'))).toBe(-973932308)
    expect(murmur2(Buffer.from('foobar'))).toBe(-790332482)
    expect(murmur2(Buffer.from('a-little-bit-long-string'))).toBe(-985981536)
  })
})

import { describe, expect, it } from 'vitest'
import { partitionOf } from '../../src/core/partitioner.ts'
import { encodedBytes } from '../../src/core/serde.ts'
import { sessionWindowed, string, timeWindowed } from '../../src/serdes/index.ts'

describe('serdes of windowed keys', () => {
  const windowed = { key: 'k', start: 1_700_000_000_000, end: 1_700_000_060_000 }

  it('writes time windows as Java: key and start', () => {
    const bytes = encodedBytes(timeWindowed(string, '1m').serialize(windowed))
    expect(Buffer.from(bytes).toString('hex')).toBe('6b0000018bcfe56800')
  })

  it('writes sessions as Java: key, end and start', () => {
    const bytes = encodedBytes(sessionWindowed(string).serialize(windowed))
    expect(Buffer.from(bytes).toString('hex')).toBe('6b0000018bcfe652600000018bcfe56800')
  })

  it('reads back what it wrote, at any place of a larger buffer', () => {
    for (const serde of [timeWindowed(string, '1m'), sessionWindowed(string)]) {
      const bytes = Buffer.from(encodedBytes(serde.serialize(windowed)))
      const inside = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3)
      expect(serde.deserialize(inside)).toEqual(windowed)
    }
  })

  it('partitions by the key alone', () => {
    for (const serde of [timeWindowed(string, '1m'), sessionWindowed(string)]) {
      const bytes = encodedBytes(serde.serialize(windowed))
      expect(partitionOf(bytes, 12, serde.windowBytes)).toBe(partitionOf('k', 12))
    }
  })

  it('refuses bytes too short to have a window', () => {
    expect(() => sessionWindowed(string).deserialize(Buffer.alloc(9))).toThrow('expected at least 16 bytes')
  })

  it('ends a window without an end at the last exact time', () => {
    const bytes = encodedBytes(timeWindowed(string, Number.MAX_SAFE_INTEGER).serialize(windowed))
    const read = timeWindowed(string, Number.MAX_SAFE_INTEGER).deserialize(bytes)
    expect(read.end).toBe(Number.MAX_SAFE_INTEGER)
  })
})

import { describe, expect, it } from 'vitest'
import { systemRandom } from '../../src/platform/random.ts'

describe('system chance', () => {
  it('is in [0, 1), spread evenly, and not repeated when its pool is refilled', () => {
    const values = Array.from({ length: 20_000 }, () => systemRandom.next())
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
    expect(new Set(values).size).toBe(values.length)
    // Standard error of the mean is 0.002: 0.02 is ten of them.
    expect(Math.abs(values.reduce((sum, value) => sum + value, 0) / values.length - 0.5)).toBeLessThan(0.02)
  })

  it('makes version 4 UUIDs that differ', () => {
    const ids = Array.from({ length: 100 }, () => systemRandom.uuid())
    for (const id of ids) expect(id).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
    expect(new Set(ids).size).toBe(100)
  })
})

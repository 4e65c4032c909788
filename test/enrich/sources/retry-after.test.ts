/** Forms of the header Retry-After. */
import { describe, expect, it } from 'vitest'
import { retryAfterMs } from '../../../src/enrich/sources/retry-after.ts'

const NOW = Date.UTC(2026, 7, 1, 12, 0, 0)

describe('Retry-After', () => {
  it.each([
    [undefined, 0],
    ['', 0],
    ['0', 0],
    ['7', 7000],
    [' 1.5 ', 1500],
    ['-5', 0],
    ['99999999999999999999', 7 * 86_400_000],
    ['Sat, 01 Aug 2026 12:00:30 GMT', 30_000],
    ['Saturday, 01-Aug-26 12:00:30 GMT', 30_000],
    ['Sat Aug  1 12:00:30 2026 GMT', 30_000],
    ['Sat, 01 Aug 2026 11:59:00 GMT', 0],
    ['Fri, 01 Aug 2100 12:00:00 GMT', 7 * 86_400_000],
    ['Sat, 99 Foo 2026', 0],
    ['soon', 0],
    ['1e3', 0],
    ['0x10', 0],
    ['2026', 2_026_000],
    ['NaN', 0],
    ['Infinity', 0],
  ])('%j is %i ms', (header, expected) => {
    expect(retryAfterMs(header, NOW)).toBe(expected)
  })
})

/** What services say of their quotas, in every form that is about. */
import { describe, expect, it } from 'vitest'
import { quotaOf } from '../../../src/enrich/sources/quota-headers.ts'

const NOW = 1_700_000_000_000

describe('a quota is read from', () => {
  it.each([
    [{ ratelimit: '"default";r=50;t=30' }, 50, 30_000],
    [{ ratelimit: '"burst";r=9;t=1, "day";r=100;t=50' }, 100, 50_000],
    [{ ratelimit: 'limit=100, remaining=7, reset=5' }, 7, 5000],
    [{ 'ratelimit-limit': '100', 'ratelimit-remaining': '0', 'ratelimit-reset': '12' }, 0, 12_000],
    [{ 'x-ratelimit-remaining': '3', 'x-ratelimit-reset': '1700000002' }, 3, 2000],
    [{ 'x-ratelimit-remaining': '3, 3;w=60', 'x-ratelimit-reset': '0.5' }, 3, 500],
  ] as const)('%o', (headers, remaining, resetMs) => {
    expect(quotaOf(headers as Record<string, string>, NOW)).toEqual({ remaining, resetMs })
  })
})

describe('nothing is made of', () => {
  it.each([
    {},
    { ratelimit: '"default";r=50' },
    { ratelimit: 'nonsense' },
    { 'ratelimit-remaining': '5' },
    { 'ratelimit-remaining': '-1', 'ratelimit-reset': '5' },
    { 'ratelimit-remaining': 'x', 'ratelimit-reset': '5' },
    { 'ratelimit-remaining': '5', 'ratelimit-reset': '0' },
    { 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '1600000000' },
    { 'x-ratelimit-remaining': '5', 'x-ratelimit-reset': '99999999' },
  ])('%o', (headers) => {
    expect(quotaOf(headers as Record<string, string>, NOW)).toBeUndefined()
  })
})

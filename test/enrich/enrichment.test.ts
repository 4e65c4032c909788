/** Definition of the operator: options are checked before anything runs; types of what leaves it. */
import { describe, expect, expectTypeOf, it } from 'vitest'
import { isSluiceError } from '../../src/core/errors.ts'
import { CallError, enrichment, http, source } from '../../src/enrich/index.ts'
import type { Enriched, EnrichOptions, InferAnswer, SourceOptions } from '../../src/enrich/index.ts'
import { deferredSource, testHost, ticketOf } from './virtual.ts'

function problem(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isSluiceError(error)) return `${error.code} ${error.message}`
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('options', () => {
  const ask = (): number => 1

  it.each([
    [
      { concurency: 3 },
      'SLUICE_CONFIG_UNKNOWN enrich: unknown option "concurency"; did you mean "concurrency"?',
    ],
    [
      { concurrency: 0 },
      'SLUICE_CONFIG_INVALID enrich: concurrency: expected whole number 1 to 100000, got 0',
    ],
    [
      { order: 'keys' },
      "SLUICE_CONFIG_INVALID enrich: order: expected 'key' | 'key-serial' | 'partition' | 'none'",
    ],
    [{ onError: 'ignore' }, "expected 'dead-letter' | 'drop' | 'fail', got \"ignore\""],
    [{ deadline: '30 parsecs' }, 'enrich: deadline: expected a duration'],
  ])('of the operator: %o', (options, message) => {
    expect(problem(() => enrichment(ask, options as EnrichOptions))).toContain(message)
  })

  it.each([
    [{ retrys: 3 }, 'enrich a: unknown option "retrys"; did you mean "retry"?'],
    [{ timeout: 'x' }, 'enrich a: timeout: expected a duration'],
    [{ retry: -1 }, 'enrich a: retry: retries: expected whole number 0 to 1000, got -1'],
    [{ retry: { backoff: 3 } }, 'enrich a: retry: unknown option "backoff"'],
    [{ retry: { when: 3 } }, 'enrich a: retry: when: expected function, got 3'],
    [{ cache: 'long' }, 'enrich a: cache: ttl: expected a duration'],
    [{ cache: {} }, 'enrich a: cache: ttl: expected duration, got nothing'],
    [{ cache: { ttl: 1, maxEntries: 0 } }, 'enrich a: cache: maxEntries: expected whole number >= 1, got 0'],
    [{ kind: 'write', cache: '1s' }, 'a cached answer would skip the write'],
  ])('of a source: %o', (options, message) => {
    expect(problem(() => enrichment({ a: source(ask, options as SourceOptions) }))).toContain(message)
  })

  it('refuses what is no source, and fallbacks of unknown fields', () => {
    expect(problem(() => enrichment({}))).toContain('at least one source, got {}')
    expect(problem(() => enrichment({ a: 'http://x' } as never))).toContain('enrich a: expected a source')
    expect(problem(() => enrichment(undefined as never))).toContain('got undefined')
    expect(problem(() => enrichment({ profile: ask }, { fallback: { profil: null } }))).toContain(
      'enrich: fallback: unknown option "profil"; did you mean "profile"?',
    )
    expect(problem(() => enrichment({ a: ask }, { fallback: null }))).toContain('for some of: a, got null')
    expect(problem(() => enrichment({ a: ask }, { fallback: () => 1 }))).toContain('got a function')
  })

  it('gives the deadline to the engine', () => {
    expect(enrichment(ask).deadlineMs).toBe(30_000)
    expect(enrichment(ask, { deadline: '1m' }).deadlineMs).toBe(60_000)
  })

  it('runs writes one at a time per key unless told otherwise', () => {
    for (const [options, expected] of [
      [{}, 1],
      [{ order: 'key' }, 2],
    ] as const) {
      const host = testHost()
      const { calls, ask: write } = deferredSource()
      const operator = enrichment(source(write, { kind: 'write' }), options).open(host)
      for (let at = 0; at < 2; at++) operator.admit(ticketOf(host.clock, at, 'k', at))
      expect(calls).toHaveLength(expected)
    }
  })

  it('refuses to open an HTTP source without a client', () => {
    expect(problem(() => enrichment({ a: http('http://x/{key}') }).open(testHost()))).toContain(
      'SLUICE_UNSUPPORTED',
    )
  })
})

describe('types', () => {
  it('follow the sources and the fallback', () => {
    interface Order {
      readonly id: number
      readonly geo: string
    }
    const profile = async (order: Order, key: string): Promise<{ tier: number }> =>
      Promise.resolve({ tier: order.id + key.length })
    const geo = source((order: Order) => order.id > 3)
    enrichment<Order, string>({ profile, geo }, { fallback: { profile: null } })
    enrichment<Order, string>(profile)
    expectTypeOf<InferAnswer<typeof profile>>().toEqualTypeOf<{ tier: number }>()
    expectTypeOf<InferAnswer<typeof geo>>().toEqualTypeOf<boolean>()
    expectTypeOf(http<{ name: string }>('http://x/{key}')).toExtend<{ kind: 'read' | 'write' }>()
    const named = http<{ name: string }>('http://x/{key}')
    expectTypeOf<InferAnswer<typeof named>>().toEqualTypeOf<{ name: string } | null>()
    expectTypeOf<Enriched<Order, typeof profile>>().toEqualTypeOf<{ tier: number }>()
    expectTypeOf<Enriched<Order, typeof profile, null>>().toEqualTypeOf<{ tier: number } | null>()
    type Both = Enriched<Order, { profile: typeof profile; geo: typeof geo }, { profile: null }>
    expectTypeOf<Both['profile']>().toEqualTypeOf<{ tier: number } | null>()
    expectTypeOf<Both['geo']>().toEqualTypeOf<boolean>()
    expectTypeOf<Both['id']>().toEqualTypeOf<number>()
    expect(new CallError('x', { retriable: true }).retryAfterMs).toBe(0)
  })
})

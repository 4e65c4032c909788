/** Second calls beside slow ones, and retries within a budget. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AsyncOperator } from '../../src/core/async-operator.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { LatencyQuantile } from '../../src/enrich/latency-quantile.ts'
import { http } from '../../src/enrich/sources/http.ts'
import { batchSource, source } from '../../src/enrich/sources/source.ts'
import type { FunctionOptions } from '../../src/enrich/sources/source.ts'
import { TokenBudget } from '../../src/enrich/token-budget.ts'
import { deferredSource, seeded, testHost, ticketOf, turn } from './virtual.ts'
import type { TestHost } from './virtual.ts'

const NOW_AND_ALWAYS = { after: 50, budget: 1 } as const

function admit(operator: AsyncOperator, host: TestHost, count: number, from = 0): void {
  for (let at = from; at < from + count; at++) operator.admit(ticketOf(host.clock, at, `k${at}`, at))
}

function operatorOf(host: TestHost, options: FunctionOptions, concurrency = 8) {
  const { calls, ask } = deferredSource()
  return { calls, operator: enrichment(source(ask, options), { concurrency }).open(host) }
}

describe('a second call', () => {
  it('is made when the first takes long; the first answer counts and the other call is aborted', async () => {
    for (const winner of [0, 1]) {
      const host = testHost()
      const { calls, operator } = operatorOf(host, { hedge: NOW_AND_ALWAYS })
      admit(operator, host, 1)
      await host.clock.advance(49)
      expect(calls).toHaveLength(1)
      await host.clock.advance(1)
      expect([calls.length, host.metric('enrich-in-flight')]).toEqual([2, 2])
      calls[winner]!.resolve(winner)
      await turn()
      expect(host.settled[0]!.outcome).toEqual({ kind: 'emit', value: winner })
      expect(calls.map(({ signal }) => signal.aborted)).toEqual([winner === 1, winner === 0])
      calls[1 - winner]!.resolve('late')
      await turn()
      expect(host.settled).toHaveLength(1)
      expect([host.metric('enrich-hedges-total'), host.metric('enrich-hedges-won-total')]).toEqual([
        1,
        winner,
      ])
      expect([host.clock.timers, host.metric('enrich-in-flight')]).toEqual([0, 0])
    }
  })

  it('saves the attempt when the first one fails, and the attempt fails once when both do', async () => {
    const host = testHost()
    const { calls, operator } = operatorOf(host, { hedge: NOW_AND_ALWAYS, retry: 0 })
    admit(operator, host, 2)
    await host.clock.advance(50)
    calls[0]!.reject(new Error('first'))
    calls[1]!.reject(new Error('first'))
    await turn()
    expect(host.settled).toHaveLength(0)
    calls[2]!.resolve('saved')
    calls[3]!.reject(new Error('second'))
    await turn()
    expect(host.settled.map(({ outcome, ticket }) => [outcome.kind, ticket.attempts])).toEqual([
      ['emit', 0],
      ['dead-letter', 1],
    ])
    expect([host.clock.timers, host.metric('enrich-in-flight')]).toEqual([0, 0])
  })

  it('ends with the first at the timeout, at the deadline and at close', async () => {
    for (const end of ['timeout', 'deadline', 'close'] as const) {
      const host = testHost()
      const { calls, operator } = operatorOf(host, {
        hedge: NOW_AND_ALWAYS,
        retry: 0,
        timeout: end === 'timeout' ? 100 : 60_000,
      })
      admit(operator, host, 1)
      await host.clock.advance(60)
      expect(calls.map(({ signal }) => signal.aborted)).toEqual([false, false])
      if (end === 'close') operator.close()
      await host.clock.advance(30_000)
      expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, true])
      expect([host.clock.timers, host.metric('enrich-in-flight')]).toEqual([0, 0])
    }
  })

  it('is not made without a free slot, a call left in the rate limit, or with an open breaker', async () => {
    const cases: readonly [FunctionOptions, number][] = [
      [{}, 1],
      [{ rate: { limit: '1/h', burst: 1 } }, 8],
    ]
    for (const [options, concurrency] of cases) {
      const host = testHost()
      const { calls, operator } = operatorOf(host, { ...options, hedge: NOW_AND_ALWAYS }, concurrency)
      admit(operator, host, 1)
      await host.clock.advance(500)
      expect(calls).toHaveLength(1)
      operator.close()
    }
  })

  it('keeps to its budget', async () => {
    const host = testHost()
    const random = seeded(3)
    let calls = 0
    const ask = source(
      () =>
        new Promise((resolve) => {
          calls++
          host.clock.setTimer(Math.ceil(random.next() * 100), () => resolve(1))
        }),
      { hedge: { after: 20, budget: 0.05 } },
    )
    const operator = enrichment(ask).open(host)
    for (let at = 0; at < 400; at += 10) {
      admit(operator, host, 10, at)
      await host.clock.advance(40)
    }
    await host.clock.advance(1000)
    expect(host.settled).toHaveLength(400)
    expect(calls).toBeGreaterThan(415)
    expect(calls).toBeLessThanOrEqual(420)
  })

  it('comes after the percentile of the calls of late, once it is known', async () => {
    const host = testHost()
    let took = 10
    let calls = 0
    const ask = source(
      () =>
        new Promise((resolve) => {
          calls++
          host.clock.setTimer(took, () => resolve(1))
        }),
      { hedge: true },
    )
    const operator = enrichment(ask).open(host)
    admit(operator, host, 1)
    for (let at = 0; at < 150; at++) {
      admit(operator, host, 1, at + 1)
      await host.clock.advance(10)
    }
    expect(calls).toBe(151)
    took = 1000
    admit(operator, host, 1, 200)
    await host.clock.advance(9)
    expect(calls).toBe(152)
    await host.clock.advance(3)
    expect(calls).toBe(153)
    operator.close()
  })

  it('of a batch asks for all of it again, and gives each its answer', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const many = batchSource(
      (values: readonly number[], call) => ask(values, null, call) as Promise<unknown[]>,
      {
        hedge: NOW_AND_ALWAYS,
      },
    )
    admit(enrichment(many).open(host), host, 3)
    await host.clock.advance(60)
    expect(calls.map(({ value }) => value)).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ])
    calls[1]!.resolve(['a', 'b', 'c'])
    await turn()
    expect(host.settled.map(({ outcome }) => (outcome as { value: unknown }).value)).toEqual(['a', 'b', 'c'])
  })

  it('is refused for writes and read from its options', () => {
    expect(() => enrichment(source(() => 1, { kind: 'write', hedge: true }))).toThrow(
      'both would have their effect',
    )
    expect(() => enrichment(source(() => 1, { hedge: { after: 'p200' as never } }))).toThrow('hedge')
    expect(() => enrichment(source(() => 1, { hedge: { budget: 2 } }))).toThrow('at most 1')
    expect(() => enrichment(source(() => 1, { hedge: { after: 'p99.9' } }))).not.toThrow()
  })
})

describe('a quantile', () => {
  it('is that of the sorted observations, within a bucket, and follows what changes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 10_000, noNaN: true }), { minLength: 100, maxLength: 1900 }),
        fc.constantFrom(0.5, 0.9, 0.95, 0.99),
        (values, quantile) => {
          const seen = values.slice(0, values.length - (values.length % 100))
          const estimate = new LatencyQuantile(quantile)
          for (const value of seen) estimate.observe(value)
          const sorted = seen.toSorted((a, b) => a - b)
          const exact = sorted[Math.ceil(quantile * sorted.length) - 1]!
          expect(estimate.value! / exact).toBeGreaterThan(0.99)
          expect(estimate.value! / exact).toBeLessThan(1.1)
        },
      ),
    )
    const moved = new LatencyQuantile(0.95)
    for (let at = 0; at < 10_000; at++) moved.observe(10)
    for (let at = 0; at < 3000; at++) moved.observe(100)
    expect(moved.value).toBeGreaterThan(99)
  })
})

describe('a budget of retries', () => {
  it('is a share of the calls and a reserve, whatever is taken when', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 500 }),
        fc.constantFrom(0.05, 0.1, 0.5),
        (steps, share) => {
          const budget = new TokenBudget(share, 10, 10)
          let earned = 0
          let taken = 0
          for (const earns of steps) {
            if (earns) {
              budget.earn()
              earned++
            } else if (budget.take()) taken++
            expect(taken).toBeLessThanOrEqual(10 + earned * share + 1e-6)
          }
        },
      ),
    )
  })

  it('keeps an outage from multiplying the calls: who gets none fails at once', async () => {
    const host = testHost()
    let calls = 0
    const down = source(
      () => {
        calls++
        return Promise.reject(new Error('down'))
      },
      { retry: { retries: 3, delay: 0, budget: 0.1 } },
    )
    const factory = enrichment(down, { maxPending: 1000 })
    const tasks = [factory.open(host), factory.open({ ...host, task: '0_1' })]
    for (let at = 0; at < 400; at++) tasks[at % 2]!.admit(ticketOf(host.clock, at, `k${at}`, at))
    await host.clock.advance(1000)
    expect(host.settled).toHaveLength(400)
    expect(calls).toBeLessThanOrEqual(400 + 10 + 40)
    expect(calls).toBeGreaterThan(400 + 10)
    expect(host.metric('enrich-retries-refused-total')).toBe(400)
  })

  it('is not spent by calls that go well, and is the same for two sources of an endpoint', async () => {
    const host = testHost()
    const flaky = source(
      (_value: unknown, _key, { attempt }) => (attempt === 1 ? Promise.reject(new Error('once')) : 1),
      { retry: { delay: 0, budget: 1 } },
    )
    admit(enrichment(flaky).open(host), host, 30)
    await host.clock.advance(100)
    expect(host.settled.filter(({ outcome }) => outcome.kind === 'emit')).toHaveLength(30)
    const ask = (budget: number) => http('http://one.internal/{key}', { retry: { budget } })
    expect(() => enrichment({ a: ask(0.1), b: ask(0.2) })).toThrow(
      'enrich b: retry: expected the options of a',
    )
  })
})

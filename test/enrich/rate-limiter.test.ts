/** The rate limiter alone and before calls: never faster than allowed, in order, and no faster than the service wants. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AsyncOperator } from '../../src/core/async-operator.ts'
import { CallError } from '../../src/enrich/call-error.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { RateLimiter } from '../../src/enrich/rate-limiter.ts'
import type { Paced } from '../../src/enrich/rate-limiter.ts'
import { ratePolicy } from '../../src/enrich/rate-policy.ts'
import type { Rate, RateOptions } from '../../src/enrich/rate-policy.ts'
import { http } from '../../src/enrich/sources/http.ts'
import { batchSource, source } from '../../src/enrich/sources/source.ts'
import { testHost, ticketOf, virtualClock } from './virtual.ts'
import type { TestHost, VirtualClock } from './virtual.ts'

function limiterOf(options: Rate | RateOptions): { clock: VirtualClock; limiter: RateLimiter } {
  const clock = virtualClock()
  return { clock, limiter: new RateLimiter(ratePolicy(options, 'test'), clock) }
}

/** Asks for a token and notes when it comes. */
function ask(limiter: RateLimiter, clock: VirtualClock, times: number[], owner: object = limiter): Paced {
  const call: Paced = { owner, granted: () => void times.push(clock.monotonic()) }
  if (limiter.take()) call.granted()
  else limiter.hold(call)
  return call
}

describe('a rate', () => {
  it.each([
    ['100/s', 0.1, undefined],
    ['90/m', 0.0015, undefined],
    ['3600/h', 0.001, undefined],
    ['0.5/s', 0.0005, undefined],
    [{ limit: '10/s', burst: 5 }, 0.01, 5],
    ['auto', undefined, undefined],
  ] as const)('is written %o', (given, perMs, burst) => {
    expect(ratePolicy(given, 'test')).toEqual({ perMs, burst })
  })

  it.each(['100', '0/s', '-1/s', '1/d', 7, {}, { limit: '1/s', burst: 0 }])('is not written %o', (given) => {
    expect(() => ratePolicy(given as never, 'test')).toThrow('test')
  })
})

describe('a limiter', () => {
  it('gives a burst at once and then one token a time, in order of arrival, with one timer', async () => {
    const { clock, limiter } = limiterOf({ limit: '10/s', burst: 2 })
    const times: number[] = []
    for (let at = 0; at < 5; at++) ask(limiter, clock, times)
    expect([times, limiter.waiting, clock.timers]).toEqual([[0, 0], 3, 1])
    await clock.advance(1000)
    expect([times, clock.timers]).toEqual([[0, 0, 100, 200, 300], 0])
  })

  it('lets nobody overtake, and forgets who left', async () => {
    const { clock, limiter } = limiterOf({ limit: '10/s', burst: 1 })
    const times: number[] = []
    const owner = {}
    ask(limiter, clock, [])
    const gone = ask(limiter, clock, times)
    ask(limiter, clock, times, owner)
    const last: number[] = []
    ask(limiter, clock, last)
    expect(limiter.take()).toBe(false)
    limiter.forget(gone)
    limiter.forgetAll(owner)
    await clock.advance(1000)
    expect([times, last, clock.timers]).toEqual([[], [100], 0])
  })

  it('hands a token that was given back to the next', () => {
    const { clock, limiter } = limiterOf({ limit: '1/h', burst: 1 })
    const times: number[] = []
    expect(limiter.take()).toBe(true)
    ask(limiter, clock, times)
    limiter.giveBack()
    expect(times).toEqual([0])
  })

  it('stops for as long as the service wants, and starts again without a burst', async () => {
    const { clock, limiter } = limiterOf({ limit: '100/s', burst: 50 })
    limiter.refused(2000)
    limiter.refused(500)
    const times: number[] = []
    for (let at = 0; at < 4; at++) ask(limiter, clock, times)
    expect(limiter.rate).toBe(0)
    await clock.advance(5000)
    expect(times).toEqual([2000, 2010, 2020, 2030])
  })

  it('spreads what the service still allows over the time it says, and stops when nothing is left', async () => {
    const { clock, limiter } = limiterOf('auto')
    limiter.allowed({ remaining: 4, resetMs: 1000 })
    const times: number[] = []
    for (let at = 0; at < 4; at++) ask(limiter, clock, times)
    await clock.advance(600)
    expect(times).toEqual([0, 250, 500])
    limiter.allowed({ remaining: 0, resetMs: 300 })
    await clock.advance(299)
    expect(times).toHaveLength(3)
    await clock.advance(1)
    expect(times).toHaveLength(4)
  })

  it('never gives more than a burst and the rate in any stretch of time, whoever comes and goes', async () => {
    const steps = fc.array(fc.record({ gap: fc.nat(300), calls: fc.nat(6), leave: fc.boolean() }), {
      maxLength: 60,
    })
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 8 }),
        async (plan, rate, burst) => {
          const { clock, limiter } = limiterOf({ limit: `${rate}/s`, burst })
          const times: number[] = []
          let asked = 0
          for (const { gap, calls, leave } of plan) {
            await clock.advance(gap)
            for (let at = 0; at < calls; at++) {
              const before = times.length
              const call = ask(limiter, clock, times)
              asked++
              if (leave && at === 1 && times.length === before) {
                limiter.forget(call)
                asked--
              }
            }
          }
          await clock.advance(10 + (asked * 1000) / rate + asked)
          expect(times).toHaveLength(asked)
          expect([limiter.waiting, clock.timers]).toEqual([0, 0])
          for (let from = 0; from < times.length; from++)
            for (let to = from; to < times.length; to++)
              expect(to - from + 1).toBeLessThanOrEqual(
                burst + ((times[to]! - times[from]!) * rate) / 1000 + 1e-6,
              )
        },
      ),
      { numRuns: 150 },
    )
  })
})

/** A service with a bucket of its own, as the profile `quota` of the benchmark: 200 calls a second, 429 and Retry-After beyond. */
function quotaService(
  clock: VirtualClock,
  quota: number,
): { ok: number; refused: number; call(): Promise<string> } {
  let tokens = quota
  let at = 0
  return {
    ok: 0,
    refused: 0,
    call() {
      tokens = Math.min(quota, tokens + ((clock.monotonic() - at) * quota) / 1000)
      at = clock.monotonic()
      const takes = tokens >= 1
      if (takes) tokens--
      this[takes ? 'ok' : 'refused']++
      return new Promise((resolve, reject) => {
        const error = new CallError('429', { retriable: true, retryAfterMs: 1000, throttled: true })
        clock.setTimer(takes ? 50 : 1, () => (takes ? resolve('fine') : reject(error)))
      })
    },
  }
}

async function saturate(host: TestHost, operator: AsyncOperator, ms: number): Promise<void> {
  let sequence = 0
  for (let at = 0; at < ms; at += 10) {
    while (!operator.full) {
      operator.admit(ticketOf(host.clock, sequence, `k${sequence}`, sequence, { deadlineMs: 600_000 }))
      sequence++
    }
    await host.clock.advance(10)
  }
}

describe('calls', () => {
  it('are made at the rate, retries too, by all tasks of an instance together', async () => {
    const host = testHost()
    const times: number[] = []
    const flaky = source(
      (value: number, _key, { attempt }) => {
        times.push(host.clock.monotonic())
        return attempt === 1 && value % 2 === 0 ? Promise.reject(new Error('once')) : value
      },
      { rate: { limit: '10/s', burst: 1 }, retry: { delay: 0 } },
    )
    const factory = enrichment(flaky)
    const tasks = [factory.open(host), factory.open({ ...host, task: '0_1' })]
    for (let at = 0; at < 10; at++) tasks[at % 2]!.admit(ticketOf(host.clock, at, `k${at}`, at))
    expect(host.metric('enrich-rate-waiting')).toBe(9)
    await host.clock.advance(10_000)
    expect(host.settled).toHaveLength(10)
    expect(times).toEqual(Array.from({ length: 15 }, (_, at) => at * 100))
    expect([host.clock.timers, host.metric('enrich-in-flight')]).toEqual([0, 0])
  })

  it('that get no turn before their deadline are dead letters by the name of the limit; close forgets the rest', async () => {
    const host = testHost()
    const operator = enrichment(source(() => 1, { rate: '1/h' })).open(host)
    for (let at = 0; at < 3; at++)
      operator.admit(ticketOf(host.clock, at, null, at, { deadlineMs: at === 2 ? 900_000 : 1000 }))
    await host.clock.advance(1000)
    expect(host.settled.map(({ outcome }) => outcome)).toMatchObject([
      { kind: 'emit' },
      { error: { code: 'SLUICE_ENRICH_LIMITED' } },
    ])
    operator.close()
    expect([host.clock.timers, host.metric('enrich-rate-waiting')]).toEqual([0, 0])
  })

  it('wait for both a token and a circuit breaker, and use up neither for nothing', async () => {
    const host = testHost()
    let down = true
    const times: number[] = []
    const ask = source(
      () => {
        times.push(host.clock.monotonic())
        return down ? Promise.reject(new Error('down')) : 1
      },
      {
        rate: { limit: '2/s', burst: 2 },
        breaker: { minimum: 2, window: 2, wait: 5000, probes: 1 },
        retry: { delay: 1 },
      },
    )
    const operator = enrichment(ask).open(host)
    for (let at = 0; at < 4; at++) operator.admit(ticketOf(host.clock, at, null, at))
    await host.clock.advance(4000)
    expect(times).toEqual([0, 0])
    down = false
    await host.clock.advance(8000)
    expect(host.settled.map(({ outcome }) => outcome.kind)).toEqual(['emit', 'emit', 'emit', 'emit'])
    expect(host.clock.timers).toBe(0)
  })

  it('of a batch cost one token', async () => {
    const host = testHost()
    const ask = batchSource((values: readonly number[]) => values, { rate: { limit: '1/h', burst: 1 } })
    const operator = enrichment(ask).open(host)
    for (let at = 0; at < 50; at++) operator.admit(ticketOf(host.clock, at, null, at))
    await host.clock.advance(1)
    expect(host.settled).toHaveLength(50)
  })

  it('follow the RateLimit headers of an HTTP service', async () => {
    const times: number[] = []
    const clock = virtualClock()
    const host = testHost(clock, {
      request: () => {
        times.push(clock.monotonic())
        const headers = { ratelimit: '"q";r=2;t=1' }
        return Promise.resolve({ status: 200, headers, body: new Uint8Array() })
      },
      close: () => Promise.resolve(),
    })
    const operator = enrichment(http('http://a.internal/{key}', { rate: 'auto' }), { concurrency: 1 }).open(
      host,
    )
    for (let at = 0; at < 4; at++) operator.admit(ticketOf(clock, at, `k${at}`, at))
    await clock.advance(2000)
    expect(times).toEqual([0, 0, 500, 1000])
  })

  it('find out what a service allows: not 1 % refused after 30 s, and most of the quota used', async () => {
    const host = testHost()
    const service = quotaService(host.clock, 200)
    const ask = source(() => service.call(), { rate: 'auto', retry: { retries: 20 } })
    const operator = enrichment(ask, { concurrency: 100, deadline: '10m' }).open(host)
    await saturate(host, operator, 30_000)
    const early = { ...service }
    await saturate(host, operator, 120_000)
    const [ok, refused] = [service.ok - early.ok, service.refused - early.refused]
    expect(refused / (ok + refused)).toBeLessThan(0.01)
    expect(ok).toBeGreaterThan(0.9 * 200 * 120)
    operator.close()
  }, 30_000)

  it('of two sources of an endpoint keep one rate, given alike', () => {
    const ask = (rate: Rate) => http('http://one.internal/{key}', { rate })
    expect(() => enrichment({ a: ask('5/s'), b: ask('5/s') })).not.toThrow()
    expect(() => enrichment({ a: ask('5/s'), b: ask('6/s') })).toThrow(
      'enrich b: rate: expected the options of a',
    )
  })
})

/** Calls behind a circuit breaker: they wait without using up attempts, or give up at once; each record has one outcome. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AsyncOperator, AsyncOperatorFactory } from '../../src/core/async-operator.ts'
import type { LogFields, Logger } from '../../src/core/log.ts'
import { CallError } from '../../src/enrich/call-error.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { http } from '../../src/enrich/sources/http.ts'
import { source } from '../../src/enrich/sources/source.ts'
import type { FunctionOptions } from '../../src/enrich/sources/source.ts'
import { seeded, testHost, ticketOf, turn } from './virtual.ts'
import type { TestHost } from './virtual.ts'

const BREAKER = { window: 10, minimum: 4, wait: 1000, probes: 2 } as const
const OPTIONS = { retry: { retries: 3, delay: 10 }, breaker: BREAKER } as const

/** A service that answers after 5 ms, or fails while it is down. */
function serviceOf(host: TestHost, options: FunctionOptions = OPTIONS) {
  const state = { down: true, calls: [] as number[] }
  const ask = source(
    (value: number) =>
      new Promise((resolve, reject) => {
        state.calls.push(host.clock.monotonic())
        const { down } = state
        host.clock.setTimer(5, () => (down ? reject(new Error('down')) : resolve(value)))
      }),
    options,
  )
  return { state, ask }
}

function admit(operator: AsyncOperator, host: TestHost, count: number, from = 0, deadlineMs = 30_000): void {
  for (let at = from; at < from + count; at++) {
    operator.admit(ticketOf(host.clock, at, `k${at}`, at, { deadlineMs }))
  }
}

function outcomes(host: TestHost): Record<string, number> {
  const names = host.settled.map(({ outcome }) => ('error' in outcome ? outcome.error.code : outcome.kind))
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]))
}

describe('calls that wait', () => {
  it('use up no attempts while the breaker is open, and all go on when the service is well', async () => {
    const host = testHost()
    const { state, ask } = serviceOf(host)
    const operator = enrichment(ask, { concurrency: 4, maxPending: 1000 }).open(host)
    admit(operator, host, 100)
    await host.clock.advance(9000)
    // Four calls open it, then two probes a second: without the breaker it would have been 400 calls in no time.
    expect(state.calls.length).toBeLessThan(30)
    expect(host.metric('enrich-breaker-state')).toBe(2)
    expect(host.metric('enrich-breaker-held')).toBeGreaterThan(90)
    state.down = false
    await host.clock.advance(2000)
    expect(outcomes(host)).toEqual({ emit: 100 })
    expect(Math.max(...host.settled.map(({ ticket }) => ticket.attempts))).toBeLessThanOrEqual(3)
    expect([host.metric('enrich-breaker-state'), host.clock.timers]).toEqual([0, 0])
  })

  it('are dead letters at their deadline, by the name of the breaker, when they were never asked for', async () => {
    const host = testHost()
    const { state, ask } = serviceOf(host)
    const operator = enrichment(ask, { concurrency: 4, maxPending: 1000 }).open(host)
    admit(operator, host, 50, 0, 2500)
    await host.clock.advance(2500)
    expect(host.settled).toHaveLength(50)
    const codes = outcomes(host)
    expect(codes['SLUICE_ENRICH_OPEN']).toBeGreaterThan(40)
    expect(codes['emit']).toBeUndefined()
    const [letter] = host.settled.filter(({ ticket }) => ticket.attempts === 0)
    expect(letter!.outcome).toMatchObject({
      error: {
        message: 'enrich-test: not asked, after 0 attempt(s): the circuit breaker of enrich-test is open',
      },
    })
    expect([host.clock.timers, host.metric('enrich-breaker-held')]).toEqual([0, 0])
    expect(state.calls.length).toBeLessThan(12)
  })

  it('give up at once when their deadline comes before the next probe', async () => {
    const host = testHost()
    const { ask } = serviceOf(host)
    const operator = enrichment(ask, { concurrency: 4 }).open(host)
    admit(operator, host, 4)
    await host.clock.advance(5)
    admit(operator, host, 1, 4, 900)
    expect(outcomes(host)).toEqual({ SLUICE_ENRICH_OPEN: 1 })
  })

  it('are forgotten by close, which leaves no timer and gives its probes back', async () => {
    const host = testHost()
    const { state, ask } = serviceOf(host)
    const factory = enrichment(ask, { concurrency: 4 })
    const operator = factory.open(host)
    admit(operator, host, 20)
    await host.clock.advance(1007)
    expect(host.metric('enrich-breaker-state')).toBe(1)
    operator.close()
    expect([host.settled.length, host.metric('enrich-breaker-held')]).toEqual([0, 0])
    state.down = false
    const next = factory.open(host)
    admit(next, host, 5, 20)
    await host.clock.advance(100)
    expect(outcomes(host)).toEqual({ emit: 5 })
    expect(host.clock.timers).toBe(0)
  })

  it('wait as one when they ask the same', async () => {
    const host = testHost()
    const { state, ask } = serviceOf(host, { ...OPTIONS, coalesce: true })
    const operator = enrichment(ask, { concurrency: 4 }).open(host)
    admit(operator, host, 4)
    await host.clock.advance(5)
    for (let at = 4; at < 10; at++) operator.admit(ticketOf(host.clock, at, 'same', at))
    expect(host.metric('enrich-coalesced-total')).toBe(5)
    state.down = false
    await host.clock.advance(3000)
    expect(outcomes(host)).toEqual({ emit: 10 })
  })
})

describe('calls that give up', () => {
  const impatient = { ...OPTIONS, breaker: { ...BREAKER, whenOpen: 'give-up' } } as const

  it('fall back at once, without a call', async () => {
    const host = testHost()
    const { state, ask } = serviceOf(host, impatient)
    const operator = enrichment({ a: ask }, { concurrency: 4, fallback: { a: 'none' } }).open(host)
    admit2(operator, host, 4)
    await host.clock.advance(5)
    const asked = state.calls.length
    admit2(operator, host, 50, 4)
    expect([host.settled.length, state.calls.length]).toEqual([50, asked])
    expect(host.metric('enrich-fallbacks-total')).toBe(50)
    expect(host.metric('enrich-breaker-refused-total')).toBe(50)
    await host.clock.advance(100)
    expect([host.settled.length, host.clock.timers]).toEqual([54, 0])
  })

  it('are dead letters without a fallback, and new calls find out when the service is well', async () => {
    const host = testHost()
    const { state, ask } = serviceOf(host, impatient)
    const operator = enrichment(ask, { concurrency: 4 }).open(host)
    admit(operator, host, 10)
    await host.clock.advance(100)
    expect(outcomes(host)).toEqual({ SLUICE_ENRICH_OPEN: 10 })
    state.down = false
    await host.clock.advance(1000)
    admit(operator, host, 2, 10)
    await host.clock.advance(5)
    admit(operator, host, 20, 12)
    await host.clock.advance(50)
    expect(outcomes(host)).toEqual({ SLUICE_ENRICH_OPEN: 10, emit: 22 })
  })

  function admit2(operator: AsyncOperator, host: TestHost, count: number, from = 0): void {
    for (let at = from; at < from + count; at++)
      operator.admit(ticketOf(host.clock, at, `k${at}`, { id: at }))
  }
})

describe('an endpoint', () => {
  it('is shared by the tasks of an instance, not by instances', async () => {
    const host = testHost()
    const other = { ...testHost(host.clock), node: 'enrich-test' }
    const { ask } = serviceOf(host)
    const factory = enrichment(ask, { concurrency: 4 })
    admit(factory.open(host), host, 4)
    await host.clock.advance(5)
    const second = factory.open({ ...host, task: '0_1' })
    admit(second, host, 3, 10)
    expect(host.metric('enrich-breaker-held')).toBe(3)
    admit(factory.open(other), other, 3)
    expect([other.metric('enrich-breaker-held'), other.metric('enrich-in-flight')]).toEqual([0, 3])
  })

  it('that is down leaves another one alone', async () => {
    const host = testHost()
    const [down, well] = [serviceOf(host, { ...OPTIONS, name: 'down' }), serviceOf(host, OPTIONS)]
    well.state.down = false
    const factory = enrichment({ down: down.ask, well: well.ask }, { concurrency: 16, fallback: { down: 0 } })
    const operator = factory.open(host)
    for (let at = 0; at < 8; at++) operator.admit(ticketOf(host.clock, at, null, {}))
    await host.clock.advance(10)
    expect(well.state.calls).toHaveLength(8)
    expect(host.metric('enrich-breaker-state', { endpoint: 'down' })).toBe(2)
    expect(host.metric('enrich-breaker-state', { endpoint: 'well' })).toBe(0)
    operator.close()
  })

  it('is the origin of an HTTP source; requests that are wrong themselves say nothing of it', async () => {
    const statuses = [400, 400, 400, 400, 400, 500, 500, 500, 500, 500]
    const host = testHost(testHost().clock, {
      request: () =>
        Promise.resolve({ status: statuses.shift() ?? 200, headers: {}, body: new Uint8Array() }),
      close: () => Promise.resolve(),
    })
    const ask = http('http://profiles.internal/{key}', { retry: 0, breaker: BREAKER })
    const operator = enrichment(ask, { concurrency: 1 }).open(host)
    admit(operator, host, 5)
    await turn()
    expect(host.metric('enrich-breaker-state', { endpoint: 'http://profiles.internal' })).toBe(0)
    admit(operator, host, 5, 5)
    for (let at = 0; at < 10; at++) await turn()
    expect(host.metric('enrich-breaker-state', { endpoint: 'http://profiles.internal' })).toBe(2)
    operator.close()
  })

  it('does not count an answer that asks for another call, nor an error that repeating would repeat', async () => {
    const host = testHost()
    const retry = { retries: 8, delay: 1, whenAnswer: () => true }
    const pending = enrichment(source(() => 'pending', { retry, breaker: BREAKER })).open(host)
    const poison = source(() => Promise.reject(new CallError('bad', { retriable: false })), {
      name: 'poison',
      breaker: BREAKER,
    })
    const refusing = enrichment(poison).open(host)
    admit(pending, host, 2)
    admit(refusing, host, 20, 2)
    await host.clock.advance(1000)
    expect(host.metric('enrich-breaker-opened-total')).toBe(0)
    expect(host.settled).toHaveLength(22)
  })

  it('may be asked by two sources of one operator, which then open alike', () => {
    const ask = (breaker: object) => http('http://one.internal/{key}', { breaker })
    expect(() =>
      enrichment({ a: ask({ wait: '1s' }), b: ask({ wait: '1s', whenOpen: 'give-up' }) }),
    ).not.toThrow()
    expect(() => enrichment({ a: ask({ wait: '1s' }), b: ask({ wait: '2s' }) })).toThrow(
      'enrich b: breaker: expected the options of a, which asks the same endpoint http://one.internal',
    )
    expect(() => enrichment({ a: ask({ wiat: '1s' }) })).toThrow('did you mean "wait"?')
  })

  it('is named in the log when its breaker opens and closes, with ids, and nothing else is', async () => {
    const lines: [string, LogFields, string][] = []
    const to = (level: string) => (fields: LogFields, message: string) =>
      void lines.push([level, fields, message])
    const log: Logger = {
      debug() {},
      info: to('info'),
      warn: to('warn'),
      error: to('error'),
      child: () => log,
    }
    const host = { ...testHost(), log }
    const { state, ask } = serviceOf(host)
    admit(enrichment(ask, { concurrency: 4 }).open(host), host, 10)
    await host.clock.advance(2500)
    state.down = false
    await host.clock.advance(3000)
    expect(host.metric('enrich-breaker-opened-total')).toBe(1)
    const ids = { node: 'enrich-test', task: '0_0', endpoint: 'enrich-test' }
    expect(lines).toEqual([
      [
        'warn',
        { ...ids, calls: 4, failed: 4, slow: 0, waitMs: 1000 },
        'circuit breaker open: the endpoint is not asked for a while',
      ],
      ['info', { ...ids, calls: 2 }, 'circuit breaker closed: the endpoint is well again'],
    ])
    expect(outcomes(host)).toEqual({ emit: 10 })
  })
})

describe('whatever happens', () => {
  interface Plan {
    readonly seed: number
    readonly outages: readonly number[]
    readonly gaps: readonly number[]
    readonly whenOpen: 'wait' | 'give-up'
    readonly order: 'key' | 'key-serial' | 'none'
    readonly closeAt: number
  }

  interface Seen {
    readonly settled: readonly string[]
    readonly calls: readonly number[]
  }

  /** Two tasks, a service with outages and hung calls, one task closed on the way and opened anew with its records. */
  async function run(plan: Plan): Promise<Seen> {
    const host = testHost()
    const random = seeded(plan.seed)
    const calls: number[] = []
    const isDown = (): boolean =>
      plan.outages.some((from) => host.clock.monotonic() >= from && host.clock.monotonic() < from + 3000)
    const state = (): number => host.metric('enrich-breaker-state')
    let probing = 0
    const ask = source(
      (_: unknown, _key: unknown, { signal }) => {
        calls.push(host.clock.monotonic())
        expect(state()).not.toBe(2)
        const probe = state() === 1
        if (probe) probing++
        expect(probing).toBeLessThanOrEqual(2)
        const end = (): void => void (probe && probing--)
        return new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => {
            end()
            reject(signal.reason as Error)
          })
          if (random.next() < 0.05) return
          const fails = isDown() && random.next() < 0.9
          host.clock.setTimer(Math.ceil(random.next() * 80), () => {
            if (signal.aborted) return
            end()
            if (fails) reject(new Error('down'))
            else resolve('fine')
          })
        })
      },
      {
        timeout: 300,
        retry: { retries: 3, delay: 50 },
        breaker: { ...BREAKER, whenOpen: plan.whenOpen },
      },
    )
    const factory = enrichment(ask, { concurrency: 3, order: plan.order, deadline: 8000 })
    await feed(plan, host, factory)
    return {
      settled: host.settled.map(({ ticket, outcome }) => `${ticket.sequence} ${outcome.kind}`),
      calls,
    }
  }

  async function feed(plan: Plan, host: TestHost, factory: AsyncOperatorFactory): Promise<void> {
    const tasks = [factory.open(host), factory.open({ ...host, task: '0_1' })]
    const admitted = plan.gaps.map((_, at) =>
      ticketOf(host.clock, at, `k${at % 5}`, at, { deadlineMs: 20_000 }),
    )
    for (const [at, gap] of plan.gaps.entries()) {
      await host.clock.advance(gap)
      tasks[at % 2]!.admit(admitted[at]!)
      if (at !== plan.closeAt) continue
      tasks[0]!.close()
      tasks[0] = factory.open(host)
      const settled = new Set(host.settled.map(({ ticket }) => ticket))
      for (const ticket of admitted.slice(0, at + 1)) {
        if (ticket.sequence % 2 === 0 && !settled.has(ticket)) tasks[0].admit(ticket)
      }
    }
    await host.clock.advance(60_000)
    const sequences = host.settled.map(({ ticket }) => ticket.sequence)
    expect(sequences.toSorted((a, b) => a - b)).toEqual(admitted.map(({ sequence }) => sequence))
    expect([host.clock.timers, host.metric('enrich-breaker-held'), host.metric('enrich-in-flight')]).toEqual([
      0, 0, 0,
    ])
    if (plan.order === 'none') return
    for (const lane of Map.groupBy(sequences, (sequence) => sequence % 10).values())
      expect(lane).toEqual(lane.toSorted((a, b) => a - b))
  }

  it('each record has one outcome, no call is made while open, nothing is left, and a seed gives the same run', async () => {
    const plans = fc.record({
      seed: fc.integer(),
      outages: fc.array(fc.nat(8000), { maxLength: 3 }),
      gaps: fc.array(fc.nat(250), { minLength: 1, maxLength: 60 }),
      whenOpen: fc.constantFrom('wait' as const, 'give-up' as const),
      order: fc.constantFrom('key' as const, 'key-serial' as const, 'none' as const),
      closeAt: fc.nat(60),
    })
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        expect(await run(plan)).toEqual(await run(plan))
      }),
      { numRuns: 40 },
    )
  }, 30_000)
})

/** Batches: who travels together, what becomes of the rest when one request fails, and what does not change by them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AsyncOperator } from '../../src/core/async-operator.ts'
import { CallError } from '../../src/enrich/call-error.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { batchSource, source } from '../../src/enrich/sources/source.ts'
import type { BatchContext, FunctionOptions } from '../../src/enrich/sources/source.ts'
import { seeded, testHost, ticketOf } from './virtual.ts'
import type { TestHost } from './virtual.ts'

interface Trip {
  readonly at: number
  readonly values: readonly number[]
  readonly call: BatchContext
}

/** Answers ten times the value after 5 ms; a value of `poison` spoils its whole batch. */
function serviceOf(host: TestHost, options: FunctionOptions = {}, poison: readonly number[] = []) {
  const trips: Trip[] = []
  const ask = batchSource(
    (values: readonly number[], call) =>
      new Promise<(number | Error)[]>((resolve, reject) => {
        trips.push({ at: host.clock.monotonic(), values, call })
        host.clock.setTimer(5, () => {
          if (values.some((value) => poison.includes(value)))
            reject(new CallError('malformed', { retriable: false }))
          else resolve(values.map((value) => value * 10))
        })
      }),
    options,
  )
  return { trips, ask, asked: () => trips.map(({ values }) => values) }
}

function admit(
  operator: AsyncOperator,
  host: TestHost,
  values: readonly number[],
  deadlineMs = 30_000,
): void {
  for (const value of values) operator.admit(ticketOf(host.clock, value, `k${value}`, value, { deadlineMs }))
}

function answers(host: TestHost): unknown[] {
  return host.settled.map(({ outcome }) => (outcome.kind === 'emit' ? outcome.value : outcome.kind))
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

describe('a batch', () => {
  it('takes what one turn brings, and each record gets its own answer', async () => {
    const host = testHost()
    const { asked, ask } = serviceOf(host)
    admit(enrichment(ask).open(host), host, [1, 2, 3])
    expect(asked()).toEqual([])
    await host.clock.advance(5)
    expect(asked()).toEqual([[1, 2, 3]])
    expect(answers(host)).toEqual([10, 20, 30])
    expect([host.metric('enrich-calls-total', { outcome: 'ok' }), host.clock.timers]).toEqual([1, 0])
    expect(host.metric('enrich-batch-size-sum')).toBe(3)
  })

  it('leaves at once when it is full, and after its wait when it is not', async () => {
    const host = testHost()
    const { asked, trips, ask } = serviceOf(host, { batch: { size: 3, wait: 20 } })
    const operator = enrichment(ask).open(host)
    admit(operator, host, [1, 2, 3, 4])
    expect(asked()).toEqual([[1, 2, 3]])
    await host.clock.advance(19)
    admit(operator, host, [5])
    await host.clock.advance(10)
    expect(asked()).toEqual([
      [1, 2, 3],
      [4, 5],
    ])
    expect(trips[1]!.at).toBe(20)
  })

  it('takes further requests while it waits for a slot', async () => {
    const host = testHost()
    const { asked, ask } = serviceOf(host, { batch: { size: 4 } })
    const operator = enrichment(ask, { concurrency: 1 }).open(host)
    admit(operator, host, [1])
    await host.clock.advance(1)
    for (const value of [2, 3, 4, 5, 6]) {
      admit(operator, host, [value])
      await host.clock.advance(0)
    }
    await host.clock.advance(20)
    expect(asked()).toEqual([[1], [2, 3, 4, 5], [6]])
    expect(answers(host)).toEqual([10, 20, 30, 40, 50, 60])
  })

  it('is one call of `concurrency`, and with `batch: false` each request goes alone', async () => {
    const host = testHost()
    const { asked, ask } = serviceOf(host, { batch: false })
    admit(enrichment(ask, { concurrency: 2 }).open(host), host, [1, 2, 3])
    expect(asked()).toEqual([[1], [2]])
    await host.clock.advance(10)
    expect(answers(host)).toEqual([10, 20, 30])
  })

  it('asks once for what can be told apart and is asked twice, and a cache answers before it', async () => {
    const host = testHost()
    const { asked, ask } = serviceOf(host, { cache: '1m' })
    const operator = enrichment(ask).open(host)
    for (const [sequence, key] of ['a', 'b', 'a', 'a'].entries())
      operator.admit(ticketOf(host.clock, sequence, key, key === 'a' ? 1 : 2))
    await host.clock.advance(5)
    operator.admit(ticketOf(host.clock, 4, 'a', 1))
    expect(asked()).toEqual([[1, 2]])
    expect(answers(host)).toEqual([10, 10, 10, 20, 10])
  })

  it('has an idempotency key for each request, the same in every attempt', async () => {
    const host = testHost()
    const keys: (readonly string[])[] = []
    const ask = batchSource(
      (values: readonly number[], call) => {
        keys.push(call.idempotencyKeys)
        return keys.length === 1 ? values.map(() => new Error('later')) : values
      },
      { kind: 'write', retry: { delay: 0 } },
    )
    admit(enrichment(ask, { order: 'none' }).open(host), host, [1, 2])
    await host.clock.advance(10)
    expect(new Set(keys[0]).size).toBe(2)
    expect(new Set(keys.flat())).toEqual(new Set(keys[0]))
  })

  it('is refused as an option of a source that answers one at a time', () => {
    expect(() => enrichment(source(() => 1, { batch: { size: 2 } }))).toThrow(
      'enrich: batch: expected a source that can answer several requests at once, such as batchSource(…)',
    )
  })
})

describe('failures of a batch', () => {
  it('of one request are retried and reported alone', async () => {
    const host = testHost()
    const asked: (readonly number[])[] = []
    const ask = batchSource(
      (values: readonly number[]) => {
        asked.push(values)
        return values.map((value) => (value === 2 ? new CallError('no', { retriable: true }) : value))
      },
      { retry: { retries: 2, delay: 10 } },
    )
    admit(enrichment(ask, { order: 'none' }).open(host), host, [1, 2, 3])
    await host.clock.advance(100)
    expect(asked).toEqual([[1, 2, 3], [2], [2]])
    expect(answers(host)).toEqual([1, 3, 'dead-letter'])
    expect(host.metric('enrich-batch-partial-total')).toBe(3)
  })

  it('by a poisonous request end in its dead letter and in answers for all others', async () => {
    const host = testHost()
    const { trips, ask } = serviceOf(host, { batch: { size: 64 } }, [37])
    admit(enrichment(ask, { order: 'none' }).open(host), host, numbers(64))
    await host.clock.advance(200)
    const failed = host.settled.filter(({ outcome }) => outcome.kind === 'dead-letter')
    expect(failed.map(({ ticket }) => [ticket.sequence, ticket.attempts])).toEqual([[37, 1]])
    expect(host.settled).toHaveLength(64)
    // Two halves a level.
    expect(trips).toHaveLength(1 + 2 * 6)
    expect(host.metric('enrich-batch-bisected-total')).toBe(6)
  })

  it('that may pass are retried by each request, and halved only when attempts are used up', async () => {
    const host = testHost()
    let calls = 0
    const ask = batchSource(
      (values: readonly number[]) => {
        calls++
        if (values.includes(1)) throw new Error('internal error')
        return values
      },
      { retry: { retries: 2, delay: 0 } },
    )
    admit(enrichment(ask, { order: 'none' }).open(host), host, [0, 1, 2, 3])
    await host.clock.advance(100)
    expect(new Set(answers(host))).toEqual(new Set([0, 2, 3, 'dead-letter']))
    expect(answers(host)).toHaveLength(4)
    expect(calls).toBe(3 + 2 + 2)
    expect(host.settled.map(({ ticket }) => ticket.attempts)).toEqual([2, 3, 2, 2])
  })

  it('to answer in time are not halved', async () => {
    const host = testHost()
    const asked: number[] = []
    const ask = batchSource(
      (values: readonly number[]) => {
        asked.push(values.length)
        return new Promise<number[]>(() => {})
      },
      { timeout: 100, retry: 0 },
    )
    admit(enrichment(ask).open(host), host, numbers(8))
    await host.clock.advance(1000)
    expect(asked).toEqual([8])
    expect(host.settled).toHaveLength(8)
    expect(host.clock.timers).toBe(0)
  })

  it('to give as many answers as requests were made are told as they are', async () => {
    const host = testHost()
    const ask = batchSource((values: readonly number[]) => values.slice(1), { name: 'short' })
    admit(enrichment(ask).open(host), host, [1])
    await host.clock.advance(0)
    expect(host.settled[0]!.outcome).toMatchObject({
      error: {
        message: expect.stringContaining('a batch of 1 requests needs an array of as many answers') as string,
      },
    })
  })
})

describe('records that leave a batch', () => {
  it('at their deadline before it was made are not asked for', async () => {
    const host = testHost()
    const { asked, ask } = serviceOf(host, { batch: { wait: 50 } })
    const operator = enrichment(ask).open(host)
    admit(operator, host, [1, 2])
    admit(operator, host, [3], 20)
    await host.clock.advance(100)
    expect(asked()).toEqual([[1, 2]])
    expect(answers(host)).toEqual(['dead-letter', 10, 20])
  })

  it('abort it when they were the last', async () => {
    const host = testHost()
    const signals: AbortSignal[] = []
    const ask = batchSource((_: readonly number[], call) => {
      signals.push(call.signal)
      return new Promise<number[]>(() => {})
    })
    const operator = enrichment(ask).open(host)
    admit(operator, host, [1], 500)
    admit(operator, host, [2], 900)
    await host.clock.advance(500)
    expect([signals[0]!.aborted, host.settled.length]).toEqual([false, 1])
    await host.clock.advance(400)
    expect([signals[0]!.aborted, host.settled.length, host.clock.timers]).toEqual([true, 2, 0])
  })

  it('are forgotten by close, also in the middle of its answers', async () => {
    const host = testHost()
    const { ask } = serviceOf(host, { batch: { size: 3 } })
    const operator = enrichment(ask).open(host)
    host.onSettle = () => operator.close()
    admit(operator, host, numbers(7))
    await host.clock.advance(1000)
    expect([host.settled.length, host.clock.timers]).toEqual([1, 0])
  })
})

describe('whatever happens', () => {
  it('each record has its own answer or failed by itself, exactly once, in order of its key', async () => {
    const plans = fc.record({
      seed: fc.integer(),
      size: fc.integer({ min: 1, max: 7 }),
      wait: fc.nat(20),
      concurrency: fc.integer({ min: 1, max: 3 }),
      poison: fc.array(fc.nat(39), { maxLength: 3 }),
      gaps: fc.array(fc.nat(8), { minLength: 1, maxLength: 40 }),
    })
    await fc.assert(
      fc.asyncProperty(plans, async ({ seed, size, wait, concurrency, poison, gaps }) => {
        const host = testHost()
        const random = seeded(seed)
        const ask = batchSource(
          (values: readonly number[]) =>
            new Promise<(number | Error)[]>((resolve, reject) => {
              expect(values.length).toBeLessThanOrEqual(size)
              host.clock.setTimer(Math.ceil(random.next() * 30), () => {
                if (values.some((value) => poison.includes(value)))
                  reject(new CallError('bad', { retriable: false }))
                else if (random.next() < 0.1) reject(new Error('flaky'))
                else resolve(values.map((value) => (random.next() < 0.1 ? new Error('alone') : -value)))
              })
            }),
          { batch: { size, wait }, retry: { retries: 50, delay: 5 } },
        )
        const operator = enrichment(ask, { concurrency, order: 'key', deadline: '10m' }).open(host)
        for (const [at, gap] of gaps.entries()) {
          await host.clock.advance(gap)
          operator.admit(ticketOf(host.clock, at, `k${at % 3}`, at, { deadlineMs: 600_000 }))
        }
        await host.clock.advance(600_000)
        const outcomes = host.settled.map(({ ticket, outcome }) => [
          ticket.sequence,
          outcome.kind === 'emit' ? outcome.value : outcome.kind,
        ])
        expect(outcomes.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual(
          gaps.map((_, at) => [at, poison.includes(at) ? 'dead-letter' : -at]),
        )
        for (const lane of Map.groupBy(outcomes, ([sequence]) => Number(sequence) % 3).values())
          expect(lane).toEqual(lane.toSorted(([a], [b]) => Number(a) - Number(b)))
        expect([host.clock.timers, host.metric('enrich-in-flight')]).toEqual([0, 0])
      }),
      { numRuns: 100 },
    )
  }, 30_000)
})

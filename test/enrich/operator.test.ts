/** Order, windows and terminal outcomes of the asynchronous operator under a virtual clock. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AsyncOutcome, Ticket } from '../../src/core/async-operator.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import type { OrderMode } from '../../src/enrich/order.ts'
import { source } from '../../src/enrich/sources/source.ts'
import { deferredSource, seeded, testHost, ticketOf, turn } from './virtual.ts'

const KEYS = ['a', 'b', 'c', null]
const ORDERS: readonly OrderMode[] = ['key', 'key-serial', 'partition', 'none']

function sequences(settled: readonly { ticket: Ticket }[], key?: string | null): number[] {
  return settled
    .filter(({ ticket }) => key === undefined || ticket.orderKey === key)
    .map(({ ticket }) => ticket.sequence)
}

function emitted(settled: readonly { outcome: AsyncOutcome }[]): unknown[] {
  return settled.map(({ outcome }) => (outcome.kind === 'emit' ? outcome.value : outcome))
}

/** Sequences that left before an earlier one of their lane. */
function disorder(order: OrderMode, settled: readonly { ticket: Ticket }[]): number[] {
  if (order === 'none') return []
  const last = new Map<string | null, number>()
  return settled.flatMap(({ ticket: { sequence, orderKey } }) => {
    const lane = order === 'partition' ? '' : orderKey
    const before = last.get(lane) ?? -1
    last.set(lane, sequence)
    return lane !== null && sequence < before ? [sequence] : []
  })
}

describe('order of outcomes', () => {
  const run = fc.record({
    keys: fc.array(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 30 }),
    order: fc.constantFrom(...ORDERS),
    concurrency: fc.integer({ min: 1, max: 9 }),
    maxPending: fc.integer({ min: 1, max: 20 }),
    choices: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
    failures: fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
  })

  it('keeps the order of each mode whatever the order of completion, with one outcome a record', async () => {
    await fc.assert(
      fc.asyncProperty(run, async ({ keys, order, concurrency, maxPending, choices, failures }) => {
        const host = testHost()
        const { calls, ask } = deferredSource()
        const operator = enrichment(source(ask, { retry: 0 }), { order, concurrency, maxPending }).open(host)
        const open = new Set<(typeof calls)[number]>()
        const seen = { calls: 0, choice: 0, most: 0, sameKey: false }
        let next = 0
        while (host.settled.length < keys.length) {
          while (next < keys.length && !operator.full) {
            operator.admit(ticketOf(host.clock, next, keys[next]!, next))
            next++
          }
          for (; seen.calls < calls.length; seen.calls++) open.add(calls[seen.calls]!)
          seen.most = Math.max(seen.most, open.size)
          const named = [...open].filter(({ key }) => key !== null)
          seen.sameKey ||= new Set(named.map(({ key }) => key)).size < named.length
          const under = [...open]
          const one = under[choices[seen.choice++ % choices.length]! % under.length]!
          open.delete(one)
          if (failures[one.value as number] === true) one.reject(new Error('no'))
          else one.resolve(one.value)
          await turn()
        }
        expect(sequences(host.settled).toSorted((a, b) => a - b)).toEqual(keys.map((_, at) => at))
        expect(host.settled.map(({ outcome }) => outcome.kind)).toEqual(
          host.settled.map(({ ticket }) => (failures[ticket.sequence] === true ? 'dead-letter' : 'emit')),
        )
        expect(seen.most).toBeLessThanOrEqual(concurrency)
        expect(disorder(order, host.settled)).toEqual([])
        expect(order === 'key-serial' && seen.sameKey).toBe(false)
        expect([operator.full, host.clock.timers, host.metric('enrich-pending')]).toEqual([false, 0, 0])
      }),
      { numRuns: 400 },
    )
  })

  it('lets calls of one key overlap in `key` and emits them in order', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(ask, { order: 'key' }).open(host)
    for (let at = 0; at < 3; at++) operator.admit(ticketOf(host.clock, at, 'hot', at))
    expect(calls).toHaveLength(3)
    calls[2]!.resolve('c')
    calls[1]!.resolve('b')
    await turn()
    expect(host.settled).toEqual([])
    expect(host.metric('enrich-held')).toBe(2)
    calls[0]!.resolve('a')
    await turn()
    expect(emitted(host.settled)).toEqual(['a', 'b', 'c'])
    expect(host.metric('enrich-held')).toBe(0)
  })

  it('leaves in the order of completion in `none`', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(ask, { order: 'none' }).open(host)
    for (let at = 0; at < 3; at++) operator.admit(ticketOf(host.clock, at, 'hot', at))
    for (const at of [2, 0, 1]) calls[at]!.resolve(at)
    await turn()
    expect(sequences(host.settled)).toEqual([2, 0, 1])
  })

  it('does not let a hung key delay others', async () => {
    const host = testHost()
    const operator = enrichment(
      (value: { hang: boolean }) => (value.hang ? new Promise(() => undefined) : Promise.resolve('ok')),
      { concurrency: 2, maxPending: 1000 },
    ).open(host)
    operator.admit(ticketOf(host.clock, 0, 'hung', { hang: true }))
    for (let at = 1; at < 200; at++) operator.admit(ticketOf(host.clock, at, `k${at % 7}`, { hang: false }))
    await host.clock.advance(1)
    expect(host.settled).toHaveLength(199)
  })

  it('keeps its throughput when a tenth of all records have one key', async () => {
    const elapsed = async (hot: boolean): Promise<number> => {
      const host = testHost()
      const chance = seeded(7)
      const slow = (value: unknown): Promise<unknown> =>
        new Promise((resolve) => {
          host.clock.setTimer(20 + 200 * chance.next() ** 4, () => resolve(value))
        })
      const operator = enrichment(slow, { order: 'key', concurrency: 50 }).open(host)
      for (let next = 0; host.settled.length < 2000;) {
        for (; next < 2000 && !operator.full; next++) {
          const key = hot && next % 10 === 0 ? 'hot' : `k${next}`
          operator.admit(ticketOf(host.clock, next, key, next))
        }
        await host.clock.advance(5)
      }
      return host.clock.monotonic()
    }
    expect(await elapsed(true)).toBeLessThan((await elapsed(false)) / 0.9)
  })

  it('releases a long line behind a slow head without recursion', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(
      (value: number, key: unknown, call: Parameters<typeof ask>[2]) =>
        value === 0 ? ask(value, key, call) : value,
      { order: 'key-serial', maxPending: 1 },
    ).open(host)
    for (let at = 0; at < 50_000; at++) operator.admit(ticketOf(host.clock, at, 'k', at))
    expect(host.settled).toEqual([])
    calls[0]!.resolve(0)
    await turn()
    expect(host.settled).toHaveLength(50_000)
  })
})

describe('windows', () => {
  it('limits calls under way and says full at maxPending, but admits beyond', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(ask, { concurrency: 2, maxPending: 4, order: 'none' }).open(host)
    for (let at = 0; at < 3; at++) operator.admit(ticketOf(host.clock, at, null, at))
    expect([calls.length, operator.full]).toEqual([2, false])
    for (let at = 3; at < 9; at++) operator.admit(ticketOf(host.clock, at, null, at))
    expect([calls.length, operator.full]).toEqual([2, true])
    for (let at = 0; at < 9; at++) {
      calls[at]!.resolve(at)
      await turn()
    }
    expect(sequences(host.settled)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect([operator.full, host.clock.timers]).toEqual([false, 0])
  })

  it('takes 8 × concurrency records by default', () => {
    const host = testHost()
    const operator = enrichment(() => new Promise(() => undefined), { concurrency: 3 }).open(host)
    for (let at = 0; at < 23; at++) operator.admit(ticketOf(host.clock, at, null, at))
    expect(operator.full).toBe(false)
    operator.admit(ticketOf(host.clock, 23, null, 23))
    expect(operator.full).toBe(true)
  })
})

describe('synchronous answers', () => {
  it('settle within admit, without a timer', () => {
    const host = testHost()
    const operator = enrichment((value: number) => value * 2).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', 21))
    expect(emitted(host.settled)).toEqual([42])
    expect(host.clock.timers).toBe(0)
  })

  it('wait for an asynchronous answer before them of the same key', async () => {
    const host = testHost()
    const operator = enrichment((value: number) => (value === 0 ? Promise.resolve(0) : value)).open(host)
    for (let at = 0; at < 3; at++) operator.admit(ticketOf(host.clock, at, 'k', at))
    operator.admit(ticketOf(host.clock, 3, 'other', 3))
    expect(sequences(host.settled)).toEqual([3])
    await turn()
    expect(sequences(host.settled)).toEqual([3, 0, 1, 2])
  })
})

describe('outcomes of failure', () => {
  const broken = source(() => Promise.reject(new Error('down')), { retry: 0 })

  it.each([
    [{}, 'dead-letter'],
    [{ onError: 'dead-letter' }, 'dead-letter'],
    [{ onError: 'fail' }, 'fail'],
  ] as const)('with %o is %s', async (options, kind) => {
    const host = testHost()
    enrichment(broken, options)
      .open(host)
      .admit(ticketOf(host.clock, 0, 'k', 1))
    await turn()
    const message = 'enrich-test: call failed after 1 attempt(s): down'
    expect(host.settled[0]!.outcome).toMatchObject({ kind, error: { code: 'SLUICE_ENRICH_FAILED', message } })
  })

  it('may be dropped, with the reason, and counted', async () => {
    const host = testHost()
    enrichment(broken, { onError: 'drop' })
      .open(host)
      .admit(ticketOf(host.clock, 0, 'k', 1))
    await turn()
    expect(host.settled[0]!.outcome).toEqual({
      kind: 'drop',
      reason: 'enrich-test: call failed after 1 attempt(s): down',
    })
    expect(host.metric('enrich-drops-total')).toBe(1)
  })

  it('uses a fallback value, also null and undefined, or a function of value and error', async () => {
    for (const [fallback, expected] of [
      [null, null],
      [undefined, undefined],
      [{ tier: 'none' }, { tier: 'none' }],
      [
        (value: number, error: Error) => `${value}: ${error.message}`,
        '7: enrich-test: call failed after 1 attempt(s): down',
      ],
    ] as const) {
      const host = testHost()
      enrichment(broken, { fallback })
        .open(host)
        .admit(ticketOf(host.clock, 0, 'k', 7))
      await turn()
      expect(emitted(host.settled)).toEqual([expected])
      expect(host.metric('enrich-fallbacks-total')).toBe(1)
    }
  })

  it('dead-letters a record whose fallback throws', async () => {
    const host = testHost()
    const fallback = (): never => {
      throw new Error('worse')
    }
    enrichment(broken, { fallback })
      .open(host)
      .admit(ticketOf(host.clock, 0, 'k', 7))
    await turn()
    expect(host.settled[0]!.outcome).toMatchObject({
      kind: 'dead-letter',
      error: { code: 'SLUICE_PROCESSING' },
    })
  })

  it('an error in the middle of a key does not wait for later calls, only for earlier ones', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(source(ask, { retry: 0 })).open(host)
    for (let at = 0; at < 3; at++) operator.admit(ticketOf(host.clock, at, 'k', at))
    calls[1]!.reject(new Error('no'))
    await turn()
    expect(host.settled).toEqual([])
    calls[0]!.resolve(0)
    await turn()
    expect(host.settled.map(({ outcome }) => outcome.kind)).toEqual(['emit', 'dead-letter'])
  })
})

describe('several sources', () => {
  it('asks them at the same time and adds a field for each', async () => {
    const host = testHost()
    const first = deferredSource()
    const second = deferredSource()
    const operator = enrichment({ profile: first.ask, geo: second.ask }).open(host)
    const value = { id: 1, geo: 'old' }
    operator.admit(ticketOf(host.clock, 0, 'k', value))
    expect([first.calls.length, second.calls.length]).toEqual([1, 1])
    second.calls[0]!.resolve('here')
    await turn()
    expect(host.settled).toEqual([])
    first.calls[0]!.resolve({ name: 'n' })
    await turn()
    expect(emitted(host.settled)).toEqual([{ id: 1, geo: 'here', profile: { name: 'n' } }])
    expect(value).toEqual({ id: 1, geo: 'old' })
  })

  it('falls back per field and keeps the answers of the others', async () => {
    const host = testHost()
    const broken = source(() => Promise.reject(new Error('down')), { retry: 0 })
    const operator = enrichment({ profile: broken, geo: () => 'here' }, { fallback: { profile: null } }).open(
      host,
    )
    operator.admit(ticketOf(host.clock, 0, 'k', { id: 1 }))
    await turn()
    expect(emitted(host.settled)).toEqual([{ id: 1, profile: null, geo: 'here' }])
  })

  it('aborts the others when one fails for good without a fallback', async () => {
    const host = testHost()
    const slow = deferredSource()
    const broken = source(() => Promise.reject(new Error('down')), { retry: 0 })
    const operator = enrichment({ slow: slow.ask, broken }).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', { id: 1 }))
    await turn()
    expect(host.settled[0]!.outcome).toMatchObject({
      kind: 'dead-letter',
      error: { message: 'enrich-test broken: call failed after 1 attempt(s): down' },
    })
    expect(slow.calls[0]!.signal.aborted).toBe(true)
    slow.calls[0]!.resolve('late')
    await turn()
    expect([host.settled.length, host.clock.timers, host.metric('enrich-in-flight')]).toEqual([1, 0, 0])
    expect(host.metric('enrich-late-completions-total')).toBe(1)
  })

  it('passes a tombstone and refuses values that have no fields', () => {
    const host = testHost()
    const operator = enrichment({ a: () => 1 }).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', null))
    operator.admit(ticketOf(host.clock, 1, 'k', 'text'))
    expect(host.settled[0]!.outcome).toEqual({ kind: 'emit', value: null })
    expect(host.settled[1]!.outcome).toMatchObject({
      kind: 'dead-letter',
      error: { code: 'SLUICE_PROCESSING' },
    })
  })
})

describe('a tombstone behind a slow record of its key', () => {
  it('passes as a tombstone at its deadline too: there is nothing to fall back for', async () => {
    const host = testHost()
    const slow = deferredSource()
    const patient = source(slow.ask, { timeout: '20s', retry: 0 })
    const operator = enrichment({ a: patient }, { order: 'key-serial', fallback: { a: 0 } }).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', { id: 1 }))
    operator.admit(ticketOf(host.clock, 1, 'k', null, { deadlineMs: 100 }))
    await host.clock.advance(200)
    slow.calls[0]!.resolve('answer')
    await turn()
    expect(emitted(host.settled)).toEqual([{ id: 1, a: 'answer' }, null])
    expect([slow.calls.length, host.clock.timers]).toEqual([1, 0])
  })
})

describe('a source with nothing to ask', () => {
  it('answers null without a call; what its request throws is not retried', () => {
    const host = testHost()
    let calls = 0
    const picky = {
      kind: 'read' as const,
      request(value: unknown) {
        if (value === 'bad') throw new Error('no such field')
        return undefined
      },
      call: () => ++calls,
    }
    const operator = enrichment(picky).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', 1))
    operator.admit(ticketOf(host.clock, 1, 'k', 'bad'))
    expect(host.settled[0]!.outcome).toEqual({ kind: 'emit', value: null })
    expect(host.settled[1]!.outcome).toMatchObject({
      kind: 'dead-letter',
      error: { code: 'SLUICE_PROCESSING' },
    })
    expect([calls, host.metric('enrich-skipped-total')]).toEqual([0, 1])
  })
})

/** Cache and coalescing: who asks, who shares, for how long, and that nobody can change what others see. */
import { describe, expect, it } from 'vitest'
import { AnswerCache } from '../../src/enrich/cache.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { source } from '../../src/enrich/sources/source.ts'
import type { Settled } from './virtual.ts'
import { deferredSource, testHost, ticketOf, turn, virtualClock } from './virtual.ts'

function valueOf({ outcome }: Settled): unknown {
  return outcome.kind === 'emit' ? outcome.value : outcome
}

const PLAIN = {
  ttlMs: 1000,
  negativeTtlMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  maxEntries: 100,
  maxBytes: undefined,
  persist: false,
}

describe('the cache', () => {
  it('keeps answers for their time and throws the least recently used out', async () => {
    const clock = virtualClock()
    const cache = new AnswerCache({ ...PLAIN, ttlMs: 1000, negativeTtlMs: 100, maxEntries: 2 }, clock)
    cache.put('a', 1)
    cache.put('b', 2)
    expect(cache.get('a')?.value).toBe(1)
    cache.put('c', 3)
    expect([cache.get('a')?.value, cache.get('b'), cache.get('c')?.value, cache.size]).toEqual([
      1,
      undefined,
      3,
      2,
    ])
    await clock.advance(999)
    expect(cache.get('a')?.value).toBe(1)
    await clock.advance(1)
    expect([cache.get('a'), cache.get('c'), cache.size]).toEqual([undefined, undefined, 0])
  })

  it('believes "there is none" for its own time, or not at all', async () => {
    const clock = virtualClock()
    const cache = new AnswerCache({ ...PLAIN, ttlMs: 1000, negativeTtlMs: 100, maxEntries: 9 }, clock)
    cache.put('a', null)
    expect(cache.get('a')).toMatchObject({ value: null })
    await clock.advance(100)
    expect(cache.get('a')).toBeUndefined()
    const forgetful = new AnswerCache({ ...PLAIN, ttlMs: 1000, negativeTtlMs: 0, maxEntries: 9 }, clock)
    forgetful.put('a', 1)
    forgetful.put('a', null)
    expect([forgetful.get('a'), forgetful.size]).toEqual([undefined, 0])
  })

  it('is keyed by the record, or by a function of the user, and asks again when stale', async () => {
    const host = testHost()
    let calls = 0
    const byKey = source((value: { id: number }) => ({ id: value.id, call: ++calls }), { cache: '60s' })
    const byId = source((value: { id: number }) => ({ id: value.id, call: ++calls }), {
      cache: { ttl: '60s', key: (value: { id: number }) => String(value.id) },
    })
    for (const [one, expected] of [
      [byKey, [1, 1, 2, 3]],
      [byId, [1, 2, 1, 2]],
    ] as const) {
      calls = 0
      host.settled.length = 0
      const operator = enrichment(one).open(host)
      const tickets = [
        ['x', 1],
        ['x', 2],
        ['y', 1],
        [null, 2],
      ] as const
      for (const [at, [key, id]] of tickets.entries()) operator.admit(ticketOf(host.clock, at, key, { id }))
      expect(host.settled.map((one2) => (valueOf(one2) as { call: number }).call)).toEqual(expected)
      await host.clock.advance(60_000)
      operator.admit(ticketOf(host.clock, 9, 'x', { id: 1 }))
      expect(calls).toBe(Math.max(...expected) + 1)
    }
    expect(host.metric('enrich-cache-hits-total')).toBe(3)
  })

  it('does not keep failures', async () => {
    const host = testHost()
    let calls = 0
    const flaky = source(
      () => {
        calls++
        if (calls === 1) throw new Error('down')
        return 'ok'
      },
      { cache: '60s', retry: 0 },
    )
    const operator = enrichment(flaky).open(host)
    for (let at = 0; at < 3; at++) operator.admit(ticketOf(host.clock, at, 'k', at))
    expect(host.settled.map(({ outcome }) => outcome.kind)).toEqual(['dead-letter', 'emit', 'emit'])
    expect(calls).toBe(2)
    await turn()
  })

  it('freezes what it shares, all the way down, and only that', async () => {
    const host = testHost()
    const answer = (): Promise<unknown> =>
      Promise.resolve({ tags: ['a', { deep: true }], at: new Date(0), bytes: new Uint8Array(2) })
    const operator = enrichment({
      shared: source(answer, { cache: '60s' }),
      own: source(answer),
    }).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', {}))
    await turn()
    operator.admit(ticketOf(host.clock, 1, 'k', {}))
    await turn()
    const [first, second] = host.settled.map((one) => valueOf(one) as Record<string, { tags: unknown[] }>)
    expect(second!['shared']).toBe(first!['shared'])
    expect(Object.isFrozen(first!['shared'])).toBe(true)
    expect(() => first!['shared']!.tags.push('x')).toThrow(TypeError)
    expect(Object.isFrozen(first!['shared']!.tags[1])).toBe(true)
    expect(Object.isFrozen(first!['own'])).toBe(false)
    expect(second!['own']).not.toBe(first!['own'])
    // The record around it belongs to the record.
    expect(Object.isFrozen(first)).toBe(false)
  })
})

describe('coalescing', () => {
  const keyed = { coalesce: true, retry: 0 } as const

  it('turns 1,000 concurrent misses into one call', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(source(ask, { cache: '60s' })).open(host)
    for (let at = 0; at < 1000; at++) operator.admit(ticketOf(host.clock, at, 'k', at))
    expect(calls).toHaveLength(1)
    expect(host.metric('enrich-coalesced-total')).toBe(999)
    calls[0]!.resolve({ n: 1 })
    await turn()
    expect(host.settled.map(({ ticket }) => ticket.sequence)).toEqual(
      Array.from({ length: 1000 }, (_, at) => at),
    )
    expect(new Set(host.settled.map(valueOf)).size).toBe(1)
    expect(host.clock.timers).toBe(0)
  })

  it('shares a failure, counts the attempt for every record, and asks anew afterwards', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(source(ask, keyed)).open(host)
    const tickets = [0, 1, 2].map((at) => ticketOf(host.clock, at, 'k', at))
    operator.admit(tickets[0]!)
    operator.admit(tickets[1]!)
    calls[0]!.reject(new Error('down'))
    await turn()
    expect(host.settled.map(({ outcome }) => outcome.kind)).toEqual(['dead-letter', 'dead-letter'])
    expect(tickets.map(({ attempts }) => attempts)).toEqual([1, 1, 0])
    operator.admit(tickets[2]!)
    expect(calls).toHaveLength(2)
  })

  it('goes on while somebody waits, and aborts when the last one gave up', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(source(ask, { ...keyed, timeout: '1h' }), { order: 'none' }).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', 0, { deadlineMs: 1000 }))
    operator.admit(ticketOf(host.clock, 1, 'k', 1, { deadlineMs: 2000 }))
    await host.clock.advance(1000)
    expect([host.settled.length, calls[0]!.signal.aborted]).toEqual([1, false])
    await host.clock.advance(1000)
    expect([host.settled.length, calls[0]!.signal.aborted, host.metric('enrich-in-flight')]).toEqual([
      2,
      true,
      0,
    ])
    operator.admit(ticketOf(host.clock, 2, 'k', 2))
    expect(calls).toHaveLength(2)
  })

  it('is off for writes and where requests cannot be told apart', () => {
    for (const [options, records, expected] of [
      [{ kind: 'write' }, ['k', 'k'], 2],
      [{}, ['k', 'k'], 2],
      [keyed, ['k', 'k'], 1],
      [keyed, [null, null], 2],
      [{ cache: '60s', coalesce: false }, ['k', 'k'], 2],
    ] as const) {
      const host = testHost()
      const { calls, ask } = deferredSource()
      const operator = enrichment(source(ask, options), { order: 'key' }).open(host)
      for (const [at, key] of records.entries()) operator.admit(ticketOf(host.clock, at, key, at))
      expect(calls).toHaveLength(expected)
    }
  })
})

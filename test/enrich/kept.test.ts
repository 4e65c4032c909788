/** What outlives its time or its task: stale answers, persisted answers, and writes whose effect is not known. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AsyncOperator } from '../../src/core/async-operator.ts'
import type { Bytes } from '../../src/core/record.ts'
import { CallError } from '../../src/enrich/call-error.ts'
import { Effects } from '../../src/enrich/effects.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { decodeAnswer, encodeAnswer } from '../../src/enrich/kept-answer.ts'
import { source } from '../../src/enrich/sources/source.ts'
import type { CacheOptions, FunctionOptions } from '../../src/enrich/sources/source.ts'
import { deferredSource, testHost, ticketOf, turn } from './virtual.ts'
import type { TestHost } from './virtual.ts'

let sequence = 0

function ask(operator: AsyncOperator, host: TestHost, key: string, deadlineMs = 30_000): void {
  operator.admit(ticketOf(host.clock, sequence++, key, { of: key }, { deadlineMs }))
}

function answers(host: TestHost): unknown[] {
  return host.settled.map(({ outcome }) => (outcome.kind === 'emit' ? outcome.value : outcome.kind))
}

function cached(host: TestHost, cache: CacheOptions, options: FunctionOptions = {}) {
  const { calls, ask: call } = deferredSource()
  const factory = enrichment(source(call, { retry: 0, ...options, cache }))
  return { calls, factory, operator: factory.open(host) }
}

describe('an answer past its time', () => {
  it('is given at once while it is asked for again, once, and the new one after that', async () => {
    const host = testHost()
    const { calls, operator } = cached(host, { ttl: 100, staleWhileRevalidate: 1000 })
    ask(operator, host, 'a')
    calls[0]!.resolve('old')
    await host.clock.advance(500)
    for (let at = 0; at < 3; at++) ask(operator, host, 'a')
    expect([answers(host), calls.length]).toEqual([['old', 'old', 'old', 'old'], 2])
    calls[1]!.resolve('new')
    await turn()
    ask(operator, host, 'a')
    expect([answers(host).at(-1), calls.length]).toEqual(['new', 2])
    expect(host.metric('enrich-cache-stale-total')).toBe(3)
  })

  it('stays when asking again fails, until it is too old; a record counts no attempt for that', async () => {
    const host = testHost()
    const { calls, operator } = cached(host, { ttl: 100, staleWhileRevalidate: 1000 })
    ask(operator, host, 'a')
    calls[0]!.resolve('old')
    await host.clock.advance(500)
    ask(operator, host, 'a')
    calls[1]!.reject(new Error('down'))
    await turn()
    ask(operator, host, 'a')
    expect(calls).toHaveLength(3)
    expect(host.settled.map(({ ticket }) => ticket.attempts)).toEqual([0, 0, 0])
    calls[2]!.reject(new Error('down'))
    await host.clock.advance(600)
    ask(operator, host, 'a')
    expect([answers(host).length, calls.length]).toEqual([3, 4])
    operator.close()
    expect(host.clock.timers).toBe(0)
  })

  it('is given when asking failed for good, by attempts or deadline, before any fallback', async () => {
    const host = testHost()
    const { calls, ask: call } = deferredSource()
    const stale = source(call, { retry: 0, timeout: 5000, cache: { ttl: 100, staleIfError: 10_000 } })
    const operator = enrichment(stale, { fallback: 'fallback' }).open(host)
    ask(operator, host, 'a')
    calls[0]!.resolve('old')
    await host.clock.advance(200)
    ask(operator, host, 'a')
    calls[1]!.reject(new Error('down'))
    ask(operator, host, 'b', 50)
    ask(operator, host, 'a', 60)
    await host.clock.advance(70)
    expect(answers(host)).toEqual(['old', 'old', 'old', 'fallback'])
    await host.clock.advance(11_000)
    ask(operator, host, 'a')
    calls.at(-1)!.reject(new Error('down'))
    await turn()
    expect(answers(host).at(-1)).toBe('fallback')
  })
})

describe('a cache bounded by bytes', () => {
  it('lets go of what was used least lately, and never holds more', async () => {
    const host = testHost()
    const ten = source(
      (value: unknown) => Promise.resolve({ ...(value as object), text: 'x'.repeat(1000) }),
      {
        cache: { ttl: '1m', maxBytes: 5000 },
      },
    )
    const operator = enrichment(ten).open(host)
    for (const key of ['a', 'b', 'c', 'd', 'a', 'e', 'a', 'b']) {
      ask(operator, host, key)
      await turn()
    }
    expect(host.metric('enrich-cache-hits-total')).toBe(2)
    expect(host.metric('enrich-calls-total')).toBe(6)
  })
})

/** What a task hands over at its commits, as the engine keeps it. */
class KeptState {
  readonly entries = new Map<string, Bytes>()

  commit(operator: AsyncOperator): number {
    let writes = 0
    operator.save!((key, value) => {
      writes++
      if (value === null) this.entries.delete(key)
      else this.entries.set(key, value)
    })
    return writes
  }

  restore(operator: AsyncOperator): AsyncOperator {
    for (const [key, value] of this.entries) operator.load!(key, value)
    return operator
  }
}

describe('a persisted cache', () => {
  it('comes back with its task, as old as it is, and hands over only what changed', async () => {
    const host = testHost()
    const state = new KeptState()
    const { calls, factory, operator } = cached(host, { ttl: 1000, maxEntries: 2, persist: true })
    for (const key of ['a', 'b', 'c']) {
      ask(operator, host, key)
      calls.at(-1)!.resolve({ of: key })
      await turn()
    }
    expect([state.commit(operator), state.commit(operator)]).toEqual([3, 0])
    expect(state.entries.size).toBe(2)
    operator.close()
    await host.clock.advance(900)
    const second = state.restore(factory.open(host))
    ask(second, host, 'c')
    expect([answers(host).at(-1), calls.length]).toEqual([{ of: 'c' }, 3])
    expect(Object.isFrozen(answers(host).at(-1))).toBe(true)
    await host.clock.advance(100)
    ask(second, host, 'c')
    expect(calls).toHaveLength(4)
    state.commit(second)
    expect([...state.entries.keys()].filter((key) => key.endsWith('\nc'))).toEqual([])
  })

  it('forgets at a start what is too old, and what is not ours to read', async () => {
    const host = testHost()
    const state = new KeptState()
    const { calls, factory, operator } = cached(host, { ttl: 1000, persist: true })
    ask(operator, host, 'a')
    calls[0]!.resolve(1)
    await turn()
    state.commit(operator)
    state.entries.set('cache other\nb', new Uint8Array([1]))
    state.entries.set('cache \nx', new TextEncoder().encode('[9,1,1]'))
    state.entries.set('nonsense', new Uint8Array())
    operator.close()
    await host.clock.advance(2000)
    const second = state.restore(factory.open(host))
    ask(second, host, 'a')
    expect(calls).toHaveLength(2)
    state.commit(second)
    expect(state.entries.has('cache \na')).toBe(false)
  })

  it('keeps only what JSON brings back as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), (value, answeredAt) => {
        const bytes = encodeAnswer({ value, answeredAt })
        // Not kept for a minus zero, which JSON brings back as zero.
        const back = bytes === undefined ? { value, answeredAt } : decodeAnswer(bytes)
        expect(back).toEqual({ value, answeredAt })
        expect(bytes !== undefined || JSON.stringify(value).includes('0')).toBe(true)
      }),
    )
    for (const value of [new Date(0), 1n, new Uint8Array(1), undefined, { a: undefined }, -0, new Map(), NaN])
      expect(encodeAnswer({ value, answeredAt: 0 })).toBeUndefined()
  })
})

describe('effects', () => {
  it('are what a naive list says, whatever happens and however often a task moves', () => {
    const steps = fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c'),
        what: fc.constantFrom('start', 'confirm', 'fail', 'refuse', 'give up', 'commit', 'move'),
      }),
      { maxLength: 80 },
    )
    fc.assert(
      fc.property(steps, (plan) => {
        let effects = new Effects()
        let naive = new Map<string, 'fresh' | 'unknown'>()
        const kept = new Set<string>()
        let committed = new Map(naive)
        let wrong = false
        for (const { key, what } of plan) {
          const known = naive.get(key)
          if (what === 'start') {
            effects.started(key)
            naive.set(key, known ?? 'fresh')
          } else if (what === 'confirm') {
            effects.confirmed(key)
            naive.delete(key)
          } else if (what === 'fail') {
            effects.failed(key, false)
            if (known !== undefined) naive.set(key, 'unknown')
          } else if (what === 'refuse') {
            effects.failed(key, true)
            if (known === 'fresh') naive.delete(key)
          } else if (what === 'give up') {
            wrong ||= effects.givenUp(key) !== (known !== undefined)
            naive.delete(key)
          } else if (what === 'commit') {
            effects.save((one, pending) => void (pending ? kept.add(one) : kept.delete(one)))
            committed = new Map(naive)
          } else {
            effects = new Effects()
            for (const one of kept) effects.load(one)
            naive = new Map([...committed.keys()].map((one) => [one, 'unknown']))
          }
          wrong ||= effects.pending !== naive.size
        }
        expect(wrong).toBe(false)
      }),
    )
  })

  function writing(host: TestHost) {
    const { calls, ask: call } = deferredSource()
    const keys: string[] = []
    const write = source(
      (value: unknown, key: unknown, context) => {
        keys.push(context.idempotencyKey)
        return call(value, key, context)
      },
      { kind: 'write', timeout: 100, retry: { retries: 1, delay: 0 } },
    )
    const factory = enrichment(write, { deadline: '10s' })
    return { calls, keys, factory, operator: factory.open(host) }
  }

  const codes = (host: TestHost): unknown[] =>
    host.settled.map(({ outcome }) => ('error' in outcome ? outcome.error.code : outcome.kind))

  it('of writes given up without an answer are dead letters that name the idempotency key', async () => {
    const host = testHost()
    const { keys, operator } = writing(host)
    ask(operator, host, 'a')
    expect(host.metric('enrich-effects-pending')).toBe(1)
    await host.clock.advance(1000)
    expect(codes(host)).toEqual(['SLUICE_ENRICH_UNCERTAIN'])
    expect(host.settled[0]!.outcome).toMatchObject({
      error: { message: expect.stringContaining(keys[0]!) as string },
    })
    expect([host.metric('enrich-effects-uncertain-total'), host.metric('enrich-effects-pending')]).toEqual([
      1, 0,
    ])
  })

  it('are certain where the service answered, or refused and never left open what it did', async () => {
    const host = testHost()
    const { calls, operator } = writing(host)
    ask(operator, host, 'a')
    calls[0]!.reject(new CallError('no', { retriable: false }))
    ask(operator, host, 'b')
    await host.clock.advance(150)
    calls.at(-1)!.resolve('done')
    await turn()
    ask(operator, host, 'c')
    await host.clock.advance(150)
    calls.at(-1)!.reject(new CallError('conflict', { retriable: false }))
    await turn()
    expect(codes(host)).toEqual(['SLUICE_ENRICH_FAILED', 'emit', 'SLUICE_ENRICH_UNCERTAIN'])
  })

  it('are still open after a restart, and closed by the answer to the same key', async () => {
    const host = testHost()
    const state = new KeptState()
    const { calls, keys, factory, operator } = writing(host)
    const tickets = ['a', 'b'].map((key) =>
      ticketOf(host.clock, sequence++, key, { of: key }, { deadlineMs: key === 'a' ? 300 : 10_000 }),
    )
    for (const ticket of tickets) operator.admit(ticket)
    state.commit(operator)
    operator.close()
    await host.clock.advance(400)
    const second = state.restore(factory.open(host))
    expect(host.metric('enrich-effects-pending')).toBe(2)
    for (const ticket of tickets) second.admit(ticket)
    calls.at(-1)!.resolve('done')
    await turn()
    expect(codes(host)).toEqual(['SLUICE_ENRICH_UNCERTAIN', 'emit'])
    expect(keys).toEqual([keys[0], keys[1], keys[1]])
    state.commit(second)
    expect(state.entries.size).toBe(0)
  })

  it('of a write that is cut off because another source failed are told, too', async () => {
    const host = testHost()
    const { ask: call } = deferredSource()
    const write = source(call, { kind: 'write', timeout: '5s' })
    const fails = source(() => Promise.reject(new CallError('no', { retriable: false })))
    const operator = enrichment({ write, fails }).open(host)
    ask(operator, host, 'a')
    await turn()
    expect(codes(host)).toEqual(['SLUICE_ENRICH_UNCERTAIN'])
    expect(host.metric('enrich-effects-pending')).toBe(0)
  })
})

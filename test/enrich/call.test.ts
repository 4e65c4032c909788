/** Retries, timeouts, deadlines, close: one record's life. */
import { describe, expect, it } from 'vitest'
import { CallError } from '../../src/enrich/call-error.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { source } from '../../src/enrich/sources/source.ts'
import type { CallContext } from '../../src/enrich/sources/source.ts'
import { deferredSource, testHost, ticketOf, turn } from './virtual.ts'

const FLAT = { retries: 3, delay: 1000 } as const

describe('retries', () => {
  it('repeat a failed call up to three times with growing, jittered waits', async () => {
    const host = testHost()
    const at: number[] = []
    const failing = source(
      () => {
        at.push(host.clock.monotonic())
        return Promise.reject(new Error('down'))
      },
      { retry: { delay: 1000 } },
    )
    const ticket = ticketOf(host.clock, 0, 'k', 1)
    enrichment(failing).open(host).admit(ticket)
    await host.clock.advance(30_000)
    expect(at).toHaveLength(4)
    const waits = at.slice(1).map((time, index) => time - at[index]!)
    for (const [index, wait] of waits.entries()) expect(wait).toBeLessThanOrEqual(1000 * 2 ** index + 1)
    expect(waits.every((wait) => wait > 0)).toBe(true)
    expect(host.settled[0]!.outcome).toMatchObject({
      kind: 'dead-letter',
      error: { code: 'SLUICE_ENRICH_FAILED', message: 'enrich-test: call failed after 4 attempt(s): down' },
    })
    expect([ticket.attempts, host.clock.timers, host.metric('enrich-retries-total')]).toEqual([4, 0, 3])
  })

  it('tell the call which attempt it is and give every attempt the same idempotency key', async () => {
    const host = testHost()
    const seen: [number, string][] = []
    const failing = source(
      (_value, _key, call) => {
        seen.push([call.attempt, call.idempotencyKey])
        throw new Error('down')
      },
      { retry: 1 },
    )
    const operator = enrichment(failing, { order: 'none' }).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', 1))
    operator.admit(ticketOf(host.clock, 1, 'k', 1))
    await host.clock.advance(5000)
    expect(seen.map(([attempt]) => attempt).toSorted((a, b) => a - b)).toEqual([1, 1, 2, 2])
    expect(new Set(seen.map(([, key]) => key)).size).toBe(2)
    expect(seen[0]![1]).toMatch(/^enrich-test\/orders-0\/0\/[0-9a-f]{16}$/)
  })

  it('do not hold a slot while they wait', async () => {
    const host = testHost()
    const operator = enrichment(
      source(
        (value: string) => (value === 'sick' ? Promise.reject(new Error('down')) : Promise.resolve(value)),
        {
          retry: FLAT,
        },
      ),
      { concurrency: 1, order: 'none' },
    ).open(host)
    operator.admit(ticketOf(host.clock, 0, 'a', 'sick'))
    operator.admit(ticketOf(host.clock, 1, 'b', 'well'))
    await host.clock.advance(0)
    expect(host.settled.map(({ ticket }) => ticket.sequence)).toEqual([1])
  })

  it('repeat an answer that asks for it, and fail when it never satisfies', async () => {
    const host = testHost()
    const answers = [{ ready: false }, { ready: false }, { ready: true }]
    const whenAnswer = (answer: unknown): boolean => !(answer as { ready: boolean }).ready
    enrichment(source(() => answers.shift(), { retry: { whenAnswer } }))
      .open(host)
      .admit(ticketOf(host.clock, 0, 'k', 1))
    enrichment(source(() => ({ ready: false }), { retry: { retries: 1, whenAnswer } }))
      .open(host)
      .admit(ticketOf(host.clock, 1, 'k', 1))
    await host.clock.advance(30_000)
    const [first, second] = host.settled.toSorted((a, b) => a.ticket.sequence - b.ticket.sequence)
    expect(first!.outcome).toEqual({ kind: 'emit', value: { ready: true } })
    expect(second!.outcome).toMatchObject({ kind: 'dead-letter', error: { code: 'SLUICE_ENRICH_FAILED' } })
  })

  it('follow the classifier, the error and its Retry-After', async () => {
    const calls = async (error: Error, when?: (error: unknown) => boolean): Promise<number[]> => {
      const host = testHost()
      const at: number[] = []
      const failing = source(
        () => {
          at.push(host.clock.monotonic())
          throw error
        },
        { retry: { retries: 1, delay: 100, ...(when === undefined ? {} : { when }) } },
      )
      enrichment(failing)
        .open(host)
        .admit(ticketOf(host.clock, 0, 'k', 1))
      await host.clock.advance(60_000)
      expect(host.settled).toHaveLength(1)
      return at
    }
    expect(await calls(new Error('x'), () => false)).toHaveLength(1)
    expect(await calls(new CallError('x', { retriable: false }))).toHaveLength(1)
    const paced = await calls(new CallError('x', { retriable: true, retryAfterMs: 5000 }))
    expect(paced).toEqual([0, 5000])
    // Beyond the deadline of 30 s nothing is gained by waiting: it fails at once.
    expect(await calls(new CallError('x', { retriable: true, retryAfterMs: 31_000 }))).toHaveLength(1)
    const broken = (): boolean => {
      throw new Error('classifier')
    }
    expect(await calls(new Error('x'), broken)).toHaveLength(1)
  })

  it('count on after a restart, but always try a restored record once', async () => {
    for (const [attempts, expected] of [
      [0, 4],
      [2, 2],
      [4, 1],
      [9, 1],
    ]) {
      const host = testHost()
      let calls = 0
      const failing = source(() => {
        calls++
        throw new Error('down')
      })
      const ticket = ticketOf(host.clock, 0, 'k', 1, { attempts: attempts! })
      enrichment(failing).open(host).admit(ticket)
      await host.clock.advance(30_000)
      expect([calls, ticket.attempts]).toEqual([expected, attempts! + expected!])
    }
  })
})

describe('timeouts', () => {
  it('abort the attempt first, then retry; a late answer is counted and ignored', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(source(ask, { timeout: 500, retry: { retries: 1, delay: 0 } })).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', 1))
    await host.clock.advance(499)
    expect(calls[0]!.signal.aborted).toBe(false)
    await host.clock.advance(1)
    expect([calls.length, calls[0]!.signal.aborted, calls[1]!.signal.aborted]).toEqual([2, true, false])
    calls[0]!.resolve('late')
    await turn()
    expect([host.settled.length, host.metric('enrich-late-completions-total')]).toEqual([0, 1])
    calls[1]!.resolve('in time')
    await turn()
    expect(host.settled[0]!.outcome).toEqual({ kind: 'emit', value: 'in time' })
    expect(host.metric('enrich-calls-total', { outcome: 'timeout' })).toBe(1)
  })

  it('settle only after the signal was aborted', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    let abortedAtSettle: boolean | undefined
    host.onSettle = () => (abortedAtSettle = calls[0]!.signal.aborted)
    enrichment(source(ask, { timeout: 500, retry: 0 }))
      .open(host)
      .admit(ticketOf(host.clock, 0, 'k', 1))
    await host.clock.advance(500)
    expect(abortedAtSettle).toBe(true)
    expect(host.settled[0]!.outcome).toMatchObject({ error: { cause: { code: 'SLUICE_ENRICH_TIMEOUT' } } })
  })

  it('give a signal that is read late in its true state', async () => {
    const host = testHost()
    let context: CallContext | undefined
    const silent = source(
      (_value, _key, call) => {
        context = call
        return new Promise(() => undefined)
      },
      { timeout: 500, retry: 0 },
    )
    enrichment(silent)
      .open(host)
      .admit(ticketOf(host.clock, 0, 'k', 1))
    await host.clock.advance(600)
    expect(context!.signal.aborted).toBe(true)
  })
})

describe('the deadline', () => {
  it('ends a record that keeps timing out, with its call aborted', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const options = { timeout: '20s', retry: { retries: 100, delay: 0 } } as const
    enrichment(source(ask, options))
      .open(host)
      .admit(ticketOf(host.clock, 0, 'k', 1))
    await host.clock.advance(29_999)
    expect([host.settled.length, calls.length]).toEqual([0, 2])
    await host.clock.advance(1)
    expect(host.settled[0]!.outcome).toMatchObject({
      kind: 'dead-letter',
      error: {
        code: 'SLUICE_ENRICH_TIMEOUT',
        message: expect.stringContaining('30000 ms (deadline') as string,
      },
    })
    expect([calls[1]!.signal.aborted, host.clock.timers]).toEqual([true, 0])
    expect(host.metric('enrich-deadline-misses-total')).toBe(1)
  })

  it('ends a restored record without a call when it has passed', () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment({ a: ask }, { fallback: { a: 'none' } }).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', {}, { deadlineMs: -5 }))
    operator.admit(ticketOf(host.clock, 1, 'k', {}, { deadlineMs: 0 }))
    expect(calls).toHaveLength(0)
    expect(host.settled.map(({ outcome }) => outcome)).toEqual([
      { kind: 'emit', value: { a: 'none' } },
      { kind: 'emit', value: { a: 'none' } },
    ])
  })

  it('ends a record that still waits for its turn, in order, without calling', async () => {
    for (const order of ['key-serial', 'key'] as const) {
      const host = testHost()
      const { calls, ask } = deferredSource()
      const endless = source(ask, { timeout: '1h', retry: 0 })
      const operator = enrichment(endless, { order, concurrency: 1 }).open(host)
      operator.admit(ticketOf(host.clock, 0, 'k', 0, { deadlineMs: 10_000 }))
      operator.admit(ticketOf(host.clock, 1, 'k', 1, { deadlineMs: 5000 }))
      await host.clock.advance(5000)
      expect(host.settled).toHaveLength(0)
      await host.clock.advance(5000)
      expect(host.settled.map(({ ticket }) => ticket.sequence)).toEqual([0, 1])
      expect([calls.length, host.clock.timers, host.metric('enrich-in-flight')]).toEqual([1, 0, 0])
    }
  })
})

describe('close', () => {
  it('aborts every call, leaves no timer and settles nothing afterwards', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(source(ask, { retry: FLAT }), { concurrency: 2 }).open(host)
    for (let at = 0; at < 5; at++) operator.admit(ticketOf(host.clock, at, 'k', at))
    calls[0]!.reject(new Error('back off'))
    await turn()
    operator.close()
    for (const call of calls.slice(1)) expect(call.signal.aborted).toBe(true)
    for (const call of calls) call.resolve('late')
    operator.admit(ticketOf(host.clock, 9, 'k', 9))
    await host.clock.advance(60_000)
    expect([host.settled.length, host.clock.timers, operator.full]).toEqual([0, 0, false])
    expect(calls).toHaveLength(3)
  })

  it('may happen inside an outcome', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(ask).open(host)
    host.onSettle = () => operator.close()
    for (let at = 0; at < 3; at++) operator.admit(ticketOf(host.clock, at, 'k', at))
    calls[2]!.resolve(2)
    calls[1]!.resolve(1)
    await turn()
    calls[0]!.resolve(0)
    await host.clock.advance(60_000)
    expect([host.settled.length, host.clock.timers]).toEqual([1, 0])
  })
})

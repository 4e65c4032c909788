/** Concurrency that is found while running, in services simulated by their latency; and windows of records by number, bytes and key. */
import { describe, expect, it } from 'vitest'
import type { Random } from '../../src/core/random.ts'
import { Concurrency } from '../../src/enrich/concurrency.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { Meter } from '../../src/enrich/meter.ts'
import { PendingWindow } from '../../src/enrich/pending-window.ts'
import { Slots } from '../../src/enrich/slots.ts'
import type { SlotUser } from '../../src/enrich/slots.ts'
import { source } from '../../src/enrich/sources/source.ts'
import { deferredSource, seeded, testHost, ticketOf } from './virtual.ts'

interface Service {
  /** Milliseconds of a call that begins among so many. */
  latency(inFlight: number, random: Random, now: number): number
  /** Whether it fails. */
  fails?(inFlight: number): boolean
}

interface Seen {
  readonly perSecond: number
  readonly limits: readonly number[]
}

/** Median 50 ms, 99 % below 200 ms, as the benchmark's service. */
function lognormal(random: Random): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
  return 50 * Math.exp(0.596 * normal)
}

/** Keeps all slots taken for `ms` of virtual time; counts the last two thirds. */
function saturate(service: Service, bounds: { min: number; max: number } | number, ms: number): Seen {
  const random = seeded(7)
  const start = typeof bounds === 'number' ? bounds : Math.min(bounds.max, Math.max(bounds.min, 32))
  const slots = new Slots(start)
  const meter = new Meter()
  const found = typeof bounds === 'number' ? undefined : { ...bounds, start }
  const concurrency = new Concurrency(slots, [meter], found, () => limits.push(slots.limit))
  const limits: number[] = []
  const due: { at: number; end: () => void }[] = []
  let now = 0
  let done = 0
  const user = (): SlotUser => ({
    begin() {
      const took = service.latency(slots.running, random, now)
      const fails = service.fails?.(slots.running) ?? false
      const at = now + took
      let place = due.length
      while (place > 0 && due[place - 1]!.at < at) place--
      due.splice(place, 0, {
        at,
        end: () => {
          if (fails) concurrency.failed()
          else concurrency.answered(meter, now - took, took)
          if (!fails && now > ms / 3) done++
          slots.release(this)
          slots.request(user())
        },
      })
    },
    abandon() {},
  })
  for (let at = 0; at < 600; at++) slots.request(user())
  while (now < ms) {
    const next = due.pop()!
    now = next.at
    next.end()
  }
  return { perSecond: done / ((ms * 2) / 3000), limits: limits.slice(Math.floor(limits.length / 3)) }
}

const middle = (limits: readonly number[]): number =>
  limits.toSorted((a, b) => a - b)[Math.floor(limits.length / 2)]!

describe('concurrency', () => {
  it('grows to its bound where more calls take no longer', () => {
    const { limits } = saturate({ latency: (_, random) => lognormal(random) }, { min: 1, max: 256 }, 30_000)
    expect(middle(limits)).toBeGreaterThan(200)
  })

  it('gets at least 85 % of the best fixed number out of a service with a knee, at less latency than beyond it', () => {
    const knee: Service = {
      latency: (inFlight, random) => lognormal(random) * Math.max(1, inFlight / 100),
    }
    const best = Math.max(...[50, 100, 150, 200].map((fixed) => saturate(knee, fixed, 30_000).perSecond))
    const { perSecond, limits } = saturate(knee, { min: 1, max: 512 }, 60_000)
    expect(perSecond).toBeGreaterThan(0.85 * best)
    expect(middle(limits)).toBeLessThan(200)
  })

  it('gets out of a service that gets worse beyond its knee what it gives', () => {
    const steep: Service = {
      latency: (inFlight, random) => lognormal(random) * Math.max(1, (inFlight / 100) ** 2),
    }
    const best = Math.max(...[50, 80, 100, 120].map((fixed) => saturate(steep, fixed, 30_000).perSecond))
    const { perSecond } = saturate(steep, { min: 1, max: 512 }, 60_000)
    expect(perSecond).toBeGreaterThan(0.75 * best)
  })

  it('shrinks when calls fail, and to its lower bound when all do', () => {
    const refusing: Service = { latency: () => 20, fails: (inFlight) => inFlight > 60 }
    const { limits } = saturate(refusing, { min: 4, max: 512 }, 30_000)
    expect(middle(limits)).toBeGreaterThan(35)
    expect(middle(limits)).toBeLessThan(80)
    const down = saturate({ latency: () => 20, fails: () => true }, { min: 4, max: 512 }, 30_000)
    expect(down.limits.at(-1)).toBe(4)
  })

  it('follows a service that becomes slower for good instead of starving it', () => {
    const slower: Service = {
      latency: (_, random, now) => lognormal(random) * (now > 20_000 ? 3 : 1),
    }
    const { limits } = saturate(slower, { min: 1, max: 256 }, 120_000)
    expect(limits.at(-1)).toBeGreaterThan(150)
  })

  it('of a number stays that number', () => {
    const { limits } = saturate({ latency: (_, random) => lognormal(random) }, 40, 5000)
    expect(new Set(limits)).toEqual(new Set([40]))
  })

  it('is written as a number, as bounds or as auto', () => {
    expect(() => enrichment(() => 1, { concurrency: { min: 2, max: 8 } })).not.toThrow()
    expect(() => enrichment(() => 1, { concurrency: 'auto' })).not.toThrow()
    expect(() => enrichment(() => 1, { concurrency: { min: 9, max: 8 } })).toThrow('at most `max` (8)')
    expect(() => enrichment(() => 1, { concurrency: 0 })).toThrow('whole number 1 to 100000')
    expect(() => enrichment(() => 1, { concurrency: 'some' as never })).toThrow("'auto'")
  })

  it('is lowered and raised in an operator by what its calls take', async () => {
    const host = testHost()
    let took = 10
    const ask = source(
      (value: unknown) => new Promise((resolve) => void host.clock.setTimer(took, () => resolve(value))),
    )
    const operator = enrichment(ask, { concurrency: { min: 2, max: 64 }, order: 'none' }).open(host)
    let sequence = 0
    const run = async (ms: number): Promise<number> => {
      for (let at = 0; at < ms; at += 10) {
        while (!operator.full) operator.admit(ticketOf(host.clock, sequence++, null, 1))
        await host.clock.advance(10)
      }
      return host.metric('enrich-concurrency-limit')
    }
    expect(await run(600)).toBe(64)
    took = 60
    expect(await run(900)).toBeLessThan(40)
    operator.close()
  })
})

describe('the window of pending records', () => {
  it('is full at a number of bytes, those read or, where unknown, about those of the value', () => {
    const host = testHost()
    const { ask } = deferredSource()
    const operator = enrichment(ask, { maxPendingBytes: 1000 }).open(host)
    let admitted = 0
    for (; !operator.full; admitted++)
      operator.admit(ticketOf(host.clock, admitted, null, { text: 'x'.repeat(90) }))
    expect(admitted).toBeGreaterThan(4)
    expect(admitted).toBeLessThan(12)
    expect(host.metric('enrich-pending-bytes')).toBeGreaterThanOrEqual(1000)
    operator.close()
    expect([operator.full, host.metric('enrich-pending-bytes')]).toEqual([false, 0])
  })

  it('is full while one key has as many records as it may, and only then', async () => {
    const host = testHost()
    const { calls, ask } = deferredSource()
    const operator = enrichment(ask, { maxPendingPerKey: 2 }).open(host)
    operator.admit(ticketOf(host.clock, 0, 'a', 0))
    operator.admit(ticketOf(host.clock, 1, 'b', 0))
    expect(operator.full).toBe(false)
    operator.admit(ticketOf(host.clock, 2, 'a', 0))
    operator.admit(ticketOf(host.clock, 3, 'a', 0))
    expect(operator.full).toBe(true)
    calls[0]!.resolve(0)
    await host.clock.advance(0)
    expect(operator.full).toBe(true)
    calls[2]!.resolve(0)
    await host.clock.advance(0)
    expect(operator.full).toBe(false)
    expect(() => enrichment(ask, { maxPendingPerKey: 2, order: 'none' })).toThrow('an order by key')
  })

  it('grows while slow calls hold back others and slots are free, and goes back when they do not', () => {
    const slots = new Slots(10)
    const window = new PendingWindow({ records: undefined, perSlot: 8, bytes: 1e9 }, slots)
    const meter = new Meter()
    for (let at = 0; at < 99; at++) meter.answered(50)
    meter.answered(2000)
    meter.end()
    window.fit([meter])
    expect(window.size).toBe(80)
    const { record } = ticketOf(testHost().clock, 0, 'k', 1)
    for (let at = 0; at < 80; at++) window.enter(record)
    expect(window.full).toBe(true)
    window.fit([meter])
    expect(window.size).toBeGreaterThan(250)
    expect(window.size).toBeLessThanOrEqual(640)
    for (let at = 0; at < 200; at++) window.fit([meter])
    expect(window.size).toBe(80)
  })
})

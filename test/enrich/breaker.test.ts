/** The circuit breaker alone: when it opens, whom it lets through, and that it says what a naive model of it says. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSluiceError } from '../../src/core/errors.ts'
import { Breaker } from '../../src/enrich/breaker.ts'
import type { BreakerState, Held, Pass, PassOutcome } from '../../src/enrich/breaker.ts'
import { breakerPolicy } from '../../src/enrich/breaker-policy.ts'
import type { BreakerOptions } from '../../src/enrich/breaker-policy.ts'
import { virtualClock } from './virtual.ts'
import type { VirtualClock } from './virtual.ts'

const SMALL = { window: 10, minimum: 4, wait: 1000, probes: 2 } as const

function breakerOf(options: BreakerOptions = SMALL): { clock: VirtualClock; breaker: Breaker } {
  const clock = virtualClock()
  return { clock, breaker: new Breaker(breakerPolicy(options, 'test'), clock) }
}

function calls(breaker: Breaker, outcomes: readonly PassOutcome[], ms = 1): void {
  for (const outcome of outcomes) breaker.leave(breaker.enter()!, outcome, ms)
}

interface HeldCall extends Held {
  pass: Pass | undefined
  resumed: number
}

/** A call that enters when it is let go on, and is held again when refused. */
function heldCall(breaker: Breaker, owner: object = breaker): HeldCall {
  const call: HeldCall = {
    owner,
    pass: undefined,
    resumed: 0,
    resume() {
      call.resumed++
      call.pass = breaker.enter()
      if (call.pass === undefined) breaker.hold(call)
    },
  }
  breaker.hold(call)
  return call
}

describe('a closed breaker', () => {
  it('opens at the share of failures, not before the minimum of calls, and only at a bad call', () => {
    const { breaker } = breakerOf()
    calls(breaker, ['failed', 'failed', 'failed'])
    expect(breaker.state).toBe('closed')
    calls(breaker, ['ok'])
    expect(breaker.state).toBe('closed')
    expect(breaker.leave(breaker.enter()!, 'failed', 1)).toEqual({
      state: 'open',
      again: false,
      calls: 5,
      failed: 4,
      slow: 0,
    })
    expect([breaker.state, breaker.waitMs, breaker.enter()]).toEqual(['open', 1000, undefined])
  })

  it('forgets calls beyond its window, and cancelled ones at once', () => {
    const { breaker } = breakerOf()
    calls(breaker, ['failed', 'failed', 'ok', 'ok', 'ok', 'ok', 'ok'])
    calls(breaker, ['ok', 'ok', 'ok', 'ok', 'ok'])
    calls(
      breaker,
      Array.from({ length: 20 }, () => 'cancelled' as const),
    )
    calls(breaker, ['failed', 'failed', 'failed', 'failed'])
    expect(breaker.state).toBe('closed')
    calls(breaker, ['failed'])
    expect(breaker.state).toBe('open')
  })

  it('opens for slow calls, if they are said to be slow', () => {
    const { breaker } = breakerOf({ ...SMALL, slow: 100, slowRate: 0.75 })
    calls(breaker, ['ok'])
    calls(breaker, ['ok', 'ok'], 100)
    expect(breaker.state).toBe('closed')
    expect(breaker.leave(breaker.enter()!, 'ok', 99)).toBeUndefined()
    calls(breaker, ['ok', 'ok', 'ok', 'ok'], 5000)
    expect(breaker.state).toBe('open')
  })
})

describe('an open breaker', () => {
  it('lets a bounded number of probes through after its wait, and closes when all are well', async () => {
    const { breaker, clock } = breakerOf()
    const late = breaker.enter()!
    calls(breaker, ['failed', 'failed', 'failed', 'failed'])
    await clock.advance(999)
    expect(breaker.enter()).toBeUndefined()
    await clock.advance(1)
    const [one, two] = [breaker.enter()!, breaker.enter()!]
    expect([breaker.state, breaker.enter()]).toEqual(['half-open', undefined])
    breaker.leave(late, 'failed', 1)
    breaker.leave(one, 'ok', 1)
    expect([breaker.state, breaker.enter()]).toEqual(['half-open', undefined])
    expect(breaker.leave(two, 'ok', 1)).toMatchObject({ state: 'closed', calls: 2 })
    expect(breaker.state).toBe('closed')
  })

  it('opens again when a probe fails or is slow, and another one may take the place of a cancelled one', async () => {
    const { breaker, clock } = breakerOf({ ...SMALL, slow: 100 })
    calls(breaker, ['failed', 'failed', 'failed', 'failed'])
    await clock.advance(1000)
    breaker.leave(breaker.enter()!, 'cancelled', 1)
    const [one, two] = [breaker.enter()!, breaker.enter()!]
    breaker.leave(one, 'ok', 1)
    breaker.leave(two, 'ok', 100)
    expect([breaker.state, breaker.waitMs]).toEqual(['open', 1000])
    await clock.advance(1000)
    expect(breaker.leave(breaker.enter()!, 'failed', 1)).toMatchObject({ state: 'open', again: true })
  })

  it('probes with the calls that waited longest, and lets all go on in their order when it closes', async () => {
    const { breaker, clock } = breakerOf()
    calls(breaker, ['failed', 'failed', 'failed', 'failed'])
    const waiting = Array.from({ length: 5 }, () => heldCall(breaker))
    expect([breaker.held, clock.timers]).toEqual([5, 1])
    await clock.advance(1000)
    expect(waiting.map(({ resumed }) => resumed)).toEqual([1, 1, 0, 0, 0])
    breaker.leave(waiting[0]!.pass!, 'failed', 1)
    breaker.hold(waiting[0]!)
    breaker.hold(waiting[1]!)
    await clock.advance(1000)
    expect(waiting.map(({ resumed }) => resumed)).toEqual([1, 1, 1, 1, 0])
    for (const { pass } of waiting.slice(2, 4)) breaker.leave(pass!, 'ok', 1)
    expect(waiting.map(({ resumed }) => resumed)).toEqual([2, 2, 1, 1, 1])
    expect([breaker.state, breaker.held, clock.timers]).toEqual(['closed', 0, 0])
  })

  it('probes on with held calls when a new one began, and when a resumed one is gone before its turn', async () => {
    const { breaker, clock } = breakerOf()
    calls(breaker, ['failed', 'failed', 'failed', 'failed'])
    await clock.advance(1000)
    const fresh = breaker.enter()!
    const second = breaker.enter()!
    const third = heldCall(breaker)
    breaker.leave(second, 'cancelled', 1)
    expect(third.pass).toBeDefined()
    breaker.leave(third.pass!, 'cancelled', 1)
    const away: Held = { owner: breaker, resume: () => {} }
    breaker.hold(away)
    const fourth = heldCall(breaker)
    breaker.forget(away)
    expect(fourth.pass).toBeDefined()
    breaker.leave(fresh, 'ok', 1)
    breaker.leave(fourth.pass!, 'ok', 1)
    expect(breaker.state).toBe('closed')
  })

  it('takes held calls for the other probes when a new call was the first one', async () => {
    const { breaker, clock } = breakerOf()
    let fresh: Pass | undefined
    clock.setTimer(1000, () => (fresh = breaker.enter()))
    calls(breaker, ['failed', 'failed', 'failed', 'failed'])
    const waiting = [heldCall(breaker), heldCall(breaker)]
    await clock.advance(1000)
    breaker.leave(fresh!, 'ok', 1)
    expect(waiting.map(({ pass }) => pass !== undefined)).toEqual([true, false])
    breaker.leave(waiting[0]!.pass!, 'ok', 1)
    expect(breaker.state).toBe('closed')
  })

  it('tries those that were held all the time, although no other call comes', async () => {
    const { breaker, clock } = breakerOf()
    calls(breaker, ['failed', 'failed', 'failed', 'failed'])
    const waiting = [heldCall(breaker), heldCall(breaker), heldCall(breaker)]
    await clock.advance(1000)
    breaker.leave(waiting[0]!.pass!, 'failed', 1)
    await clock.advance(1000)
    expect(waiting.map(({ resumed }) => resumed)).toEqual([1, 1, 1])
  })

  it('leaves no timer when nobody waits any more', async () => {
    const { breaker, clock } = breakerOf()
    calls(breaker, ['failed', 'failed', 'failed', 'failed'])
    const [task, other] = [{}, {}]
    const own = [heldCall(breaker, task), heldCall(breaker, task)]
    const foreign = heldCall(breaker, other)
    breaker.forgetAll(task)
    expect([breaker.held, clock.timers]).toEqual([1, 1])
    breaker.forget(foreign)
    expect([breaker.held, clock.timers]).toEqual([0, 0])
    await clock.advance(5000)
    expect([...own, foreign].map(({ resumed }) => resumed)).toEqual([0, 0, 0])
  })
})

/** What the breaker is meant to do, with lists and without any cleverness. */
class Model {
  state: BreakerState = 'closed'
  period = 0
  #counted: { failed: boolean; slow: boolean }[] = []
  #openedAt = 0
  #entered = 0
  #well = 0

  enter(now: number): boolean {
    if (this.state === 'closed') return true
    if (this.state === 'open' && now < this.#openedAt + 1000) return false
    if (this.state === 'open') this.#move('half-open')
    if (this.#entered === 2) return false
    this.#entered++
    return true
  }

  leave(now: number, period: number, outcome: PassOutcome, slow: boolean): void {
    if (period !== this.period) return
    if (outcome === 'cancelled') {
      if (this.state === 'half-open') this.#entered--
      return
    }
    const bad = outcome === 'failed' || slow
    if (this.state === 'half-open') {
      if (!bad) this.#well++
      if (bad) this.#move('open', now)
      else if (this.#well === 2) this.#move('closed')
      return
    }
    this.#counted.push({ failed: outcome === 'failed', slow })
    const last = this.#counted.slice(-10)
    const rate = (mark: 'failed' | 'slow'): number => last.filter((one) => one[mark]).length / last.length
    if (bad && last.length >= 4 && (rate('failed') >= 0.5 || rate('slow') >= 0.5)) this.#move('open', now)
  }

  #move(state: BreakerState, now = 0): void {
    this.state = state
    this.period++
    this.#counted = []
    this.#entered = 0
    this.#well = 0
    this.#openedAt = now
  }
}

describe('any breaker', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'enter' as const }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('leave' as const),
        which: fc.nat(20),
        outcome: fc.constantFrom<PassOutcome>('ok', 'failed', 'failed', 'cancelled'),
        ms: fc.constantFrom(1, 99, 100, 2000),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 400, 1000) }),
    },
  )

  it('does what the model does, whatever enters and leaves in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        const { breaker, clock } = breakerOf({ ...SMALL, slow: 100 })
        const model = new Model()
        const entered: [unknown, unknown][] = []
        const inside: { pass: Pass; period: number }[] = []
        for (const one of steps) {
          if (one.kind === 'wait') await clock.advance(one.ms)
          if (one.kind === 'enter') {
            const pass = breaker.enter()
            entered.push([pass !== undefined, model.enter(clock.monotonic())])
            if (pass !== undefined) inside.push({ pass, period: model.period })
          }
          if (one.kind === 'leave' && inside.length > 0) {
            const [left] = inside.splice(one.which % inside.length, 1)
            breaker.leave(left!.pass, one.outcome, one.ms)
            model.leave(clock.monotonic(), left!.period, one.outcome, one.ms >= 100)
          }
          entered.push([breaker.state, model.state])
        }
        for (const [came, expected] of entered) expect(came).toBe(expected)
        expect(clock.timers).toBe(0)
      }),
      { numRuns: 200 },
    )
  })

  it('refuses options with which it would never open', () => {
    for (const options of [{ minimum: 60 }, { failureRate: 0 }, { slowRate: 1.5 }, { probes: 0 }]) {
      expect(() => breakerPolicy(options, 'test')).toThrow(
        expect.toSatisfy((error) => isSluiceError(error, 'SLUICE_CONFIG_INVALID')) as Error,
      )
    }
  })
})

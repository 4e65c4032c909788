/** A clock that moves only when a test says so. Timers fire during `advance`, in order of their time. */
import type { Clock, Timer } from '../core/clock.ts'

export interface ManualClock extends Clock {
  /** Moves time on by `ms` and fires what becomes due, each timer at its own time. */
  advance(ms: number): void
  /** Timers waiting; a test that ends with some left forgot something. */
  readonly pendingTimers: number
}

interface Waiting {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/**
 * A clock at a standstill.
 * @param start wall clock in ms since 1970; default 0
 * @example
 * import assert from 'node:assert/strict'
 * import { manualClock } from 'sluice/testing'
 *
 * const clock = manualClock(1000)
 * const rung: number[] = []
 * clock.setTimer(50, () => rung.push(clock.now()))
 * clock.advance(49)
 * assert.deepEqual(rung, [])
 * clock.advance(100)
 * assert.deepEqual([rung, clock.now()], [[1050], 1149])
 */
export function manualClock(start = 0): ManualClock {
  let now = start
  let order = 0
  const waiting = new Set<Waiting>()
  const nextDue = (until: number): Waiting | undefined => {
    let next: Waiting | undefined
    for (const timer of waiting) {
      if (timer.at > until) continue
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order))
        next = timer
    }
    return next
  }
  return {
    now: () => now,
    monotonic: () => now,
    setTimer(ms: number, run: () => void): Timer {
      const timer = { at: now + ms, order: order++, run }
      waiting.add(timer)
      return { cancel: () => void waiting.delete(timer) }
    },
    advance(ms: number): void {
      const until = now + ms
      for (let next = nextDue(until); next !== undefined; next = nextDue(until)) {
        waiting.delete(next)
        now = Math.max(now, next.at)
        next.run()
      }
      now = until
    },
    get pendingTimers(): number {
      return waiting.size
    },
  }
}

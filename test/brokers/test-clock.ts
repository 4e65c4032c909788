/** A clock for broker tests: runs with real time, can jump ahead, and gives every client a clock that can be stopped. */
import type { Clock, Timer } from '../../src/core/clock.ts'

interface Waiting {
  readonly due: number
  readonly run: () => void
}

export class TestClock implements Clock {
  #ahead = 0
  readonly #waiting = new Set<Waiting>()

  now(): number {
    return Math.floor(1_700_000_000_000 + this.monotonic())
  }

  monotonic(): number {
    return performance.now() + this.#ahead
  }

  setTimer(ms: number, run: () => void): Timer {
    const waiting: Waiting = { due: this.monotonic() + ms, run: () => this.#waiting.delete(waiting) && run() }
    this.#waiting.add(waiting)
    const real = ms > 0 ? setTimeout(waiting.run, ms) : setImmediate(waiting.run)
    real.unref()
    return { cancel: () => this.#waiting.delete(waiting) }
  }

  /** Jumps from timer to timer, in order, with turns of the loop in between. */
  async elapse(ms: number): Promise<void> {
    const end = this.monotonic() + ms
    for (;;) {
      const next = [...this.#waiting].toSorted((a, b) => a.due - b.due)[0]
      if (next === undefined || next.due > end) break
      this.#ahead += Math.max(0, next.due - this.monotonic())
      next.run()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#ahead += Math.max(0, end - this.monotonic())
  }

  /** The same time, with timers that no longer fire once it was stopped. */
  stoppable(): Clock & { stop(): void } {
    let stopped = false
    return {
      now: () => this.now(),
      monotonic: () => this.monotonic(),
      setTimer: (ms, run) => this.setTimer(ms, () => (stopped ? undefined : run())),
      stop: () => {
        stopped = true
      },
    }
  }
}

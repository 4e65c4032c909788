/**
 * Ports of time and of giving way: the only sources of time, timers and turns in the engine, so that a simulation can
 * replace them. Adapters: `platform/clock.ts` (real), `testing/simulation` (virtual).
 */

export interface Clock {
  /** Wall clock, ms since 1970. May jump. */
  now(): number
  /** Milliseconds of a clock that never goes back, with fractions; only differences mean something. */
  monotonic(): number
  /** Calls `run` once after `ms` (0 = next turn). A timer must not keep the process alive by itself. */
  setTimer(ms: number, run: () => void): Timer
}

export interface Timer {
  /** Idempotent; after it `run` is never called. */
  cancel(): void
}

export interface Scheduler {
  /**
   * Gives way to everything that waits (I/O, timers, other instances) and resolves in a later turn of the event loop.
   * The worker loop calls it between slices; nothing else may busy-wait.
   */
  yield(): Promise<void>
}

/** Resolves after `ms`, or at once when `signal` is or gets aborted (it never rejects: look at the signal). */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = clock.setTimer(ms, done)
    function done(): void {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    signal?.addEventListener('abort', done, { once: true })
  })
}

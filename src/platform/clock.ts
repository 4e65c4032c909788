/** The real clock. Its timers never keep the process alive: whoever must stay alive holds a socket, a lock or a loop. */
import type { Clock, Timer } from '../core/clock.ts'

/** Node fires timers beyond this at once (with a warning), so longer ones are armed in steps. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Wall clock, monotonic clock and timers of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (ms, run) => (ms > 0 ? delayed(ms, run) : nextTurn(run)),
}

function nextTurn(run: () => void): Timer {
  const immediate = setImmediate(run).unref()
  return { cancel: () => clearImmediate(immediate) }
}

function delayed(ms: number, run: () => void): Timer {
  let left = ms
  let handle: NodeJS.Timeout
  const arm = (): void => {
    const step = Math.min(left, LONGEST_TIMER_MS)
    left -= step
    handle = setTimeout(left > 0 ? arm : run, step).unref()
  }
  arm()
  return { cancel: () => clearTimeout(handle) }
}

/** Waiting longer after each failure, never in step with others: exponential back-off with jitter. */
import { sleep } from '../../../core/clock.ts'
import type { Clock } from '../../../core/clock.ts'
import type { Random } from '../../../core/random.ts'

const FIRST_MS = 50
const LONGEST_MS = 1000
const JITTER = 0.2

export interface Backoff {
  /** The next wait in ms: doubled each time up to the longest, plus or minus a fifth. */
  next(): number
  /** After a success: the next wait is the first again. */
  reset(): void
}

/** @param longestMs the wait that is not exceeded, but for jitter */
export function createBackoff(
  random: Random,
  firstMs: number = FIRST_MS,
  longestMs: number = LONGEST_MS,
): Backoff {
  let wait = firstMs
  return {
    next() {
      const jittered = wait * (1 + JITTER * (2 * random.next() - 1))
      wait = Math.min(wait * 2, longestMs)
      return jittered
    },
    reset() {
      wait = firstMs
    },
  }
}

/**
 * Repeats `attempt` until it gives something else than undefined, with a back-off between.
 * @returns undefined when `timeoutMs` is over, or `signal` aborts
 */
export async function repeat<T>(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  timeoutMs: number,
  attempt: () => Promise<T | undefined>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const backoff = createBackoff(random)
  const end = clock.monotonic() + timeoutMs
  for (;;) {
    const result = await attempt()
    if (result !== undefined) return result
    const wait = backoff.next()
    if (clock.monotonic() + wait >= end || signal?.aborted === true) return undefined
    await sleep(clock, wait, signal)
  }
}

/**
 * How many calls may be under way: a fixed number, or found between bounds. It grows by its square root as long as all slots
 * are taken and calls take about as long as with little to do; it shrinks by how much longer they take, and by a fifth when
 * calls fail. Now and then it is a quarter for a moment, to see how long calls take with little to do.
 */
import type { Meter } from './meter.ts'
import type { Slots } from './slots.ts'

export interface ConcurrencyBounds {
  readonly min: number
  readonly max: number
  readonly start: number
}

/** Calls may take this much longer than with little to do. */
const TOLERANCE = 1.25
/** Failed share of a stretch's calls that is too much. */
const TOO_MANY_FAILED = 0.1
/** Stretches between two looks at the service with little to do; only while calls take longer. */
const LOOK_EVERY = 40
const SUSPICIOUS = 1.1
/** Fewest calls of a stretch: fewer say more of chance than of the service. */
const FEWEST = 50

export class Concurrency {
  readonly #slots: Slots
  readonly #meters: readonly Meter[]
  /** Undefined: fixed. */
  readonly #bounds: ConcurrencyBounds | undefined
  /** Told at the end of each stretch. */
  readonly #measured: () => void
  #ended = 0
  #endedAt = 0
  #failed = 0
  #stretch = 0
  /** The limit before a look at the service with little to do; undefined unless looking. */
  #before: number | undefined
  /** When the look began, and stretches of it that are over since there are few calls. */
  #lookedAt = -Infinity
  #quiet = 0

  constructor(
    slots: Slots,
    meters: readonly Meter[],
    bounds: ConcurrencyBounds | undefined,
    measured: () => void,
  ) {
    this.#slots = slots
    this.#meters = meters
    this.#bounds = bounds
    this.#measured = measured
  }

  /** A call was answered. @param startedAt on the monotonic clock @param ms how long it took */
  answered(meter: Meter, startedAt: number, ms: number): void {
    this.#endedAt = startedAt + ms
    // Calls of before a look would be taken for slow ones of it: the slowest end last.
    if (this.#before !== undefined && startedAt < this.#lookedAt) return
    meter.answered(ms)
    this.#count()
  }

  /** A call failed in a way that says its service has too much to do: timeout, refusal, no connection. */
  failed(): void {
    this.#failed++
    this.#count()
  }

  #count(): void {
    this.#ended++
    if (this.#ended < Math.max(FEWEST, this.#slots.limit)) return
    this.#adapt()
    this.#measured()
    this.#ended = 0
    this.#failed = 0
    this.#slots.crowded = false
  }

  #adapt(): void {
    if (this.#look()) return
    const slower = this.#slower()
    if (this.#bounds === undefined) return
    const { limit } = this.#slots
    this.#stretch++
    if (this.#failed >= TOO_MANY_FAILED * this.#ended) return this.#set(limit * 0.8)
    if (this.#stretch % LOOK_EVERY === 0 && slower > SUSPICIOUS) {
      this.#before = limit
      this.#lookedAt = this.#endedAt
      this.#quiet = 0
      this.#set(limit / 4)
      return
    }
    const gradient = Math.min(1, Math.max(0.5, TOLERANCE / slower))
    const next = limit * gradient + Math.sqrt(limit)
    if (next < limit || this.#slots.crowded) this.#set(next)
  }

  /** Goes through a look, if there is one: in its first quiet stretch only the fast ones of the calls since then have ended. */
  #look(): boolean {
    if (this.#before === undefined) return false
    for (const meter of this.#meters) meter.end()
    if (this.#slots.running <= this.#slots.limit) this.#quiet++
    if (this.#quiet < 2) return true
    for (const meter of this.#meters) meter.rebase()
    this.#set(this.#before)
    this.#before = undefined
    return true
  }

  /** Times that calls take longer than with little to do, all sources together. */
  #slower(): number {
    let calls = 0
    let sum = 0
    for (const meter of this.#meters) {
      const weight = meter.calls
      sum += weight * (meter.end() ?? 0)
      calls += weight
    }
    return calls === 0 ? 1 : sum / calls
  }

  #set(limit: number): void {
    const { min, max } = this.#bounds!
    this.#slots.limit = Math.min(max, Math.max(min, Math.round(limit)))
  }
}

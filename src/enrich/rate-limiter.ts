/**
 * The rate limit of an endpoint in one instance: a token bucket that calls take from in the order in which they came. A
 * service that says what it allows (Retry-After, RateLimit headers) is believed where it allows less. With no limit of its
 * own it starts without one, and after a 429 goes at the rate at which calls went well, growing slowly from there.
 * It must never let a call overtake another one that waits.
 */
import type { Clock, Timer } from '../core/clock.ts'
import type { RatePolicy } from './rate-policy.ts'

/** A call that waits for its token. */
export interface Paced {
  /** The task it belongs to, as an object of identity. */
  readonly owner: object
  /** It has a token now. */
  granted(): void
}

/** What a service says it still allows. */
export interface Quota {
  /** Calls. */
  readonly remaining: number
  /** Until it allows more, ms. */
  readonly resetMs: number
}

/** A found rate grows by this share a millisecond: 0.5 % a second, so that trying for more costs one 429 in thousands. */
const GROWTH = 0.000_005
/** Rates found below this are not believed: one call in ten seconds would never find out that all is well again. */
const SLOWEST = 1 / 10_000
/** A default burst is what comes in so many ms: more than the coarseness of timers, less than a service notices. */
const BURST_MS = 100
/** A pause in which nobody asked, ms. */
const IDLE_MS = 10_000
/** Pause after a 429 that does not say for how long, ms. */
const UNSAID_MS = 1000

export class RateLimiter {
  readonly #policy: RatePolicy
  readonly #clock: Clock
  /** In the order in which they came. */
  readonly #waiting = new Set<Paced>()
  #tokens: number
  /** When the tokens were counted. */
  #countedAt: number
  #pausedUntil = 0
  /** What the service allows until then, calls a ms. */
  #quota = Infinity
  #quotaUntil = 0
  /** The rate found by trial, and since when it is tried; undefined until a first refusal. */
  #found: number | undefined
  #foundAt: number
  /** Calls that went well, since when they are counted, and the last one. */
  #well = 0
  #wellSince: number
  #wellAt = 0
  /** Refused since then: what is tried is too much. */
  #tooMuch = false
  #timer: Timer | undefined

  constructor(policy: RatePolicy, clock: Clock) {
    this.#policy = policy
    this.#clock = clock
    this.#countedAt = clock.monotonic()
    this.#foundAt = this.#countedAt
    this.#wellSince = this.#countedAt
    this.#tokens = this.#burst(policy.perMs ?? 0)
  }

  /** Calls that wait for a token. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Calls a second it lets through now; Infinity: as many as come. */
  get rate(): number {
    const now = this.#clock.monotonic()
    return now < this.#pausedUntil ? 0 : this.#perMs(now) * 1000
  }

  /** True: the call may be made. False: it must wait, or others wait before it. */
  take(): boolean {
    return this.#waiting.size === 0 && this.#takeNow()
  }

  /** A token that was not used after all. */
  giveBack(): void {
    this.#tokens++
    this.#grant()
  }

  hold(call: Paced): void {
    this.#waiting.add(call)
    this.#arm()
  }

  forget(call: Paced): void {
    if (this.#waiting.delete(call) && this.#waiting.size === 0) this.#disarm()
  }

  /** A task has closed. */
  forgetAll(owner: object): void {
    for (const call of this.#waiting) if (call.owner === owner) this.#waiting.delete(call)
    if (this.#waiting.size === 0) this.#disarm()
  }

  /** A call went well. */
  well(): void {
    const now = this.#clock.monotonic()
    // Time in which nobody asked says nothing of what the service allows.
    if (now - Math.max(this.#wellAt, this.#pausedUntil) > IDLE_MS) {
      this.#well = 0
      this.#wellSince = now
    }
    this.#well++
    this.#wellAt = now
  }

  /** The service refused a call for coming too fast. @param ms how long it wants to be left alone; 0: it did not say */
  refused(ms: number): void {
    const until = this.#clock.monotonic() + (ms > 0 ? ms : UNSAID_MS)
    this.#tooMuch = true
    if (until > this.#pausedUntil) this.#pausedUntil = until
    this.#rearm()
  }

  /** The service says what it still allows. */
  allowed({ remaining, resetMs }: Quota): void {
    if (resetMs <= 0) return
    const now = this.#clock.monotonic()
    this.#quota = remaining / resetMs
    this.#quotaUntil = now + resetMs
    if (remaining <= 0 && this.#quotaUntil > this.#pausedUntil) this.#pausedUntil = this.#quotaUntil
    this.#rearm()
  }

  #takeNow(): boolean {
    const now = this.#clock.monotonic()
    if (now < this.#pausedUntil) return false
    if (this.#tooMuch) this.#lower()
    const perMs = this.#perMs(now)
    if (perMs === Infinity) return true
    this.#count(now, perMs)
    // Timers ring on whole milliseconds and time has fractions: what is missing by rounding is there.
    if (this.#tokens < 1 - 1e-9) return false
    this.#tokens--
    return true
  }

  #count(now: number, perMs: number): void {
    // Nothing gathers in a pause: what waited would come all at once, and be refused again.
    const since = Math.max(this.#countedAt, this.#pausedUntil)
    if (this.#countedAt < this.#pausedUntil) this.#tokens = Math.min(this.#tokens, 1)
    this.#tokens = Math.min(this.#burst(perMs), this.#tokens + Math.max(0, now - since) * perMs)
    this.#countedAt = now
  }

  #perMs(now: number): number {
    const own = this.#policy.perMs ?? this.#grown(now)
    return now < this.#quotaUntil ? Math.min(own, this.#quota) : own
  }

  #grown(now: number): number {
    return this.#found === undefined ? Infinity : this.#found * (1 + GROWTH * (now - this.#foundAt))
  }

  /** After a pause: what went well from the last one to the end of this one, pauses included, is what the service allows. */
  #lower(): void {
    this.#tooMuch = false
    const span = this.#pausedUntil - this.#wellSince
    this.#found = Math.max(SLOWEST, this.#well / Math.max(1, span))
    this.#foundAt = this.#pausedUntil
    this.#wellSince = this.#pausedUntil
    this.#well = 0
  }

  #burst(perMs: number): number {
    return this.#policy.burst ?? Math.max(1, perMs * BURST_MS)
  }

  #waitMs(): number {
    const now = this.#clock.monotonic()
    if (now < this.#pausedUntil) return this.#pausedUntil - now
    const perMs = this.#perMs(now)
    if (perMs === Infinity) return 0
    this.#count(now, perMs)
    const missing = Math.max(0, 1 - this.#tokens)
    // A quota of next to nothing ends when the service said.
    return now < this.#quotaUntil ? Math.min(missing / perMs, this.#quotaUntil - now) : missing / perMs
  }

  #arm(): void {
    if (this.#waiting.size === 0) return
    this.#timer ??= this.#clock.setTimer(Math.ceil(this.#waitMs()), () => {
      this.#timer = undefined
      this.#grant()
    })
  }

  #rearm(): void {
    this.#disarm()
    this.#arm()
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #grant(): void {
    for (const call of this.#waiting) {
      if (!this.#takeNow()) break
      this.#waiting.delete(call)
      call.granted()
    }
    if (this.#waiting.size > 0) this.#arm()
    else this.#disarm()
  }
}

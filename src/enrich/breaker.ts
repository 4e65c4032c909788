/**
 * The circuit breaker of an endpoint: stops asking a service that mostly fails, tries it again after a while, and lets the
 * calls it held go on when it is well. It makes no call and counts no attempt by itself.
 *
 *     closed ──too many of the last calls failed or were slow──▶ open
 *        ▲                                                       │ ▲
 *        └──every probe was well── half-open ◀──wait is over─────┘ │
 *                                      └──a probe was not──────────┘
 *
 * A call enters with a pass and gives it back with what became of it. Passes of an earlier state count for nothing: an
 * answer that was asked for before the breaker opened says nothing of the probes.
 */
import type { Clock, Timer } from '../core/clock.ts'
import type { BreakerPolicy } from './breaker-policy.ts'

export type BreakerState = 'closed' | 'half-open' | 'open'

/** Given to a call that may be made: the number of the state it belongs to. */
export type Pass = number

/** `cancelled`: nobody wanted the answer any more, which says nothing of the service. */
export type PassOutcome = 'ok' | 'failed' | 'cancelled'

/** A call that waits until it may be made. */
export interface Held {
  /** The task it belongs to, as an object of identity. */
  readonly owner: object
  /** It may try to enter again; it can be refused again. */
  resume(): void
}

/** What is told when the breaker opens or closes. */
export interface BreakerChange {
  readonly state: 'closed' | 'open'
  /** It was open before: a probe failed. */
  readonly again: boolean
  /** Calls counted, and how many of them failed or were slow. */
  readonly calls: number
  readonly failed: number
  readonly slow: number
}

const FAILED = 1
const SLOW = 2

export class Breaker {
  readonly #policy: BreakerPolicy
  readonly #clock: Clock
  /** The last calls, each as FAILED and SLOW bits; counted only while closed. */
  readonly #window: Uint8Array
  /** In the order in which they came. */
  readonly #held = new Set<Held>()
  #state: BreakerState = 'closed'
  #epoch = 0
  #calls = 0
  #next = 0
  #failed = 0
  #slow = 0
  #openUntil = 0
  /** Probes under way, and probes that went well. */
  #probing = 0
  #well = 0
  #timer: Timer | undefined

  constructor(policy: BreakerPolicy, clock: Clock) {
    this.#policy = policy
    this.#clock = clock
    this.#window = new Uint8Array(policy.window)
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Calls that wait. */
  get held(): number {
    return this.#held.size
  }

  /** Milliseconds in which no call can enter; 0 unless open. */
  get waitMs(): number {
    return this.#state === 'open' ? Math.max(0, this.#openUntil - this.#clock.monotonic()) : 0
  }

  /** A pass, or undefined when the call must not be made now. */
  enter(): Pass | undefined {
    if (this.#state === 'closed') return this.#epoch
    if (this.waitMs > 0) return undefined
    if (this.#state === 'open') this.#become('half-open')
    if (this.#freeProbes <= 0) return undefined
    this.#probing++
    return this.#epoch
  }

  /**
   * Gives a pass back, exactly once.
   * @param ms how long the call took
   * @returns what changed by it, to be told
   */
  leave(pass: Pass, outcome: PassOutcome, ms: number): BreakerChange | undefined {
    if (pass !== this.#epoch) return undefined
    const slow = this.#policy.slowMs !== undefined && ms >= this.#policy.slowMs
    return this.#state === 'closed' ? this.#count(outcome, slow) : this.#tried(outcome, slow)
  }

  /** Keeps a refused call until it may try again. */
  hold(call: Held): void {
    this.#held.add(call)
    if (this.#state === 'open') this.#arm()
  }

  /** A call does not want to be made any more, held or on its way back. */
  forget(call: Held): void {
    this.#held.delete(call)
    this.#forgot()
  }

  /** A task has closed. */
  forgetAll(owner: object): void {
    for (const call of this.#held) if (call.owner === owner) this.#held.delete(call)
    this.#forgot()
  }

  #forgot(): void {
    if (this.#held.size === 0) this.#disarm()
    else if (this.#state === 'half-open') this.#offer()
  }

  get #freeProbes(): number {
    return this.#policy.probes - this.#probing - this.#well
  }

  #count(outcome: PassOutcome, slow: boolean): BreakerChange | undefined {
    if (outcome === 'cancelled') return undefined
    const { window, minimum, failureRate, slowRate } = this.#policy
    const marks = (outcome === 'failed' ? FAILED : 0) | (slow ? SLOW : 0)
    const oldest = this.#window[this.#next]!
    this.#window[this.#next] = marks
    this.#next = (this.#next + 1) % window
    this.#calls = Math.min(window, this.#calls + 1)
    this.#failed += (marks & FAILED ? 1 : 0) - (oldest & FAILED ? 1 : 0)
    this.#slow += (marks & SLOW ? 1 : 0) - (oldest & SLOW ? 1 : 0)
    if (this.#calls < minimum) return undefined
    // Only a bad call opens it: a window that is full of bad ones must not close the door behind a good one.
    const bad = this.#failed >= failureRate * this.#calls || this.#slow >= slowRate * this.#calls
    return marks !== 0 && bad ? this.#open(this.#calls, this.#failed, this.#slow) : undefined
  }

  #tried(outcome: PassOutcome, slow: boolean): BreakerChange | undefined {
    this.#probing--
    if (outcome === 'cancelled') {
      this.#offer()
      return undefined
    }
    if (outcome === 'failed' || slow) {
      return this.#open(this.#well + 1, outcome === 'failed' ? 1 : 0, slow ? 1 : 0)
    }
    this.#well++
    if (this.#well >= this.#policy.probes) return this.#close()
    this.#offer()
    return undefined
  }

  #open(calls: number, failed: number, slow: number): BreakerChange {
    const again = this.#state === 'half-open'
    this.#become('open')
    this.#openUntil = this.#clock.monotonic() + this.#policy.waitMs
    if (this.#held.size > 0) this.#arm()
    return { state: 'open', again, calls, failed, slow }
  }

  #close(): BreakerChange {
    const change = { state: 'closed', again: false, calls: this.#well, failed: 0, slow: 0 } as const
    this.#become('closed')
    this.#release(this.#held.size)
    return change
  }

  #become(state: BreakerState): void {
    this.#state = state
    this.#epoch++
    this.#probing = 0
    this.#well = 0
    this.#calls = 0
    this.#next = 0
    this.#failed = 0
    this.#slow = 0
    this.#window.fill(0)
    this.#disarm()
  }

  #arm(): void {
    this.#timer ??= this.#clock.setTimer(Math.ceil(this.waitMs), () => this.#ring())
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #ring(): void {
    this.#timer = undefined
    if (this.#state !== 'open') return
    if (this.waitMs > 0) return this.#arm()
    this.#become('half-open')
    this.#offer()
  }

  /** As many held calls as probes are free: should they be gone before their turn, they are forgotten, which offers again. */
  #offer(): void {
    this.#release(this.#freeProbes)
  }

  /** Taken out first: those refused again are held again, behind the others. */
  #release(count: number): void {
    const first: Held[] = []
    for (const call of this.#held) {
      if (first.length >= count) break
      first.push(call)
    }
    for (const call of first) {
      // One that was resumed may have taken others with it.
      if (this.#held.delete(call)) call.resume()
    }
  }
}

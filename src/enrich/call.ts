/**
 * One request and its attempts, for one record or for several that asked the same.
 *
 *     asking ──answer, last failure──▶ ended
 *       │ ▲
 *       │ └─────────wait over─────────┐      (nobody waits any more, close: ended)
 *       └──failure worth a retry──▶ backing-off
 *
 * How an attempt is made, and what it waits for, is for `trip.ts`. Only the current one may move the call.
 */
import type { Ticket } from '../core/async-operator.ts'
import { problemOf, sluiceError, SluiceError } from '../core/errors.ts'
import type { Span } from '../core/trace.ts'
import type { Alarm } from './alarms.ts'
import { idempotencyKeyOf } from './attempt.ts'
import { CallError } from './call-error.ts'
import { retryDelay } from './retry.ts'
import type { BranchTools, Carrier, Rider } from './tools.ts'
import { Trip } from './trip.ts'

/** A record that waits for the answer. */
export interface Waiter {
  readonly ticket: Ticket
  /** On the monotonic clock. */
  readonly deadlineAt: number
  /** The trace of the record, where one is collected. */
  readonly span: Span | undefined
  answered(value: unknown): void
  failed(error: SluiceError): void
}

export class Call implements Rider {
  readonly #tools: BranchTools
  readonly request: unknown
  readonly identity: string | undefined
  readonly leader: Ticket
  readonly trace: Span | undefined
  #waiters: Waiter[]
  #ended = false
  /** The attempt it is carried by; undefined while it backs off and when it has ended. */
  #carrier: Carrier | undefined
  #alarm: Alarm | undefined
  #failures: number
  readonly #mostFailures: number

  constructor(tools: BranchTools, request: unknown, identity: string | undefined, leader: Waiter) {
    this.#tools = tools
    this.request = request
    this.identity = identity
    this.leader = leader.ticket
    this.trace = leader.span
    this.#waiters = [leader]
    this.#failures = leader.ticket.attempts
    // A restored record always gets one attempt: the outcome of its last one is not known.
    this.#mostFailures = Math.max(tools.policy.retry.retries, this.#failures) + 1
  }

  start(): void {
    const { lobby } = this.#tools
    if (lobby === undefined) new Trip(this.#tools, this).resume()
    else lobby.board(this)
  }

  get attempt(): number {
    return this.#failures + 1
  }

  get lastDeadline(): number {
    return this.#waiters.reduce((latest, { deadlineAt }) => Math.max(latest, deadlineAt), 0)
  }

  /** Why it is not made now, while the circuit breaker or the rate limit holds it. */
  get heldBack(): SluiceError | undefined {
    return this.#carrier?.heldBack
  }

  join(waiter: Waiter): void {
    this.#waiters.push(waiter)
  }

  /** A waiter gave up. Without any left the call is aborted: nobody wants its answer. */
  leave(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((one) => one !== waiter)
    if (this.#waiters.length > 0 || this.#ended) return
    this.#ended = true
    this.#tools.ended(this)
    this.#alarm?.cancel()
    const carrier = this.#carrier
    this.#carrier = undefined
    carrier?.leave(this)
  }

  boards(carrier: Carrier): void {
    this.#carrier = carrier
  }

  answered(carrier: Carrier, value: unknown): void {
    if (this.#carrier !== carrier) return
    this.#end()
    this.#tools.effects?.confirmed(idempotencyKeyOf(this.#tools, this))
    const shared = this.#tools.keep(this, value)
    for (const waiter of this.#waiters) waiter.answered(shared)
  }

  failed(carrier: Carrier, error: unknown, alone: boolean): boolean {
    if (this.#carrier !== carrier) return false
    this.#tools.effects?.failed(idempotencyKeyOf(this.#tools, this), isRefusal(error))
    const wanted = this.#delay(error)
    const delay = wanted === undefined || this.#mayRetry() ? wanted : undefined
    // Without a budget for retries there is none for halves of a batch.
    if (wanted === undefined && !alone && this.lastDeadline > this.#tools.clock.monotonic()) return true
    this.#failures++
    for (const { ticket } of this.#waiters) ticket.attempts = Math.max(ticket.attempts, this.#failures)
    if (delay === undefined) this.#giveUp(this.#finalError(error))
    else {
      this.#carrier = undefined
      this.#tools.metrics.retries.value++
      this.#alarm = this.#tools.alarms.set(delay, () => this.start())
    }
    return false
  }

  refused(carrier: Carrier, error: SluiceError): void {
    if (this.#carrier === carrier) this.#giveUp(error)
  }

  /** Milliseconds until the next attempt, undefined if there is none: not worth it, too many, or beyond every deadline. */
  #delay(error: unknown): number | undefined {
    const { policy, random, clock } = this.#tools
    const failures = this.#failures + 1
    if (failures >= this.#mostFailures || !this.#retriable(error)) return undefined
    const delay = retryDelay(policy.retry, failures, error, random)
    return clock.monotonic() + delay < this.lastDeadline ? delay : undefined
  }

  #mayRetry(): boolean {
    const { metrics, retryBudget } = this.#tools
    if (retryBudget === undefined || retryBudget.take()) return true
    metrics.retriesRefused!.value++
    return false
  }

  #retriable(error: unknown): boolean {
    try {
      return this.#tools.policy.retry.when(error)
    } catch {
      return false
    }
  }

  #end(): void {
    this.#ended = true
    this.#carrier = undefined
  }

  #giveUp(final: SluiceError): void {
    this.#end()
    this.#tools.ended(this)
    if (final.code === 'SLUICE_ENRICH_SCHEMA') this.#tools.metrics.unfit.value++
    for (const waiter of this.#waiters) waiter.failed(final)
  }

  /** What can't get better by repeating is reported as it is, the rest with the number of attempts. */
  #finalError(error: unknown): SluiceError {
    const known = error instanceof CallError ? error.cause : error
    if (known instanceof SluiceError && !this.#retriable(error)) return known
    return sluiceError(
      'SLUICE_ENRICH_FAILED',
      { node: this.#tools.place, attempts: this.#failures, problem: problemOf(error) },
      known ?? error,
    )
  }
}

/** The service said that it did nothing: it refused the request, or any request for now. */
function isRefusal(error: unknown): boolean {
  return error instanceof CallError && (error.throttled || !error.retriable)
}

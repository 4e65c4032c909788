/**
 * One request and its attempts, for one record or for several that asked the same.
 *
 *     queued ──slot──▶ calling ──answer, last failure──▶ ended
 *        ▲                └──failure worth a retry──▶ backing-off
 *        ├──────────────────────wait over──────────────────┘     (nobody waits any more, close: ended)
 *        └──circuit breaker lets it go on── held ◀──circuit breaker is open── calling
 *
 * Only the current attempt may move it: what an older attempt brings is late, counted and ignored.
 */
import type { Ticket } from '../core/async-operator.ts'
import { problemOf, sluiceError, SluiceError } from '../core/errors.ts'
import type { Span } from '../core/trace.ts'
import type { Alarm } from './alarms.ts'
import { Attempt } from './attempt.ts'
import type { Held, Pass } from './breaker.ts'
import type { Gate } from './breakers.ts'
import { CallError } from './call-error.ts'
import { isRetriable, retryDelay } from './retry.ts'
import type { SlotUser } from './slots.ts'
import type { BranchTools } from './tools.ts'

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

type CallState = 'queued' | 'calling' | 'backing-off' | 'held' | 'ended'

export class Call implements SlotUser, Held {
  readonly #tools: BranchTools
  readonly #request: unknown
  readonly identity: string | undefined
  readonly #leader: Ticket
  /** Attempts belong to the trace of the record that asked first. */
  readonly #trace: Span | undefined
  #waiters: Waiter[]
  #state: CallState = 'queued'
  #attempt: Attempt | undefined
  #alarm: Alarm | undefined
  /** Of the circuit breaker, while an attempt is under way. */
  #pass: Pass | undefined
  #startedAt = 0
  #failures: number
  readonly #mostFailures: number

  constructor(tools: BranchTools, request: unknown, identity: string | undefined, leader: Waiter) {
    this.#tools = tools
    this.#request = request
    this.identity = identity
    this.#leader = leader.ticket
    this.#trace = leader.span
    this.#waiters = [leader]
    this.#failures = leader.ticket.attempts
    // A restored record always gets one attempt: the outcome of its last one is not known.
    this.#mostFailures = Math.max(tools.policy.retry.retries, this.#failures) + 1
  }

  start(): void {
    this.#tools.slots.request(this)
  }

  get owner(): object {
    return this.#tools
  }

  /** Why it is not made now, while the circuit breaker holds it. */
  get heldBack(): SluiceError | undefined {
    return this.#state === 'held' ? this.#openError(this.#tools.gate!) : undefined
  }

  /** The wait for a retry is over, or the circuit breaker holds it no longer. */
  resume(): void {
    this.#state = 'queued'
    this.#tools.slots.request(this)
  }

  join(waiter: Waiter): void {
    this.#waiters.push(waiter)
  }

  /** A waiter gave up. Without any left the call is aborted: nobody wants its answer. */
  leave(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((one) => one !== waiter)
    if (this.#waiters.length > 0 || this.#state === 'ended') return
    this.#tools.ended(this)
    this.abandon()
    this.#tools.slots.release(this)
  }

  begin(): void {
    const { gate } = this.#tools
    if (gate !== undefined) {
      this.#pass = gate.breaker.enter()
      if (this.#pass === undefined) return this.#refused(gate)
    }
    this.#call()
  }

  #call(): void {
    const { source, alarms, clock, policy, place } = this.#tools
    const number = this.#failures + 1
    const span = this.#trace?.child(place, { 'sluice.attempt': number })
    const attempt = new Attempt(this.#tools, this.#leader, this.identity, number, span)
    this.#attempt = attempt
    this.#state = 'calling'
    this.#startedAt = clock.monotonic()
    let answer: unknown
    try {
      answer = source.call(this.#request, attempt)
    } catch (error) {
      this.#failed(attempt, error)
      return
    }
    if (!isPromiseLike(answer)) {
      this.#answered(attempt, answer)
      return
    }
    if (this.#attempt === attempt) {
      this.#alarm = alarms.set(policy.timeoutMs, () => this.#timedOut(attempt))
    }
    answer.then(
      (value) => this.#answered(attempt, value),
      (error: unknown) => this.#failed(attempt, error),
    )
  }

  abandon(): void {
    this.#state = 'ended'
    this.#alarm?.cancel()
    const attempt = this.#attempt
    this.#attempt = undefined
    this.#tools.gate?.breaker.forget(this)
    if (attempt === undefined) return
    this.#givePass('cancelled')
    this.#tools.metrics.aborted.value++
    const reason = sluiceError('SLUICE_CLOSED', { what: `call of ${this.#tools.place}` })
    attempt.abort(reason)
    attempt.span?.end(reason)
  }

  /** No attempt was made, and none is counted. */
  #refused(gate: Gate): void {
    gate.metrics.refused.value++
    const { clock, policy, slots } = this.#tools
    const goesOnAt = clock.monotonic() + gate.breaker.waitMs
    if (policy.breaker!.whenOpen === 'give-up' || goesOnAt >= this.#lastDeadline) {
      this.#giveUp(this.#openError(gate))
    } else {
      this.#state = 'held'
      gate.breaker.hold(this)
    }
    slots.release(this)
  }

  #openError({ endpoint }: Gate): SluiceError {
    return sluiceError('SLUICE_ENRICH_OPEN', {
      node: this.#tools.place,
      attempts: this.#failures,
      endpoint,
    })
  }

  #givePass(outcome: 'ok' | 'failed' | 'cancelled'): void {
    const pass = this.#pass
    if (pass === undefined) return
    this.#pass = undefined
    const { gate, clock } = this.#tools
    gate!.leave(pass, outcome, clock.monotonic() - this.#startedAt)
  }

  #answered(attempt: Attempt, value: unknown): void {
    const { metrics, policy } = this.#tools
    if (this.#attempt !== attempt) {
      metrics.late.value++
      return
    }
    // An answer that asks for another call is one all the same: the endpoint is well.
    this.#givePass('ok')
    if (this.#attempt !== attempt) return
    if (policy.retry.whenAnswer !== undefined) {
      const refusal = this.#refusal(policy.retry.whenAnswer, value)
      if (refusal !== undefined) return this.#failed(attempt, refusal)
    }
    this.#endAttempt()
    metrics.ok.value++
    this.#state = 'ended'
    const shared = this.#tools.keep(this, value)
    for (const waiter of this.#waiters) waiter.answered(shared)
    this.#tools.slots.release(this)
  }

  /** Why an answer does not count, if it doesn't. */
  #refusal(whenAnswer: (answer: unknown) => boolean, value: unknown): CallError | undefined {
    try {
      return whenAnswer(value)
        ? new CallError('the answer asks for another call', { retriable: true })
        : undefined
    } catch (cause) {
      return new CallError(`whenAnswer threw: ${problemOf(cause)}`, { retriable: false, cause })
    }
  }

  #timedOut(attempt: Attempt): void {
    const { node, policy, place, metrics } = this.#tools
    const scope = `one attempt of ${place}`
    const error = sluiceError('SLUICE_ENRICH_TIMEOUT', { node, limit: policy.timeoutMs, scope })
    metrics.timeout.value++
    // Abort first, so that the socket is closed before anybody acts on the outcome.
    attempt.abort(error)
    this.#failed(attempt, error, true)
  }

  #failed(attempt: Attempt, error: unknown, timedOut = false): void {
    if (this.#attempt !== attempt) return
    // What says that repeating gives the same (an HTTP 400) is about the request, not about the endpoint.
    this.#givePass(isRetriable(error) ? 'failed' : 'ok')
    if (this.#attempt !== attempt) return
    this.#endAttempt(error)
    if (!timedOut) this.#tools.metrics.error.value++
    this.#failures++
    for (const { ticket } of this.#waiters) ticket.attempts = Math.max(ticket.attempts, this.#failures)
    const delay = this.#delay(error)
    if (delay === undefined) this.#giveUp(this.#finalError(error))
    else {
      this.#state = 'backing-off'
      this.#tools.metrics.retries.value++
      this.#alarm = this.#tools.alarms.set(delay, () => this.resume())
    }
    this.#tools.slots.release(this)
  }

  /** Milliseconds until the next attempt, undefined if there is none: not worth it, too many, or beyond every deadline. */
  #delay(error: unknown): number | undefined {
    const { policy, random, clock } = this.#tools
    if (this.#failures >= this.#mostFailures || !this.#retriable(error)) return undefined
    const delay = retryDelay(policy.retry, this.#failures, error, random)
    return clock.monotonic() + delay < this.#lastDeadline ? delay : undefined
  }

  get #lastDeadline(): number {
    return this.#waiters.reduce((latest, { deadlineAt }) => Math.max(latest, deadlineAt), 0)
  }

  #retriable(error: unknown): boolean {
    try {
      return this.#tools.policy.retry.when(error)
    } catch {
      return false
    }
  }

  /** @param error why it did not succeed */
  #endAttempt(error?: unknown): void {
    this.#attempt?.end()
    this.#attempt?.span?.end(error)
    this.#attempt = undefined
    this.#alarm?.cancel()
    this.#alarm = undefined
    this.#tools.metrics.latency.observe(this.#tools.clock.monotonic() - this.#startedAt)
  }

  #giveUp(final: SluiceError): void {
    this.#state = 'ended'
    this.#tools.ended(this)
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

function isPromiseLike(answer: unknown): answer is PromiseLike<unknown> {
  return (
    typeof answer === 'object' && answer !== null && typeof (answer as { then?: unknown }).then === 'function'
  )
}

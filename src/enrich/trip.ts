/**
 * One attempt on its way: for the request of one call, or in a batch for those of several.
 *
 *     queued ──slot──▶ calling ──answer, failure, timeout──▶ over
 *        ▲        ├──rate limit is reached──▶ paced
 *        │        └──circuit breaker is open─▶ held
 *        └──they let it go on──────────────────┘     (nobody waits any more, close: over)
 *
 * Whatever comes when it is over is late, counted and ignored. A batch that fails as a whole is made again in halves for
 * the calls that would give up by it, until a request that spoils it for the others is alone.
 */
import { problemOf, sluiceError } from '../core/errors.ts'
import type { SluiceError } from '../core/errors.ts'
import type { Alarm } from './alarms.ts'
import { Attempt, idempotencyKeyOf } from './attempt.ts'
import type { Held, Pass } from './breaker.ts'
import type { Gate } from './breakers.ts'
import { CallError } from './call-error.ts'
import { Hedge } from './hedge.ts'
import type { Hedged } from './hedge.ts'
import { isPromiseLike } from './promise-like.ts'
import { isRetriable } from './retry.ts'
import type { Paced, Quota } from './rate-limiter.ts'
import type { SlotUser } from './slots.ts'
import type { BatchContext } from './sources/source.ts'
import type { BranchTools, Carrier, Rider } from './tools.ts'

type TripState = 'queued' | 'calling' | 'paced' | 'held' | 'over'

export class Trip extends Attempt implements BatchContext, Carrier, SlotUser, Held, Paced, Hedged {
  readonly #tools: BranchTools
  readonly lead: Rider
  /** All calls of a batch in the order of their requests; undefined for one alone. */
  readonly #batch: Rider[] | undefined
  /** Calls of a batch that still want it. */
  #aboard: number
  #state: TripState = 'queued'
  #alarm: Alarm | undefined
  /** Of the circuit breaker, while calling. */
  #pass: Pass | undefined
  /** Of the rate limit, from when it was given until the call is made. */
  #token = false
  #startedAt = 0
  #hedgeAlarm: Alarm | undefined
  #hedge: Hedge | undefined
  /** Why the first call failed, while a second one is under way. */
  #failure: unknown

  constructor(tools: BranchTools, lead: Rider, batch?: Rider[]) {
    super(tools, lead)
    this.#tools = tools
    this.lead = lead
    this.#batch = batch
    this.#aboard = batch === undefined ? 1 : batch.length
    if (batch === undefined) lead.boards(this)
    else for (const rider of batch) rider.boards(this)
  }

  /** Calls that want the answer. */
  get size(): number {
    return this.#aboard
  }

  get owner(): object {
    return this.#tools
  }

  get idempotencyKeys(): readonly string[] {
    return (this.#batch ?? [this.lead]).map((rider) => idempotencyKeyOf(this.#tools, rider))
  }

  get heldBack(): SluiceError | undefined {
    if (this.#state === 'paced') return this.#notAsked('SLUICE_ENRICH_LIMITED', this.lead)
    return this.#state === 'held' ? this.#notAsked('SLUICE_ENRICH_OPEN', this.lead) : undefined
  }

  override get quota(): ((quota: Quota) => void) | undefined {
    const { pacer } = this.#tools
    return pacer === undefined ? undefined : (quota) => pacer.limiter.allowed(quota)
  }

  granted(): void {
    this.#token = true
    this.resume()
  }

  /** Queues for a slot; also when the circuit breaker holds it no longer. */
  resume(): void {
    this.#state = 'queued'
    this.#tools.slots.request(this)
  }

  /** A further call for a batch that was not made yet. */
  add(rider: Rider): void {
    this.#batch!.push(rider)
    this.#aboard++
    rider.boards(this)
  }

  leave(rider: Rider): void {
    if (this.#state === 'over') return
    this.#aboard--
    if (this.#aboard === 0) {
      this.abandon()
      this.#tools.slots.release(this)
    } else if (this.#state !== 'calling') {
      // Of one under way the answers come in the order of the requests, so it stays in its place.
      this.#batch!.splice(this.#batch!.indexOf(rider), 1)
    }
  }

  begin(): void {
    const { gate, pacer, slots } = this.#tools
    if (pacer !== undefined && !this.#token) {
      this.#token = pacer.limiter.take()
      if (!this.#token) {
        this.#state = 'paced'
        pacer.limiter.hold(this)
        slots.release(this)
        return
      }
    }
    if (gate !== undefined) {
      this.#pass = gate.breaker.enter()
      if (this.#pass === undefined) return this.#refused(gate)
    }
    this.#token = false
    this.#call()
  }

  abandon(): void {
    const wasCalling = this.#state === 'calling'
    this.#state = 'over'
    this.#alarm?.cancel()
    this.#endHedge()
    const { gate, lobby, metrics, pacer, place } = this.#tools
    lobby?.closed(this)
    gate?.breaker.forget(this)
    pacer?.limiter.forget(this)
    this.#giveToken()
    if (!wasCalling) return
    this.#givePass('cancelled')
    metrics.aborted.value++
    const reason = sluiceError('SLUICE_CLOSED', { what: `call of ${place}` })
    this.abort(reason)
    this.span?.end(reason)
  }

  #call(): void {
    const { alarms, clock, effects, hedges, lobby, policy, place, metrics } = this.#tools
    lobby?.closed(this)
    this.span = this.lead.trace?.child(place, { 'sluice.attempt': this.attempt })
    this.#state = 'calling'
    this.#startedAt = clock.monotonic()
    if (effects !== undefined)
      for (const rider of this.#riders()) effects.started(idempotencyKeyOf(this.#tools, rider))
    if (this.#batch !== undefined) metrics.batchSize?.observe(this.#batch.length)
    let answer: unknown
    try {
      answer = this.ask(this)
    } catch (error) {
      this.#failed(error)
      return
    }
    if (!isPromiseLike(answer)) {
      this.#answered(answer)
      return
    }
    if (this.#is('calling')) {
      this.#alarm = alarms.set(policy.timeoutMs, () => this.#timedOut())
      const after = hedges?.called()
      if (after !== undefined) this.#hedgeAlarm = alarms.set(after, () => this.#second())
    }
    answer.then(
      (value) => this.#answered(value),
      (error: unknown) => this.#failed(error),
    )
  }

  ask(context: Attempt): unknown {
    const { source } = this.#tools
    if (this.#batch === undefined) return source.call(this.lead.request, context)
    return source.callMany!(
      this.#batch.map((rider) => rider.request),
      context as BatchContext & Attempt,
    )
  }

  hedgeAnswered(hedge: Hedge, value: unknown): void {
    if (this.#hedge !== hedge) return
    const { metrics, place } = this.#tools
    this.#hedge = undefined
    metrics.hedgesWon!.value++
    this.#givePass(this.#failure === undefined ? 'cancelled' : 'failed')
    if (!this.#is('calling')) return
    this.abort(sluiceError('SLUICE_CLOSED', { what: `first call of ${place}` }))
    this.#answered(value)
  }

  hedgeFailed(hedge: Hedge): void {
    if (this.#hedge !== hedge) return
    this.#hedge = undefined
    if (this.#failure !== undefined) this.#failed(this.#failure)
  }

  /** The state may change within calls of others: a comparison after one must not be taken for settled by the compiler. */
  #is(state: TripState): boolean {
    return this.#state === state
  }

  /** No attempt was made, and none is counted. */
  #refused(gate: Gate): void {
    gate.metrics.refused.value++
    const { clock, lobby, policy, slots } = this.#tools
    const goesOnAt = clock.monotonic() + gate.breaker.waitMs
    if (policy.breaker!.whenOpen === 'give-up' || goesOnAt >= this.#lastDeadline) {
      this.#state = 'over'
      lobby?.closed(this)
      for (const rider of this.#riders()) rider.refused(this, this.#notAsked('SLUICE_ENRICH_OPEN', rider))
    } else {
      this.#state = 'held'
      gate.breaker.hold(this)
    }
    this.#giveToken()
    slots.release(this)
  }

  #giveToken(): void {
    if (!this.#token) return
    this.#token = false
    this.#tools.pacer!.limiter.giveBack()
  }

  #riders(): readonly Rider[] {
    return this.#batch === undefined ? [this.lead] : [...this.#batch]
  }

  get #lastDeadline(): number {
    if (this.#batch === undefined) return this.lead.lastDeadline
    return this.#batch.reduce((latest, rider) => Math.max(latest, rider.lastDeadline), 0)
  }

  #notAsked(code: 'SLUICE_ENRICH_OPEN' | 'SLUICE_ENRICH_LIMITED', rider: Rider): SluiceError {
    const { gate, pacer, place } = this.#tools
    const { endpoint } = code === 'SLUICE_ENRICH_OPEN' ? gate! : pacer!
    return sluiceError(code, { node: place, attempts: rider.attempt - 1, endpoint })
  }

  #givePass(outcome: 'ok' | 'failed' | 'cancelled'): void {
    const pass = this.#pass
    if (pass === undefined) return
    this.#pass = undefined
    const { gate, clock } = this.#tools
    gate!.leave(pass, outcome, clock.monotonic() - this.#startedAt)
  }

  #answered(value: unknown): void {
    const { metrics, slots } = this.#tools
    if (this.#state !== 'calling') {
      metrics.late.value++
      return
    }
    // An answer that asks for another call is one all the same: the endpoint is well.
    this.#givePass('ok')
    this.#tools.pacer?.limiter.well()
    if (!this.#is('calling')) return
    if (this.#batch !== undefined) this.#deal(this.#batch, value)
    else {
      const refusal = this.#refusal(value)
      this.#over(refusal)
      metrics[refusal === undefined ? 'ok' : 'error'].value++
      if (refusal === undefined) this.lead.answered(this, value)
      else this.lead.failed(this, refusal, true)
    }
    slots.release(this)
  }

  /** Gives each call of a batch its own answer. */
  #deal(batch: readonly Rider[], values: unknown): void {
    const { metrics, place, slots } = this.#tools
    if (!Array.isArray(values) || values.length !== batch.length) {
      const came = Array.isArray(values) ? `${values.length} answers` : typeof values
      const problem = `${place}: a batch of ${batch.length} requests needs an array of as many answers; ${came} came`
      const error = new CallError(problem, { retriable: false })
      this.#over(error)
      metrics.error.value++
      this.#failAll(batch, error)
      return
    }
    this.#over(undefined)
    metrics.ok.value++
    for (const [at, rider] of batch.entries()) {
      // Handing on the answer before may have closed the task.
      if (slots.closed) return
      const value: unknown = values[at]
      const problem = value instanceof Error ? value : this.#refusal(value)
      if (problem === undefined) rider.answered(this, value)
      else {
        metrics.partial!.value++
        rider.failed(this, problem, true)
      }
    }
  }

  /** Why an answer does not count, if it doesn't. */
  #refusal(value: unknown): CallError | undefined {
    const { whenAnswer } = this.#tools.policy.retry
    if (whenAnswer === undefined) return undefined
    try {
      return whenAnswer(value)
        ? new CallError('the answer asks for another call', { retriable: true })
        : undefined
    } catch (cause) {
      return new CallError(`whenAnswer threw: ${problemOf(cause)}`, { retriable: false, cause })
    }
  }

  #timedOut(): void {
    const { node, policy, place, metrics } = this.#tools
    const scope = `one attempt of ${place}`
    const error = sluiceError('SLUICE_ENRICH_TIMEOUT', { node, limit: policy.timeoutMs, scope })
    metrics.timeout.value++
    // Abort first, so that the socket is closed before anybody acts on the outcome.
    this.abort(error)
    this.#failed(error, true)
  }

  #failed(error: unknown, timedOut = false): void {
    if (this.#state !== 'calling') return
    if (this.#hedge !== undefined && !timedOut) {
      // A second call may still answer.
      this.#failure = error ?? new Error('no reason given')
      return
    }
    // What says that repeating gives the same (an HTTP 400) is about the request, not about the endpoint.
    this.#givePass(isRetriable(error) ? 'failed' : 'ok')
    if (error instanceof CallError && error.throttled) this.#tools.pacer?.limiter.refused(error.retryAfterMs)
    if (!this.#is('calling')) return
    this.#over(error)
    if (!timedOut) this.#tools.metrics.error.value++
    // A batch that took too long says nothing of one of its requests.
    if (this.#batch === undefined) this.lead.failed(this, error, true)
    else this.#failAll(this.#batch, error, timedOut)
    this.#tools.slots.release(this)
  }

  #failAll(batch: readonly Rider[], error: unknown, timedOut = false): void {
    const alone = timedOut || batch.length === 1
    const { slots } = this.#tools
    const again = batch.filter((rider) => !slots.closed && rider.failed(this, error, alone))
    if (again.length === 0) return
    this.#tools.metrics.bisected!.value++
    const middle = Math.ceil(again.length / 2)
    for (const half of [again.slice(0, middle), again.slice(middle)]) {
      if (half.length > 0) new Trip(this.#tools, half[0]!, half).resume()
    }
  }

  #second(): void {
    this.#hedgeAlarm = undefined
    Hedge.start(this.#tools, this, (hedge) => {
      this.#hedge = hedge
    })
  }

  #endHedge(): void {
    this.#hedgeAlarm?.cancel()
    this.#hedgeAlarm = undefined
    const hedge = this.#hedge
    this.#hedge = undefined
    hedge?.abandon()
  }

  /** @param error why it did not succeed */
  #over(error: unknown): void {
    this.#state = 'over'
    this.#endHedge()
    this.end()
    this.span?.end(error)
    this.#alarm?.cancel()
    this.#alarm = undefined
    const { clock, concurrency, hedges, meter, metrics } = this.#tools
    const ms = clock.monotonic() - this.#startedAt
    metrics.latency.observe(ms)
    if (error === undefined) hedges?.answered(ms)
    if (concurrency === undefined) return
    // A refusal of the request itself came as fast as an answer does.
    if (error === undefined || !isRetriable(error)) concurrency.answered(meter, this.#startedAt, ms)
    else concurrency.failed()
  }
}

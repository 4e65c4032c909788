/**
 * A second call beside one that takes long: whichever answers first counts, the other is aborted. It is made only where it
 * takes nothing from anybody: a free slot, a call left in the rate limit, a closed circuit breaker, and within its budget.
 */
import { sluiceError } from '../core/errors.ts'
import type { HedgePolicy } from './hedge-policy.ts'
import { Attempt } from './attempt.ts'
import type { Pass } from './breaker.ts'
import { LatencyQuantile } from './latency-quantile.ts'
import { isPromiseLike } from './promise-like.ts'
import type { SlotUser } from './slots.ts'
import { TokenBudget } from './token-budget.ts'
import type { BranchTools, Rider } from './tools.ts'

/** What is saved up at most: a burst of slow calls must not double the load of a service that is in trouble. */
const MOST_SAVED = 10

/** When second calls of a source may be made, in one task. */
export class Hedges {
  readonly #policy: HedgePolicy
  readonly #latency: LatencyQuantile | undefined
  readonly #budget: TokenBudget

  constructor(policy: HedgePolicy) {
    this.#policy = policy
    this.#latency = policy.afterMs === undefined ? new LatencyQuantile(policy.quantile) : undefined
    this.#budget = new TokenBudget(policy.budget, MOST_SAVED, 0)
  }

  /** A call is made. @returns ms after which a second one would help; undefined: not known yet */
  called(): number | undefined {
    this.#budget.earn()
    return this.#policy.afterMs ?? this.#latency!.value
  }

  answered(ms: number): void {
    this.#latency?.observe(ms)
  }

  take(): boolean {
    return this.#budget.take()
  }
}

/** The attempt a second call is for. */
export interface Hedged {
  readonly lead: Rider
  /** Makes the call. */
  ask(context: Attempt): unknown
  hedgeAnswered(hedge: Hedge, value: unknown): void
  hedgeFailed(hedge: Hedge, error: unknown): void
}

export class Hedge extends Attempt implements SlotUser {
  readonly #tools: BranchTools
  readonly #hedged: Hedged
  #pass: Pass | undefined
  #startedAt = 0
  #over = false

  private constructor(tools: BranchTools, hedged: Hedged) {
    super(tools, hedged.lead)
    this.#tools = tools
    this.#hedged = hedged
  }

  /** Makes a second call if nothing speaks against it. @param made told before the call is made, since it may answer at once */
  static start(tools: BranchTools, hedged: Hedged, made: (hedge: Hedge) => void): void {
    const { gate, hedges, metrics, pacer, slots } = tools
    if (slots.running >= slots.limit || slots.waiting > 0) return
    if (gate !== undefined && gate.breaker.state !== 'closed') return
    if (pacer !== undefined && !pacer.limiter.take()) return
    if (!hedges!.take()) {
      pacer?.limiter.giveBack()
      return
    }
    metrics.hedges!.value++
    const hedge = new Hedge(tools, hedged)
    made(hedge)
    slots.request(hedge)
  }

  begin(): void {
    const { clock, gate } = this.#tools
    this.#pass = gate?.breaker.enter()
    this.#startedAt = clock.monotonic()
    this.span = this.#hedged.lead.trace?.child(this.#tools.place, { 'sluice.hedge': 1 })
    let answer: unknown
    try {
      answer = this.#hedged.ask(this)
    } catch (error) {
      this.#failed(error)
      return
    }
    if (!isPromiseLike(answer)) {
      this.#answered(answer)
      return
    }
    answer.then(
      (value) => this.#answered(value),
      (error: unknown) => this.#failed(error),
    )
  }

  /** Its answer is not wanted any more. */
  abandon(): void {
    if (this.#over) return
    this.#end('cancelled')
    const reason = sluiceError('SLUICE_CLOSED', { what: `second call of ${this.#tools.place}` })
    this.abort(reason)
    this.span?.end(reason)
    this.#tools.slots.release(this)
  }

  #answered(value: unknown): void {
    if (this.#over) return
    this.#end('ok')
    this.span?.end()
    this.#hedged.hedgeAnswered(this, value)
    this.#tools.slots.release(this)
  }

  #failed(error: unknown): void {
    if (this.#over) return
    // The first call tells whether the endpoint is well: a second one must not count its failure twice.
    this.#end('cancelled')
    this.span?.end(error)
    this.#hedged.hedgeFailed(this, error)
    this.#tools.slots.release(this)
  }

  #end(outcome: 'ok' | 'cancelled'): void {
    this.#over = true
    const { clock, gate } = this.#tools
    if (this.#pass !== undefined) gate!.leave(this.#pass, outcome, clock.monotonic() - this.#startedAt)
    this.#pass = undefined
  }
}

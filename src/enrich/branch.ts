/**
 * One source as a task asks it: cache first, then an equal call under way, then a call of its own.
 * It must never call the user's code for a record that was answered already.
 */
import type { AsyncHost } from '../core/async-operator.ts'
import type { Broker } from '../core/broker.ts'
import type { Clock } from '../core/clock.ts'
import { problemOf, sluiceError } from '../core/errors.ts'
import type { SluiceError } from '../core/errors.ts'
import type { HttpClient } from '../core/http.ts'
import type { Random } from '../core/random.ts'
import type { Bytes } from '../core/record.ts'
import type { Alarms } from './alarms.ts'
import { idempotencyKeyOf } from './attempt.ts'
import type { Breakers, Gate } from './breakers.ts'
import { AnswerCache } from './cache.ts'
import { Call } from './call.ts'
import { Flights } from './coalesce.ts'
import type { Concurrency } from './concurrency.ts'
import { Effects } from './effects.ts'
import type { Question } from './entry.ts'
import { freezeDeep } from './freeze.ts'
import { decodeAnswer, encodeAnswer } from './kept-answer.ts'
import type { Limiters, Pacer } from './limiters.ts'
import { Hedges } from './hedge.ts'
import { BatchLobby } from './lobby.ts'
import type { Meter } from './meter.ts'
import { sourceMetrics } from './metrics.ts'
import type { SourceMetrics } from './metrics.ts'
import type { SourcePolicy } from './policy.ts'
import type { Slots } from './slots.ts'
import type { Source } from './sources/source.ts'
import type { RetryBudgets } from './retry-budgets.ts'
import type { TokenBudget } from './token-budget.ts'
import type { BranchTools, Hedging, Identified, Lobby } from './tools.ts'

/** A source with its policy, at definition. */
export interface BranchDefinition {
  readonly name: string
  readonly source: Source
  readonly policy: SourcePolicy
}

/** Marks a write whose effect is not known: the key says all. */
const PENDING: Bytes = new Uint8Array([1])

/** What fails together: an HTTP origin, or else the source by its name. */
export function endpointOf({ name, source }: BranchDefinition): string {
  return source.endpoint ?? name
}

/** What sources of an operator share in a task. */
export interface Shared {
  readonly slots: Slots
  readonly alarms: Alarms
  readonly concurrency: Concurrency | undefined
}

/** What sources of an operator share by endpoint, on all tasks of an instance. */
export interface Endpoints {
  readonly breakers: Breakers
  readonly limiters: Limiters
  readonly retryBudgets: RetryBudgets
}

export class Branch implements BranchTools {
  readonly node: string
  readonly task: string
  readonly place: string
  readonly source: Source
  readonly policy: SourcePolicy
  readonly clock: Clock
  readonly random: Random
  readonly http: HttpClient | undefined
  readonly broker: Broker | undefined
  readonly slots: Slots
  readonly alarms: Alarms
  readonly concurrency: Concurrency | undefined
  readonly meter: Meter
  readonly metrics: SourceMetrics
  readonly gate: Gate | undefined
  readonly pacer: Pacer | undefined
  readonly hedges: Hedging | undefined
  readonly retryBudget: TokenBudget | undefined
  readonly effects: Effects | undefined
  readonly lobby: Lobby | undefined
  readonly #host: AsyncHost
  readonly #cache: AnswerCache | undefined
  readonly #flights: Flights<Call> | undefined
  /** Calls nobody waits for. */
  readonly #refreshes = new Flights<Call>()

  constructor(
    definition: BranchDefinition,
    host: AsyncHost,
    { slots, alarms, concurrency }: Shared,
    meter: Meter,
    { breakers, limiters, retryBudgets }: Endpoints,
  ) {
    const { batch, breaker, hedge, rate, retry } = definition.policy
    const endpoint = endpointOf(definition) || host.node
    this.node = host.node
    this.task = host.task
    this.place = definition.name === '' ? host.node : `${host.node} ${definition.name}`
    this.source = definition.source
    this.policy = definition.policy
    this.clock = host.clock
    this.random = host.random
    this.http = host.http
    this.broker = host.broker
    this.slots = slots
    this.alarms = alarms
    this.concurrency = concurrency
    this.meter = meter
    this.metrics = sourceMetrics(host, definition.name, definition.policy, this.source.kind === 'write')
    this.hedges = hedge === undefined ? undefined : new Hedges(hedge)
    this.retryBudget = retry.budget === undefined ? undefined : retryBudgets.of(host, endpoint, retry.budget)
    this.effects = this.source.kind === 'write' ? new Effects() : undefined
    this.lobby = batch === undefined ? undefined : new BatchLobby(this, batch)
    this.gate = breaker === undefined ? undefined : breakers.gate(host, endpoint, breaker)
    this.pacer = rate === undefined ? undefined : limiters.pacer(host, endpoint, rate)
    this.#cache = this.policy.cache === undefined ? undefined : new AnswerCache(this.policy.cache, host.clock)
    this.#flights = this.policy.coalesce ? new Flights<Call>() : undefined
    this.source.hold?.(host)
    this.#host = host
  }

  /** Answers the question, now or later. */
  ask(question: Question): void {
    const { record } = question.ticket
    let request: unknown
    let identity: string | undefined
    try {
      request = this.source.request(record.value, record.key, record)
      if (request !== undefined) identity = this.#identify(question, request)
    } catch (cause) {
      question.failed(this.#refused(question, cause))
      return
    }
    if (request === undefined) {
      this.metrics.skipped.value++
      question.answered(null)
      return
    }
    question.identity = identity
    if (identity === undefined || !this.#share(question, request, identity))
      this.#call(question, request, identity)
  }

  /** Answers from the cache or joins an equal call. */
  #share(question: Question, request: unknown, identity: string): boolean {
    if (this.#cache !== undefined) {
      const kept = this.#cache.get(identity)
      if (kept !== undefined) {
        this.metrics.hits.value++
        if (!this.#cache.isFresh(kept)) this.#refresh(question, request, identity)
        question.answered(kept.value)
        return true
      }
      this.metrics.misses.value++
    }
    const flight = this.#flights?.find(identity)
    if (flight === undefined) return false
    this.metrics.coalesced.value++
    question.call = flight
    flight.join(question)
    return true
  }

  /** Asks again for an answer that is past its time and given all the same. Nobody waits for it. */
  #refresh({ ticket, deadlineAt }: Question, request: unknown, identity: string): void {
    this.metrics.stale!.value++
    if (this.#refreshes.find(identity) !== undefined) return
    const nobody = {
      // What it takes is not counted for the record.
      ticket: { ...ticket, attempts: 0 },
      deadlineAt,
      span: undefined,
      answered: () => undefined,
      failed: () => undefined,
    }
    const call = new Call(this, request, identity, nobody)
    this.#refreshes.started(identity, call)
    this.#flights?.started(identity, call)
    call.start()
  }

  #call(question: Question, request: unknown, identity: string | undefined): void {
    const call = new Call(this, request, identity, question)
    this.retryBudget?.earn()
    question.call = call
    if (identity !== undefined) this.#flights?.started(identity, call)
    call.start()
  }

  keep(call: Identified, value: unknown): unknown {
    const { identity } = call
    if (identity === undefined || (this.#cache === undefined && this.#flights === undefined)) return value
    this.ended(call)
    const shared = freezeDeep(value)
    this.#cache?.put(identity, shared)
    return shared
  }

  ended(call: Identified): void {
    if (call.identity === undefined) return
    this.#flights?.ended(call.identity, call)
    this.#refreshes.ended(call.identity, call)
  }

  /** An answer past its time that is better than a failure. */
  insteadOfError({ identity }: Question): { readonly value: unknown } | undefined {
    if (identity === undefined || this.#cache === undefined) return undefined
    const kept = this.#cache.insteadOfError(identity)
    if (kept !== undefined) this.metrics.stale!.value++
    return kept
  }

  /** The error of a question nobody asks any more: of a write that may have had its effect it says so. */
  final({ ticket, identity }: Question, error: SluiceError): SluiceError {
    if (this.effects === undefined) return error
    const key = idempotencyKeyOf(this, { leader: ticket, identity })
    if (!this.effects.givenUp(key)) return error
    this.metrics.uncertain!.value++
    const problem = error.message
    return sluiceError('SLUICE_ENRICH_UNCERTAIN', { node: this.place, key, problem }, error)
  }

  /** Hands over what must survive a restart. @param name of this source among those of the operator */
  save(name: string, write: (key: string, value: Bytes | null) => void): void {
    this.#cache?.save((key, kept) => {
      write(`cache ${name}\n${key}`, (kept === undefined ? undefined : encodeAnswer(kept)) ?? null)
    })
    this.effects?.save((key, pending) => write(`effect ${name}\n${key}`, pending ? PENDING : null))
  }

  load(kind: string, key: string, value: Bytes): void {
    if (kind === 'effect') this.effects?.load(key)
    if (kind !== 'cache') return
    const answer = decodeAnswer(value)
    if (answer !== undefined) this.#cache?.load(key, freezeDeep(answer.value), answer.answeredAt)
  }

  close(): void {
    this.gate?.breaker.forgetAll(this)
    this.pacer?.limiter.forgetAll(this)
    this.#flights?.clear()
    this.#refreshes.clear()
    this.source.release?.(this.#host)
  }

  #identify({ ticket }: Question, request: unknown): string | undefined {
    const { record } = ticket
    if (this.policy.key !== undefined)
      return this.policy.key(record.value as never, record.key as never, record)
    if (this.source.identity !== undefined) return this.source.identity(request)
    return this.policy.keyed ? (ticket.orderKey ?? undefined) : undefined
  }

  #refused({ ticket }: Question, cause: unknown): ReturnType<typeof sluiceError> {
    const { topic, partition, offset } = ticket.record
    const problem = problemOf(cause)
    return sluiceError('SLUICE_PROCESSING', { node: this.place, topic, partition, offset, problem }, cause)
  }
}

/** What the calls of one source work with in one task, made by `branch.ts`; and how a call and its attempts see each other. */
import type { Ticket } from '../core/async-operator.ts'
import type { Broker } from '../core/broker.ts'
import type { Clock } from '../core/clock.ts'
import type { SluiceError } from '../core/errors.ts'
import type { HttpClient } from '../core/http.ts'
import type { Random } from '../core/random.ts'
import type { Span } from '../core/trace.ts'
import type { Alarms } from './alarms.ts'
import type { Gate } from './breakers.ts'
import type { Concurrency } from './concurrency.ts'
import type { Effects } from './effects.ts'
import type { Pacer } from './limiters.ts'
import type { Meter } from './meter.ts'
import type { SourceMetrics } from './metrics.ts'
import type { SourcePolicy } from './policy.ts'
import type { Slots } from './slots.ts'
import type { Source } from './sources/source.ts'
import type { TokenBudget } from './token-budget.ts'

/** A call by the text that stands for its request. */
export interface Identified {
  readonly identity: string | undefined
}

/** A call as an attempt sees it that carries its request, alone or with others. */
export interface Rider extends Identified {
  readonly request: unknown
  /** The record that asked first: attempts go by its place and belong to its trace. */
  readonly leader: Ticket
  readonly trace: Span | undefined
  /** Number of the next attempt; 1 is the first. */
  readonly attempt: number
  /** On the monotonic clock: nobody waits for the answer any longer. */
  readonly lastDeadline: number
  /** It is carried by this attempt from now on. */
  boards(carrier: Carrier): void
  /** Ignored unless the carrier is the current one. */
  answered(carrier: Carrier, value: unknown): void
  /**
   * The attempt failed. Ignored unless the carrier is the current one.
   * @param alone the failure is about this request, not about all of a batch
   * @returns true if it wants to be asked for in a smaller batch before it gives up
   */
  failed(carrier: Carrier, error: unknown, alone: boolean): boolean
  /** It was not asked for at all, and no attempt is counted. */
  refused(carrier: Carrier, error: SluiceError): void
}

/** An attempt as a call sees it. */
export interface Carrier {
  /** Why it is not made now, while the circuit breaker or the rate limit holds it. */
  readonly heldBack: SluiceError | undefined
  /** A call does not want it any more; without any left it is aborted. */
  leave(rider: Rider): void
}

/** Where the requests of a source with batches meet. */
export interface Lobby {
  board(rider: Rider): void
  /** Nobody boards it any more. */
  closed(carrier: Carrier): void
}

/** When second calls may be made. */
export interface Hedging {
  called(): number | undefined
  answered(ms: number): void
  take(): boolean
}

export interface BranchTools {
  readonly node: string
  readonly task: string
  /** `node source`, for messages. */
  readonly place: string
  readonly source: Source
  readonly policy: SourcePolicy
  readonly clock: Clock
  readonly random: Random
  readonly http: HttpClient | undefined
  readonly broker: Broker | undefined
  readonly slots: Slots
  readonly alarms: Alarms
  /** Told how calls went, where something is sized by it. */
  readonly concurrency: Concurrency | undefined
  readonly meter: Meter
  readonly metrics: SourceMetrics
  /** The circuit breaker of the endpoint; undefined without one. */
  readonly gate: Gate | undefined
  /** The rate limit of the endpoint; undefined without one. */
  readonly pacer: Pacer | undefined
  /** Second calls; undefined without any. */
  readonly hedges: Hedging | undefined
  /** Retries as a share of calls; undefined: as many as each call may have. */
  readonly retryBudget: TokenBudget | undefined
  /** Writes whose effect is not known; undefined for reads. */
  readonly effects: Effects | undefined
  /** Undefined where each request goes alone. */
  readonly lobby: Lobby | undefined
  /** Keeps an answer; gives back what the waiters get. Nobody joins the call afterwards. */
  keep(call: Identified, value: unknown): unknown
  /** Nobody joins the call any more. */
  ended(call: Identified): void
}

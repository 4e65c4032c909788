/** What the calls of one source work with in one task; made by `branch.ts`. */
import type { Clock } from '../core/clock.ts'
import type { HttpClient } from '../core/http.ts'
import type { Random } from '../core/random.ts'
import type { Alarms } from './alarms.ts'
import type { Gate } from './breakers.ts'
import type { SourceMetrics } from './metrics.ts'
import type { SourcePolicy } from './policy.ts'
import type { Slots } from './slots.ts'
import type { Source } from './sources/source.ts'

/** A call by the text that stands for its request. */
export interface Identified {
  readonly identity: string | undefined
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
  readonly slots: Slots
  readonly alarms: Alarms
  readonly metrics: SourceMetrics
  /** The circuit breaker of the endpoint; undefined without one. */
  readonly gate: Gate | undefined
  /** Keeps an answer; gives back what the waiters get. Nobody joins the call afterwards. */
  keep(call: Identified, value: unknown): unknown
  /** Nobody joins the call any more. */
  ended(call: Identified): void
}

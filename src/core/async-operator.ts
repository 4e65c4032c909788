/**
 * The seam between the engine (which alone knows what is safe to commit) and an operator that answers later.
 * The engine admits records in order, keeps them in the in-flight ledger across commits and crashes, and forwards
 * outcomes; the operator decides when to call, retry, give up and in which order outcomes leave. Exactly one outcome a ticket.
 */
import type { Broker } from './broker.ts'
import type { Clock } from './clock.ts'
import type { Bytes, FlowRecord } from './record.ts'
import type { HttpClient } from './http.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { Random } from './random.ts'
import type { Secrets } from './secrets.ts'
import type { SluiceError } from './errors.ts'
import type { Tracer } from './trace.ts'

/** Built once per node; `open` once per task. */
export interface AsyncOperatorFactory {
  /** Total time a record may take, ms: the engine computes the absolute deadline at admission, it survives restarts. */
  readonly deadlineMs: number
  /** What `explain` says of its limits, a line each. */
  explain?(): readonly string[]
  open(host: AsyncHost): AsyncOperator
}

export interface AsyncOperator {
  /**
   * Takes a record. Called on the processing loop, in admission order (restored tickets first); must not throw and must
   * not block. May settle it at once.
   */
  admit(ticket: Ticket): void
  /** True while no further record should be admitted; the engine then stops taking records for this task. Admitting all the same (fan-out, restore) must work. */
  readonly full: boolean
  /**
   * Hands over what must survive restarts beside the records: entries that changed since the last time, `null` for one that
   * is gone. Called on the processing loop at each commit; becomes part of it. Absent: nothing does.
   */
  save?(write: (key: string, value: Bytes | null) => void): void
  /** An entry as the last commit left it. Called before any ticket is admitted. Must not throw. */
  load?(key: string, value: Bytes): void
  /** Aborts every call (AbortSignal) and forgets all tickets. Afterwards `settle` must never be called again. */
  close(): void
}

export interface AsyncHost {
  readonly node: string
  readonly task: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly metrics: Metrics
  /**
   * The instance's HTTP client, shared by its operators; owned and closed by whoever started the instance. Absent where
   * there is no network: an operator with an HTTP source then refuses to open (SLUICE_UNSUPPORTED).
   */
  readonly http?: HttpClient
  /**
   * The instance's connection to its cluster, for sources that ask over topics; owned as `http` is. Absent where there is no
   * broker, as in the test driver.
   */
  readonly broker?: Broker
  /** What headers of requests refer to. Absent in the test driver: there a reference stands for itself. */
  readonly secrets?: Secrets
  /** Absent where no traces are collected. */
  readonly tracer?: Tracer
  /**
   * Hands the one outcome of a ticket to the engine; may be called in any turn, never twice for a ticket. Outcomes are
   * forwarded down the chain in the order of these calls.
   */
  settle(ticket: Ticket, outcome: AsyncOutcome): void
}

/** One admitted record. */
export interface Ticket {
  /** Admission number within node and task; grows over restarts. */
  readonly sequence: number
  readonly record: FlowRecord
  /** Per-key order is kept between tickets of equal orderKey: the record's serialised key as latin1 text; null keys are unordered. */
  readonly orderKey: string | null
  /** Absolute wall-clock ms after which the record must be given up. */
  readonly deadline: number
  /** Attempts made so far, also before a restart. The operator counts on; the engine persists it. */
  attempts: number
}

export type AsyncOutcome =
  | { readonly kind: 'emit'; readonly value: unknown }
  | { readonly kind: 'drop'; readonly reason: string }
  | { readonly kind: 'dead-letter'; readonly error: SluiceError }
  | { readonly kind: 'fail'; readonly error: SluiceError }

/**
 * What can be asked: the contract between the operator, which owns retries, timeouts, limits, cache and order, and a
 * source, which only knows how to ask once. A source must never retry or time out by itself.
 */
import type { AsyncHost } from '../../core/async-operator.ts'
import type { Broker } from '../../core/broker.ts'
import type { Duration } from '../../core/duration.ts'
import type { HttpClient } from '../../core/http.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { BatchOptions } from '../batch-policy.ts'
import type { BreakerOptions } from '../breaker-policy.ts'
import type { HedgeOptions } from '../hedge-policy.ts'
import type { Quota } from '../rate-limiter.ts'
import type { Rate, RateOptions } from '../rate-policy.ts'
import type { RetryOptions } from '../retry.ts'

/**
 * A source of answers. Shared by all tasks: it keeps no state per task.
 * `Request` is whatever `request` makes and `call` takes.
 */
export interface Source<Answer = unknown, Value = unknown, Request = unknown> {
  /** For messages and metrics; default: the name of the field it fills. */
  readonly name?: string
  /** A `write` has effects: never cached, never coalesced by itself, and one call a key at a time by default. */
  readonly kind: 'read' | 'write'
  readonly options?: SourceOptions
  /** What fails together, for the circuit breaker: the origin for HTTP; default: the name of the source. */
  readonly endpoint?: string
  /** Set when `call` uses `context.http`. */
  readonly needsHttp?: boolean
  /**
   * What to ask for a record. `undefined`: nothing to ask, the answer is null. Called once a record, before any call.
   * What it throws goes to the record's fallback or failure policy; it is not retried.
   */
  request(value: Value, key: unknown, record: FlowRecord): Request | undefined
  /** Equal texts = equal answers; `undefined`: not comparable. Absent: requests can't be told apart by themselves. */
  identity?(request: Request): string | undefined
  /**
   * Asks once. The answer may come at once (no promise) or later. `null` means "there is none". A rejection or throw is
   * a failed attempt; throw a CallError to say whether and when to try again.
   */
  call(request: Request, context: CallContext): Answer | PromiseLike<Answer>
  /**
   * Asks for several at once; present where the service can. Gives an answer for each request, in their order; an Error in
   * the place of an answer is a failed attempt of that request alone. A rejection or throw fails all of them: those it
   * would be the last attempt of are asked for again in halves, so that one bad request does not spoil the others.
   */
  callMany?(
    requests: readonly Request[],
    context: BatchContext,
  ): readonly (Answer | Error)[] | PromiseLike<readonly (Answer | Error)[]>
  /**
   * A task begins to use the source. It must not connect yet: a service that is down must not keep a task from
   * opening. Only a wrong configuration may stop the start (SLUICE_CONFIG_…). Each is followed by one `release`.
   */
  hold?(host: AsyncHost): void
  /** That task has ended; after the last one the source closes its connections, and makes new ones if it is held again. */
  release?(host: AsyncHost): void
}

/** What a call knows of itself. */
export interface CallContext {
  /** Aborted at the timeout, at the record's deadline and when the task closes. Made when first read. */
  readonly signal: AbortSignal
  /** 1 for the first attempt; counts on over restarts. */
  readonly attempt: number
  /**
   * The same for every attempt of a record, also after a restart. Differs between records, unless one source record
   * became several with equal key and equal request.
   */
  readonly idempotencyKey: string
  readonly http: HttpClient
  /** The cluster the application runs on. @throws SLUICE_UNSUPPORTED where there is none */
  readonly broker: Broker
  /** Makes the receiver of a request part of the record's trace (`traceparent`); undefined where none is collected. */
  readonly traceHeaders?: Readonly<Record<string, string>> | undefined
  /** Tells what the service still allows, as it said itself; undefined where no `rate` is given. */
  readonly quota?: ((quota: Quota) => void) | undefined
  /** Wall clock, ms since 1970. */
  now(): number
}

/** What a call for several requests knows of itself. `attempt` and `traceHeaders` are those of the first one. */
export interface BatchContext extends Omit<CallContext, 'idempotencyKey'> {
  /** One for each request, in their order. */
  readonly idempotencyKeys: readonly string[]
}

/** How a source is asked. */
export interface SourceOptions {
  /** For messages and metrics. */
  readonly name?: string
  /** Limit of one attempt; default 2s. */
  readonly timeout?: Duration
  /** Retries after the first attempt, default 3, or all about them. */
  readonly retry?: number | RetryOptions
  /** Keeps answers: for how long, or all about it. Default off. */
  readonly cache?: Duration | CacheOptions
  /** Equal requests under way share one call. Default: on for reads whose requests can be told apart. */
  readonly coalesce?: boolean
  /** Asks for several requests at once, for sources that can (default on, `{ size: 100, wait: 0 }`); `false`: one by one. */
  readonly batch?: boolean | BatchOptions
  /**
   * Stops asking an endpoint that mostly fails, and tries it again after a while; `true`: with all defaults. Default off.
   * Sources of an operator with the same endpoint share one breaker on all tasks of the instance.
   */
  readonly breaker?: boolean | BreakerOptions
  /**
   * Most calls in a time, for instance `100/s`, of all tasks of an instance that ask this endpoint; others wait in order. A
   * Retry-After or RateLimit header of the service that allows less is followed. `auto`: only those. Default: no limit.
   */
  readonly rate?: Rate | RateOptions
  /**
   * Makes a second call beside one that takes longer than most (95 %, `after`), for at most 5 % of calls (`budget`); the first
   * answer counts, the other call is aborted. For reads; `true`: with all defaults. Default off.
   */
  readonly hedge?: boolean | HedgeOptions
}

export interface CacheOptions {
  /** How long an answer is fresh. */
  readonly ttl: Duration
  /** How long "there is none" (null) is believed; default: not at all. */
  readonly negativeTtl?: Duration
  /** How long after `ttl` an answer is still given at once, while it is asked for again in the background; default: not at all. */
  readonly staleWhileRevalidate?: Duration
  /** How long after `ttl` an answer is given when asking failed for good, before `fallback`; default: not at all. */
  readonly staleIfError?: Duration
  /** Most answers kept per task; default 10,000, least recently used out first. */
  readonly maxEntries?: number
  /** About the most bytes of answers kept per task; default: no limit. */
  readonly maxBytes?: number
  /**
   * Answers survive restarts and move with their task, as part of its commits; those that are plain JSON, as of the last
   * commit. Default off.
   */
  readonly persist?: boolean
  /** What answers are kept under; default: the source's own identity of the request, or else the record's key. */
  readonly key?: CacheKey
}

/** `undefined`: neither cached nor coalesced. */
export type CacheKey = (value: never, key: never, record: FlowRecord) => string | undefined

/** A plain function is a source; it reads. */
export type SourceFunction<Answer = unknown, Value = unknown, Key = unknown> = (
  value: Value,
  key: Key,
  call: CallContext,
) => Answer

export type SourceLike<Value = never, Key = never> =
  | SourceFunction<unknown, Value, Key>
  | Source<unknown, Value>

/** Options of a function source. */
export interface FunctionOptions extends SourceOptions {
  /** Default `read`. */
  readonly kind?: 'read' | 'write'
}

/**
 * A function as a source with options of its own.
 * @example
 * import { source } from 'sluice/enrich'
 *
 * type Order = { customer: string }
 * const names = new Map([['u1', 'Ada']])
 * const customer = source(async (order: Order) => names.get(order.customer) ?? null, {
 *   timeout: '500ms',
 *   cache: { ttl: '1m', key: (order) => (order as Order).customer },
 * })
 */
export function source<Answer, Value = unknown, Key = unknown>(
  ask: SourceFunction<Answer, Value, Key>,
  options: FunctionOptions = {},
): Source<Awaited<Answer>, Value, FlowRecord<Key, Value>> {
  const { kind = 'read', ...rest } = options
  return {
    kind,
    options: rest,
    ...(options.name === undefined ? {} : { name: options.name }),
    // The record itself is the request: nothing to allocate.
    request: (_value, _key, record) => record as FlowRecord<Key, Value>,
    call: (record, context) =>
      ask(record.value, record.key, context) as Awaited<Answer> | PromiseLike<Awaited<Answer>>,
  }
}

/** Asks for several records at once: an answer or an Error for each, in their order. */
export type BatchFunction<Answer = unknown, Value = unknown, Key = unknown> = (
  values: readonly Value[],
  call: BatchContext,
  keys: readonly Key[],
) => readonly (Answer | Error)[] | PromiseLike<readonly (Answer | Error)[]>

/**
 * A function that answers several records at once (`IN (…)`, `MGET`, a bulk endpoint) as a source. The operator collects
 * the records; the function gives an answer for each, in their order, or an Error for one that failed alone.
 * @example
 * import { batchSource } from 'sluice/enrich'
 *
 * type Order = { customer: string }
 * const names = new Map([['u1', 'Ada']])
 * const customer = batchSource((orders: readonly Order[]) => orders.map((one) => names.get(one.customer) ?? null), {
 *   batch: { size: 50, wait: '5ms' },
 * })
 */
export function batchSource<Answer, Value = unknown, Key = unknown>(
  ask: BatchFunction<Answer, Value, Key>,
  options: FunctionOptions = {},
): Source<Exclude<Answer, Error>, Value, FlowRecord<Key, Value>> {
  const { kind = 'read', ...rest } = options
  const callMany = (
    records: readonly FlowRecord<Key, Value>[],
    context: BatchContext,
  ): ReturnType<typeof ask> =>
    ask(
      records.map(({ value }) => value),
      context,
      records.map(({ key }) => key),
    )
  return {
    kind,
    options: rest,
    ...(options.name === undefined ? {} : { name: options.name }),
    request: (_value, _key, record) => record as FlowRecord<Key, Value>,
    async call(record, context) {
      const [answer] = await callMany([record], contextOfOne(context))
      if (answer instanceof Error) throw answer
      return answer as Exclude<Answer, Error>
    },
    callMany: callMany as NonNullable<
      Source<Exclude<Answer, Error>, Value, FlowRecord<Key, Value>>['callMany']
    >,
  }
}

function contextOfOne(context: CallContext): BatchContext {
  return {
    get signal() {
      return context.signal
    },
    get http() {
      return context.http
    },
    get broker() {
      return context.broker
    },
    attempt: context.attempt,
    idempotencyKeys: [context.idempotencyKey],
    traceHeaders: context.traceHeaders,
    quota: context.quota,
    now: () => context.now(),
  }
}

/**
 * What enrichment counts, per node, task and source. Names:
 * `enrich-calls-total` (label outcome: ok, error, timeout, aborted), `enrich-call-latency-ms`, `enrich-retries-total`,
 * `enrich-late-completions-total`, `enrich-cache-hits-total`, `enrich-cache-misses-total`, `enrich-coalesced-total`,
 * `enrich-skipped-total`, `enrich-fallbacks-total`, and with batches `enrich-batch-size`, `enrich-batch-partial-total`,
 * `enrich-batch-bisected-total`, with second calls `enrich-hedges-total`, `enrich-hedges-won-total`, with a retry budget
 * `enrich-retries-refused-total`, `enrich-cache-stale-total`, for writes `enrich-effects-uncertain-total`; per node and task only: `enrich-in-flight` (calls),
 * `enrich-pending` (records), `enrich-held` (answered, waiting for their turn), `enrich-concurrency-limit`,
 * `enrich-pending-limit`, `enrich-pending-bytes`, `enrich-effects-pending`, `enrich-limited-by`, `enrich-deadline-misses-total`,
 * `enrich-dead-letters-total`, `enrich-drops-total`; per node and endpoint: `enrich-breaker-state`, `enrich-breaker-held`,
 * `enrich-breaker-opened-total`, `enrich-breaker-refused-total`, `enrich-rate-limit`, `enrich-rate-waiting`. Timeouts are the calls with outcome timeout.
 */
import type { AsyncHost } from '../core/async-operator.ts'
import type { Counter, Histogram } from '../core/metrics.ts'
import { LIMITING_FACTORS } from './limiting-factor.ts'
import type { LimitingFactor } from './limiting-factor.ts'
import type { SourcePolicy } from './policy.ts'

export interface SourceMetrics {
  readonly ok: Counter
  readonly error: Counter
  readonly timeout: Counter
  readonly aborted: Counter
  readonly latency: Histogram
  readonly retries: Counter
  readonly late: Counter
  readonly hits: Counter
  readonly misses: Counter
  readonly coalesced: Counter
  readonly skipped: Counter
  readonly fallbacks: Counter
  /** Answers that do not fit their schema. */
  readonly unfit: Counter
  /** Requests of a batch; undefined where each goes alone, as the two below. */
  readonly batchSize: Histogram | undefined
  readonly partial: Counter | undefined
  readonly bisected: Counter | undefined
  /** Second calls, and those that answered first; undefined without any. */
  readonly hedges: Counter | undefined
  readonly hedgesWon: Counter | undefined
  /** Retries the budget did not allow; undefined without one. */
  readonly retriesRefused: Counter | undefined
  /** Answers past their time; undefined where none are given. */
  readonly stale: Counter | undefined
  /** Writes given up whose effect is not known; undefined for reads. */
  readonly uncertain: Counter | undefined
}

export interface OperatorMetrics {
  readonly deadlineMisses: Counter
  readonly deadLetters: Counter
  readonly drops: Counter
}

export interface BreakerMetrics {
  readonly opened: Counter
  readonly refused: Counter
}

export interface BreakerLevels {
  /** 0 closed, 1 half-open, 2 open. */
  state(): number
  held(): number
}

/** Values read when somebody asks. */
export interface OperatorLevels {
  inFlight(): number
  pending(): number
  held(): number
  /** Most calls under way and most records waiting, as they are now, and bytes of those that wait. */
  limit(): number
  window(): number
  bytes(): number
  /** Writes whose effect is not known. */
  effects(): number
  limitedBy(): LimitingFactor
}

export function sourceMetrics(
  { node, task, metrics }: AsyncHost,
  source: string,
  { batch, cache, hedge, retry }: SourcePolicy,
  writes: boolean,
): SourceMetrics {
  const aged = cache !== undefined && cache.staleWhileRevalidateMs + cache.staleIfErrorMs > 0
  const batches = batch !== undefined
  const hedged = hedge !== undefined
  const labels = { node, task, source }
  const calls = (outcome: string): Counter => metrics.counter('enrich-calls-total', { ...labels, outcome })
  return {
    ok: calls('ok'),
    error: calls('error'),
    timeout: calls('timeout'),
    aborted: calls('aborted'),
    latency: metrics.histogram('enrich-call-latency-ms', labels),
    retries: metrics.counter('enrich-retries-total', labels),
    late: metrics.counter('enrich-late-completions-total', labels),
    hits: metrics.counter('enrich-cache-hits-total', labels),
    misses: metrics.counter('enrich-cache-misses-total', labels),
    coalesced: metrics.counter('enrich-coalesced-total', labels),
    skipped: metrics.counter('enrich-skipped-total', labels),
    fallbacks: metrics.counter('enrich-fallbacks-total', labels),
    unfit: metrics.counter('enrich-schema-refused-total', labels),
    batchSize: batches ? metrics.histogram('enrich-batch-size', labels) : undefined,
    partial: batches ? metrics.counter('enrich-batch-partial-total', labels) : undefined,
    bisected: batches ? metrics.counter('enrich-batch-bisected-total', labels) : undefined,
    hedges: hedged ? metrics.counter('enrich-hedges-total', labels) : undefined,
    hedgesWon: hedged ? metrics.counter('enrich-hedges-won-total', labels) : undefined,
    retriesRefused:
      retry.budget === undefined ? undefined : metrics.counter('enrich-retries-refused-total', labels),
    stale: aged ? metrics.counter('enrich-cache-stale-total', labels) : undefined,
    uncertain: writes ? metrics.counter('enrich-effects-uncertain-total', labels) : undefined,
  }
}

/** Of the whole instance: its tasks share the breaker. */
export function breakerMetrics(
  { node, metrics }: AsyncHost,
  endpoint: string,
  levels: BreakerLevels,
): BreakerMetrics {
  const labels = { node, endpoint }
  metrics.gauge('enrich-breaker-state', () => levels.state(), labels)
  metrics.gauge('enrich-breaker-held', () => levels.held(), labels)
  return {
    opened: metrics.counter('enrich-breaker-opened-total', labels),
    refused: metrics.counter('enrich-breaker-refused-total', labels),
  }
}

/** Of the whole instance, as breakers are. */
export function limiterMetrics(
  { node, metrics }: AsyncHost,
  endpoint: string,
  levels: { rate(): number; waiting(): number },
): void {
  const labels = { node, endpoint }
  metrics.gauge('enrich-rate-limit', () => levels.rate(), labels)
  metrics.gauge('enrich-rate-waiting', () => levels.waiting(), labels)
}

export function operatorMetrics(host: AsyncHost, levels: OperatorLevels): OperatorMetrics {
  const { node, task, metrics } = host
  const labels = { node, task }
  metrics.gauge('enrich-in-flight', () => levels.inFlight(), labels)
  metrics.gauge('enrich-pending', () => levels.pending(), labels)
  metrics.gauge('enrich-held', () => levels.held(), labels)
  metrics.gauge('enrich-concurrency-limit', () => levels.limit(), labels)
  metrics.gauge('enrich-pending-limit', () => levels.window(), labels)
  metrics.gauge('enrich-pending-bytes', () => levels.bytes(), labels)
  metrics.gauge('enrich-effects-pending', () => levels.effects(), labels)
  for (const factor of LIMITING_FACTORS)
    metrics.gauge('enrich-limited-by', () => (levels.limitedBy() === factor ? 1 : 0), { ...labels, factor })
  return {
    deadlineMisses: metrics.counter('enrich-deadline-misses-total', labels),
    deadLetters: metrics.counter('enrich-dead-letters-total', labels),
    drops: metrics.counter('enrich-drops-total', labels),
  }
}

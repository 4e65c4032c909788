/** What the live view shows, taken out of metrics at one moment. Plain numbers, so that a picture can be tested. */
import type { Sample } from '../../core/metrics.ts'

export interface ViewSample {
  readonly application: string
  readonly state: string
  readonly tasks: number
  /** Monotonic, ms; only differences mean something. */
  readonly at: number
  readonly processed: number
  readonly lag: number
  readonly commits: number
  readonly restarts: number
  readonly dropped: number
  /** By topic. */
  readonly produced: Readonly<Record<string, number>>
  /** By node that asks the outside world; empty when none does. */
  readonly nodes: Readonly<Record<string, NodeSample>>
  /** All that were written since the start. */
  readonly deadLetters: number
  /** The latest first. */
  readonly latestDeadLetters: readonly ShownDeadLetter[]
}

export interface NodeSample {
  readonly inFlight: number
  readonly answered: number
  /** Errors and timeouts of single attempts. */
  readonly failed: number
  readonly retries: number
  readonly cacheHits: number
  readonly cacheMisses: number
  readonly fallbacks: number
  /** Circuit breakers that are not closed. */
  readonly breakers: readonly ShownBreaker[]
  /** Median and 99th percentile of a call, ms; the slowest source counts. */
  readonly p50: number
  readonly p99: number
}

export interface ShownBreaker {
  readonly endpoint: string
  readonly state: 'open' | 'half-open'
  /** Calls that wait for it. */
  readonly held: number
}

export interface ShownDeadLetter {
  /** `orders-0@17`. */
  readonly place: string
  readonly code: string
  readonly message: string
}

/** Everything that is not a number of the metrics. */
export type ViewFacts = Pick<ViewSample, 'application' | 'state' | 'tasks' | 'at' | 'latestDeadLetters'>

/** One pass over the samples. */
export function viewSample(samples: readonly Sample[], facts: ViewFacts): ViewSample {
  const total = (name: string): number => sum(samples.filter((sample) => sample.name === name))
  const produced = samples.filter(({ name }) => name === 'records-produced-total')
  const asking = samples.filter(
    ({ name, labels }) => name.startsWith('enrich-') && labels['node'] !== undefined,
  )
  return {
    ...facts,
    processed: total('process-total'),
    lag: total('records-lag'),
    commits: total('commit-total'),
    restarts: total('worker-restarts-total'),
    dropped: total('dropped-records-total'),
    deadLetters: total('dead-letter-records-total'),
    produced: Object.fromEntries(
      [...Map.groupBy(produced, ({ labels }) => labels['topic'] ?? '')].map(([topic, all]) => [
        topic,
        sum(all),
      ]),
    ),
    nodes: Object.fromEntries(
      [...Map.groupBy(asking, ({ labels }) => labels['node']!)].map(([node, all]) => [node, nodeSample(all)]),
    ),
  }
}

function nodeSample(samples: readonly Sample[]): NodeSample {
  const total = (name: string, outcome?: string): number =>
    sum(
      samples.filter(
        (sample) => sample.name === name && (outcome === undefined || sample.labels['outcome'] === outcome),
      ),
    )
  const latency = (quantile: string): number =>
    Math.max(
      0,
      ...samples
        .filter(({ name, labels }) => name === 'enrich-call-latency-ms' && labels['quantile'] === quantile)
        .map(({ value }) => value),
    )
  return {
    inFlight: total('enrich-in-flight'),
    answered: total('enrich-calls-total', 'ok'),
    failed: total('enrich-calls-total', 'error') + total('enrich-calls-total', 'timeout'),
    retries: total('enrich-retries-total'),
    cacheHits: total('enrich-cache-hits-total'),
    cacheMisses: total('enrich-cache-misses-total'),
    fallbacks: total('enrich-fallbacks-total'),
    breakers: breakersOf(samples),
    p50: latency('0.5'),
    p99: latency('0.99'),
  }
}

function breakersOf(samples: readonly Sample[]): readonly ShownBreaker[] {
  const held = samples.filter(({ name }) => name === 'enrich-breaker-held')
  return samples
    .filter(({ name, value }) => name === 'enrich-breaker-state' && value > 0)
    .map(({ labels, value }) => ({
      endpoint: labels['endpoint'] ?? '',
      state: value === 2 ? 'open' : 'half-open',
      held: sum(held.filter((sample) => sample.labels['endpoint'] === labels['endpoint'])),
    }))
}

function sum(samples: readonly Sample[]): number {
  return samples.reduce((all, { value }) => all + value, 0)
}

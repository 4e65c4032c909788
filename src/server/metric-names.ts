/**
 * Every metric Sluice exposes, with its meaning and the name Kafka Streams (or its consumer) has for the same thing. Over HTTP a
 * name becomes `sluice_` and underscores. `docs/metrics.md` is this list; a test compares it with what a run exposes.
 */

export interface MetricInfo {
  readonly type: 'counter' | 'gauge' | 'summary'
  readonly help: string
  /** The metric of Kafka Streams that counts the same. */
  readonly kafkaStreams?: string
}

export const METRICS: Readonly<Record<string, MetricInfo>> = {
  state: {
    type: 'gauge',
    help: '1 for the state the application is in, 0 for the others.',
    kafkaStreams: 'state',
  },
  'process-total': {
    type: 'counter',
    help: 'Source records processed, by task.',
    kafkaStreams: 'process-total',
  },
  'records-produced-total': {
    type: 'counter',
    help: 'Records written by sinks and repartitions, by task, node and topic; what an abort drops is counted again.',
    kafkaStreams: 'records-produced-total',
  },
  'records-lag': {
    type: 'gauge',
    help: 'Readable records of a source partition that are not processed yet.',
    kafkaStreams: 'records-lag',
  },
  'commit-total': { type: 'counter', help: 'Commits.', kafkaStreams: 'commit-total' },
  'commit-latency-ms': {
    type: 'summary',
    help: 'Milliseconds from the close of a generation to its end.',
    kafkaStreams: 'commit-latency-avg',
  },
  'dropped-records-total': {
    type: 'counter',
    help: 'Records dropped by rule (null keys, late records), by task and node.',
    kafkaStreams: 'dropped-records-total',
  },
  'window-results-lost-total': {
    type: 'counter',
    help: 'Windows that closed without a final result: behind the retention at once, by task and node.',
  },
  'dead-letter-records-total': {
    type: 'counter',
    help: 'Records written to the dead-letter topic, by task.',
  },
  'restore-records-total': {
    type: 'counter',
    help: 'Changes read back from changelogs.',
    kafkaStreams: 'restore-total',
  },
  'standby-update-total': {
    type: 'counter',
    help: 'Changes that stand-by tasks took over from changelogs, by task.',
    kafkaStreams: 'update-total',
  },
  'worker-replacements-total': {
    type: 'counter',
    help: 'Workers replaced after an error that repeating cannot cure (`onUncaughtError`).',
    kafkaStreams: 'failed-stream-threads',
  },
  'worker-restarts-total': {
    type: 'counter',
    help: 'Times the worker started anew after a failure that passes, by error code.',
  },
  'in-flight-records': { type: 'gauge', help: 'Records that wait for an answer, by task and node.' },
  'enrich-calls-total': {
    type: 'counter',
    help: 'Calls by outcome (ok, error, timeout, aborted), task, node and source.',
  },
  'enrich-call-latency-ms': { type: 'summary', help: 'Milliseconds of a call.' },
  'enrich-retries-total': { type: 'counter', help: 'Attempts after the first.' },
  'enrich-late-completions-total': { type: 'counter', help: 'Answers that came after their timeout.' },
  'enrich-cache-hits-total': { type: 'counter', help: 'Answers out of the cache.' },
  'enrich-cache-misses-total': { type: 'counter', help: 'Answers the cache did not have.' },
  'enrich-coalesced-total': { type: 'counter', help: 'Records that shared the call of another one.' },
  'enrich-skipped-total': { type: 'counter', help: 'Records for which a source was not asked.' },
  'enrich-fallbacks-total': { type: 'counter', help: 'Records that got the fallback.' },
  'enrich-schema-refused-total': {
    type: 'counter',
    help: 'Answers that did not fit the schema of their source.',
  },
  'enrich-batch-size': { type: 'summary', help: 'Requests of a batch, of sources that answer several.' },
  'enrich-batch-partial-total': {
    type: 'counter',
    help: 'Requests of a batch that failed while the batch as a whole did not.',
  },
  'enrich-batch-bisected-total': {
    type: 'counter',
    help: 'Failed batches that were asked for again in halves, to find the request that spoils them.',
  },
  'enrich-hedges-total': { type: 'counter', help: 'Second calls beside slow ones.' },
  'enrich-hedges-won-total': { type: 'counter', help: 'Second calls that answered first.' },
  'enrich-retries-refused-total': {
    type: 'counter',
    help: 'Calls that failed for good because the retry budget was used up.',
  },
  'enrich-cache-stale-total': {
    type: 'counter',
    help: 'Answers given past their time: while they were asked for again, or instead of an error.',
  },
  'enrich-effects-pending': {
    type: 'gauge',
    help: 'Writes that were sent and not answered yet, by task and node; also those of before a restart.',
  },
  'enrich-effects-uncertain-total': {
    type: 'counter',
    help: 'Writes given up that may have had their effect: dead letters with SLUICE_ENRICH_UNCERTAIN, or fallbacks.',
  },
  'enrich-in-flight': { type: 'gauge', help: 'Calls under way, by task and node.' },
  'enrich-pending': { type: 'gauge', help: 'Records taken and not finished, by task and node.' },
  'enrich-held': { type: 'gauge', help: 'Records answered that wait for their turn, by task and node.' },
  'enrich-concurrency-limit': {
    type: 'gauge',
    help: 'Most calls under way now, by task and node; moves within the bounds of `concurrency`.',
  },
  'enrich-pending-limit': { type: 'gauge', help: 'Most records taken and not finished, by task and node.' },
  'enrich-pending-bytes': {
    type: 'gauge',
    help: 'Bytes of records taken and not finished, by task and node.',
  },
  'enrich-limited-by': {
    type: 'gauge',
    help: '1 for what keeps a task from asking faster now, 0 for the others: none, concurrency, rate, breaker, hot-key, window, bytes; by task and node.',
  },
  'enrich-deadline-misses-total': { type: 'counter', help: 'Records whose total deadline passed.' },
  'enrich-dead-letters-total': { type: 'counter', help: 'Records that went to the dead letters for a call.' },
  'enrich-breaker-state': {
    type: 'gauge',
    help: 'Circuit breaker: 0 closed, 1 half-open, 2 open; by node and endpoint, shared by the tasks of the instance.',
  },
  'enrich-breaker-held': {
    type: 'gauge',
    help: 'Calls that wait until the circuit breaker lets them through, by node and endpoint.',
  },
  'enrich-breaker-opened-total': {
    type: 'counter',
    help: 'Times the circuit breaker opened; once an outage, failed probes do not count.',
  },
  'enrich-breaker-refused-total': {
    type: 'counter',
    help: 'Times a call was held or given up because the circuit breaker was open.',
  },
  'enrich-rate-limit': {
    type: 'gauge',
    help: 'Calls a second the rate limit lets through now, by node and endpoint; 0 while the service wants a pause.',
  },
  'enrich-rate-waiting': {
    type: 'gauge',
    help: 'Calls that wait for their turn under the rate limit, by node and endpoint.',
  },
  'enrich-drops-total': { type: 'counter', help: 'Records dropped for a failed call, by option.' },
}

/** The list as a markdown table. */
export function documentMetrics(): string {
  const rows = Object.entries(METRICS).map(
    ([name, { type, help, kafkaStreams }]) =>
      `| \`${exposedName(name)}\` | ${type} | ${kafkaStreams === undefined ? '' : `\`${kafkaStreams}\``} | ${help} |`,
  )
  return ['| metric | type | in Kafka Streams | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

/** `process-total` → `sluice_process_total`. */
export function exposedName(name: string): string {
  return `sluice_${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}`
}

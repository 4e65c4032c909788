/**
 * What `explain` says of an operator: its limits as arithmetic (Little's law, the bound of a hot key, the rate), and where
 * another pattern would serve better. It knows the options only, so it shows what follows for latencies one may have.
 */
import type { BranchDefinition } from './branch.ts'
import type { OperatorDefinition } from './operator.ts'

const LATENCIES_MS = [5, 50, 200] as const
/** Share of the records with the most frequent of 10,000 keys, if frequency falls with rank (Zipf 1.0). */
const HOT_SHARE = 0.102
/** Answers believed for so long could as well be a table. */
const HOUR_MS = 3_600_000

export function adviceOf(definition: OperatorDefinition): readonly string[] {
  return [
    little(definition),
    ...hotKey(definition),
    ...definition.branches.flatMap((branch) => branchAdvice(branch, definition)),
  ]
}

function little({ concurrency, window }: OperatorDefinition): string {
  const [calls, bounds] =
    typeof concurrency === 'number'
      ? [concurrency, `${concurrency} calls`]
      : [concurrency.max, `${concurrency.min} to ${concurrency.max} calls`]
  const rates = LATENCIES_MS.map((ms) => `${number((calls * 1000) / ms)}/s at ${ms} ms a call`)
  const records = number(window.records ?? calls * window.perSlot)
  return `a task has at most ${bounds} under way: ${rates.join(', ')} (calls / seconds a call); ${records} records wait at most${window.records === undefined ? ' to begin with' : ''}`
}

function hotKey({ order, branches }: OperatorDefinition): readonly string[] {
  if (order !== 'key-serial') return []
  const bounds = LATENCIES_MS.map((ms) => `${number(1000 / (HOT_SHARE * ms))}/s at ${ms} ms`)
  const line = `order key-serial: one call of a key at a time, so a key with 10 % of the records bounds all to ${bounds.join(', ')} (1 / (share × seconds a call)), whatever the concurrency`
  const reads = branches.every(({ source }) => source.kind === 'read')
  return reads
    ? [line, "its sources only read: order 'key' has no such bound, and results leave in the same order"]
    : [line]
}

function branchAdvice(branch: BranchDefinition, definition: OperatorDefinition): readonly string[] {
  const { name, policy, source } = branch
  const { rate, batch, cache, retry, timeoutMs } = policy
  const of = name === '' ? '' : `${name}: `
  const lines: string[] = []
  if (rate?.perMs !== undefined) {
    const perSecond = rate.perMs * 1000
    const records = batch === undefined ? '' : `, ${number(perSecond * batch.size)} records with full batches`
    lines.push(
      `${of}rate: at most ${number(perSecond)} calls/s an instance${records}, whatever the concurrency`,
    )
  }
  const longest = (retry.retries + 1) * timeoutMs
  if (longest > definition.deadlineMs) {
    lines.push(
      `${of}${retry.retries + 1} attempts of ${timeoutMs} ms take up to ${longest} ms, and the deadline is ${definition.deadlineMs} ms: the last ones are never made against a service that hangs`,
    )
  }
  if (cache !== undefined && cache.ttlMs >= HOUR_MS) {
    lines.push(
      `${of}answers are believed for ${cache.ttlMs / HOUR_MS} h: if the data can be had as a topic, a table join costs microseconds, works while the service is down and is as fresh as the topic`,
    )
  }
  if (source.kind === 'read' && cache === undefined && !policy.coalesce)
    lines.push(`${of}neither cached nor shared: a key that comes again is asked for again`)
  return lines
}

/** Three digits are enough, and no fraction of a call. */
function number(value: number): string {
  const rounded = value >= 10 ? Math.round(value) : Number(value.toPrecision(2))
  return rounded.toLocaleString('en')
}

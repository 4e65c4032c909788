/** Compares what a read_committed reader finds with what a scenario expects. It reports; it never repairs an expectation. */
import type { Guarantee } from '../../engine/runtime/options.ts'
import type { Lanes, ObservedRecord, ScenarioInput, ScenarioOutput } from './scenario.ts'

export interface Difference {
  readonly topic: string
  readonly lane: string
  readonly kind: 'lost' | 'duplicated' | 'wrong'
  readonly detail: string
}

/** Differences of one output topic, at most one per lane; empty = equal. */
export function verifyOutput(
  output: ScenarioOutput,
  records: readonly ObservedRecord[],
  inputs: readonly ScenarioInput[],
  partitions: number,
  guarantee: Guarantee,
): readonly Difference[] {
  if (guarantee === 'at-least-once' && !output.survivesReplay) return []
  const expected = output.expected(inputs, partitions)
  const found = lanesOf(output, records)
  const differences: Difference[] = []
  for (const lane of new Set([...expected.keys(), ...found.keys()])) {
    const wanted = expected.get(lane) ?? []
    const raw = found.get(lane) ?? []
    const got = guarantee === 'at-least-once' ? withoutReplays(raw) : raw
    const difference = compareLane(output.compare, wanted, got)
    if (difference !== undefined) differences.push({ topic: output.topic, lane, ...difference })
  }
  return differences
}

function lanesOf(output: ScenarioOutput, records: readonly ObservedRecord[]): Lanes {
  const lanes = new Map<string, string[]>()
  for (const record of records) {
    const { lane, item } = output.observe(record)
    const items = lanes.get(lane) ?? []
    lanes.set(lane, items)
    items.push(item)
  }
  return lanes
}

/** First occurrences only: what at-least-once promises. */
function withoutReplays(items: readonly string[]): readonly string[] {
  return [...new Set(items)]
}

type LaneDifference = Omit<Difference, 'topic' | 'lane'>

function compareLane(
  compare: ScenarioOutput['compare'],
  wanted: readonly string[],
  got: readonly string[],
): LaneDifference | undefined {
  if (compare === 'last') return compareLast(wanted, got)
  const left = compare === 'set' ? wanted.toSorted() : wanted
  const right = compare === 'set' ? got.toSorted() : got
  if (left.length === right.length && left.every((item, index) => item === right[index])) return undefined
  const missing = without(wanted, got)
  if (missing.length > 0) return { kind: 'lost', detail: describe(wanted, got, missing) }
  const extra = without(got, wanted)
  const known = new Set(wanted)
  const duplicated = extra.length > 0 && extra.every((item) => known.has(item))
  return { kind: duplicated ? 'duplicated' : 'wrong', detail: describe(wanted, got, extra) }
}

function compareLast(wanted: readonly string[], got: readonly string[]): LaneDifference | undefined {
  if (wanted.at(-1) === got.at(-1)) return undefined
  return {
    kind: got.length === 0 ? 'lost' : 'wrong',
    detail: `last ${got.at(-1)} instead of ${wanted.at(-1)}`,
  }
}

/** Multiset difference. */
function without(items: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>()
  for (const item of others) left.set(item, (left.get(item) ?? 0) + 1)
  return items.filter((item) => {
    const count = left.get(item) ?? 0
    left.set(item, count - 1)
    return count <= 0
  })
}

const SHOWN = 12

function describe(wanted: readonly string[], got: readonly string[], about: readonly string[]): string {
  const at = wanted.findIndex((item, index) => item !== got[index])
  const from = Math.max(0, at - 2)
  const window = (items: readonly string[]): string => items.slice(from, from + SHOWN).join(' ')
  return `${about.length} items (${about.slice(0, 5).join(' ')}); from ${from}: expected ${window(wanted)} | got ${window(got)}`
}

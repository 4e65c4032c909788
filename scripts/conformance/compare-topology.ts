/** Compares what a topology is made of with what Kafka Streams made of it: its description, internal topics and co-partition groups. */
import type { Plan } from '../../src/engine/topology/plan.ts'
import { describe } from '../../src/engine/topology/describe.ts'
import type { Golden } from './case.ts'

/** What of a case was compared, as columns of the table. */
export type Aspect = 'outputs' | 'stores' | 'describe' | 'topics' | 'internal' | 'take-over'

export interface Difference {
  readonly aspect: Aspect
  readonly text: string
}

export function topologyDifferences(plan: Plan, golden: Golden): readonly Difference[] {
  return [...describeDifferences(plan, golden), ...topicDifferences(plan, golden)]
}

function describeDifferences(plan: Plan, golden: Golden): readonly Difference[] {
  if (golden.describe === undefined) return []
  const [wanted, came] = [linesOf(golden.describe), linesOf(describe(plan))]
  const at = Array.from({ length: Math.max(wanted.length, came.length) }, (_, index) => index).find(
    (index) => wanted[index] !== came[index],
  )
  if (at === undefined) return []
  return [
    { aspect: 'describe', text: `describe, line ${at + 1}: expected "${wanted[at]}", came "${came[at]}"` },
  ]
}

/** A topic chosen per record is shown by Java as an object at its address. */
function linesOf(text: string): readonly string[] {
  return text
    .trimEnd()
    .replaceAll(/extractor class: .*\)$/gm, 'extractor class)')
    .split('\n')
}

function topicDifferences(plan: Plan, { internalTopics, copartition }: Golden): readonly Difference[] {
  const found: Difference[] = []
  const came = new Map(
    plan.internalTopics.map(({ name, role, partitions, config }) => [
      name,
      shown({ type: role, partitions, config }),
    ]),
  )
  const wanted = new Map(Object.entries(internalTopics ?? {}).map(([name, topic]) => [name, shown(topic)]))
  for (const name of new Set([...wanted.keys(), ...came.keys()])) {
    if (wanted.get(name) === came.get(name)) continue
    const text = `topic ${name}: expected ${wanted.get(name) ?? 'none'}, came ${came.get(name) ?? 'none'}`
    found.push({ aspect: 'topics', text })
  }
  if (copartition === undefined) return found
  const [wantedGroups, cameGroups] = [groups(copartition), groups(plan.counted?.copartition ?? [])]
  if (wantedGroups !== cameGroups)
    found.push({
      aspect: 'topics',
      text: `co-partition groups: expected ${wantedGroups}, came ${cameGroups}`,
    })
  return found
}

function shown(topic: {
  readonly type: string
  readonly partitions?: number | undefined
  readonly config?: Readonly<Record<string, string>> | undefined
}): string {
  const config = Object.entries(topic.config ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([topic.type, topic.partitions ?? 'any', config])
}

/** A group of one topic asks for nothing. */
function groups(of: readonly (readonly string[])[]): string {
  const several = of.filter((group) => group.length > 1)
  return JSON.stringify(several.map((group) => group.toSorted().join(',')).toSorted())
}

/**
 * Puts a repartition topic in front of stateful consumers whose key may have changed (rules R1, R2, R3 of Kafka
 * Streams): flag-based, only at the consumer, never for sinks. It must not look at what operators do, only at their data.
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { PartitionedInput, SinkSpec, TopologyNode } from './node.ts'
import { Names, repartitionTopic } from './names.ts'
import { writeTo } from './sink.ts'
import { untouched } from './builder.ts'

/** @param nodes in topological order; the answer is, too. @throws SLUICE_NAME_TAKEN for equal repartition names */
export function insertRepartitions(
  application: string,
  nodes: readonly TopologyNode[],
): readonly TopologyNode[] {
  const flagged = flaggedNodes(nodes)
  const relaxed = aboveNullKeyJoins(nodes)
  const names = new Names('repartition topic')
  const made = new Map<string, PartitionedInput>()
  const result: TopologyNode[] = []
  for (const node of nodes) {
    const moved = new Map<string, string>()
    for (const input of node.partitioned ?? []) {
      if (input.always !== true && !flagged.has(input.parent)) continue
      moved.set(input.parent, `${input.name}-repartition-source`)
      if (sameRepartition(made.get(input.name), input)) continue
      names.claim(input.name, node.name)
      made.set(input.name, input)
      result.push(...repartitionNodes(application, input, relaxed.has(node.name)))
    }
    result.push(moved.size === 0 ? node : rewire(node, moved))
  }
  return result
}

/** Two consumers of one branch may share a topic by giving it one name. */
function sameRepartition(known: PartitionedInput | undefined, input: PartitionedInput): boolean {
  return (
    known !== undefined &&
    known.parent === input.parent &&
    known.key.format === input.key.format &&
    known.value.format === input.value.format &&
    known.partitions === input.partitions &&
    known.partition === input.partition
  )
}

/** Nodes whose output may be keyed otherwise than its partition says. */
function flaggedNodes(nodes: readonly TopologyNode[]): ReadonlySet<string> {
  const flagged = new Set<string>()
  for (const node of nodes) {
    const partitioned = (node.partitioned?.length ?? 0) > 0
    const inherits = !partitioned && node.parents.some((parent) => flagged.has(parent))
    if (node.changesKey === true || inherits) flagged.add(node.name)
  }
  return flagged
}

/** Left joins and all nodes above them: there null keys must survive a repartition. */
function aboveNullKeyJoins(nodes: readonly TopologyNode[]): ReadonlySet<string> {
  const above = new Set<string>()
  for (const node of nodes.toReversed()) {
    if (node.allowsNullKey === true) above.add(node.name)
    if (above.has(node.name)) for (const parent of node.parents) above.add(parent)
  }
  return above
}

function repartitionNodes(application: string, input: PartitionedInput, nullKeys: boolean): TopologyNode[] {
  const base = `${input.name}-repartition`
  const { key, value, partition } = input
  const topic = repartitionTopic(application, input.name)
  const sink: SinkSpec = { topic, key, value, internal: true, ...(partition && { partition }) }
  const chooses = partition === undefined ? {} : { reads: 'both' as const }
  const filter: TopologyNode = {
    name: `${base}-filter`,
    kind: 'repartition-filter',
    parents: [input.parent],
    build: dropNullKeys,
    ...untouched,
  }
  const above = nullKeys ? input.parent : filter.name
  return [
    ...(nullKeys ? [] : [filter]),
    {
      name: `${base}-sink`,
      kind: 'sink',
      parents: [above],
      sink,
      build: writeTo(sink),
      ...untouched,
      ...chooses,
    },
    {
      name: `${base}-source`,
      kind: 'source',
      parents: [],
      source: { topics: [topic], key, value, internal: true },
      ...untouched,
    },
  ]
}

/** A null key has no partition of its own: state by key could never find it again. */
const dropNullKeys: BuildProcessor = (context) => {
  const { next } = context
  return {
    process: (record) => {
      if (record.key === null || record.key === undefined)
        context.drop(record, 'null key before a repartition')
      else next(record)
    },
  }
}

/** A node with other parents wherever it names them. */
export function rewire(node: TopologyNode, moved: ReadonlyMap<string, string>): TopologyNode {
  const rename = (name: string): string => moved.get(name) ?? name
  return {
    ...node,
    parents: node.parents.map(rename),
    partitioned: (node.partitioned ?? []).map((input) => ({ ...input, parent: rename(input.parent) })),
    ...(node.copartitions === undefined ? {} : { copartitions: node.copartitions.map(rename) }),
    ...(node.needsOldValues === undefined ? {} : { needsOldValues: node.needsOldValues.map(rename) }),
  }
}

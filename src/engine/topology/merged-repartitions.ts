/**
 * Puts one repartition topic behind a key change in place of several further down: what `merge.repartition.topics` decided on
 * Kafka Streams' graph, done to ours. It decides nothing itself.
 */
import type { PartitionedInput, TopologyNode } from './node.ts'
import type { MergedRepartition } from './kafka-streams/optimize.ts'
import { rewire } from './repartition.ts'
import { untouched } from './builder.ts'

/** @param nodes as drawn; those below a key change take their records from a node that always repartitions */
export function mergeRepartitions(
  nodes: readonly TopologyNode[],
  merged: readonly MergedRepartition[],
): readonly TopologyNode[] {
  return merged.reduce(mergeOne, nodes)
}

function mergeOne(nodes: readonly TopologyNode[], merged: MergedRepartition): readonly TopologyNode[] {
  const { below, name, moved, replaced } = merged
  const gone = new Set(replaced.map((topic) => topic.replace(/-repartition$/, '')))
  const isReplaced = (input: PartitionedInput): boolean => gone.has(input.name) || input.name === name
  const first = nodes.flatMap((node) => node.partitioned ?? []).find((input) => input.name === name)
  if (first === undefined) return nodes
  const input: PartitionedInput = { ...first, parent: below, always: true }
  const through: TopologyNode = {
    name: `${name}-merged`,
    kind: 'repartition',
    parents: [below],
    partitioned: [input],
    build: ({ next }) => ({ process: next }),
    ...untouched,
  }
  const moves = new Set(moved)
  const result: TopologyNode[] = []
  for (const node of nodes) {
    const takes =
      node.parents.includes(below) &&
      (moves.has(node.name) ||
        (node.partitioned ?? []).some((one) => one.parent === below && isReplaced(one)))
    result.push(takes ? rewire(node, new Map([[below, through.name]])) : node)
    if (node.name === below) result.push(through)
  }
  return result
}

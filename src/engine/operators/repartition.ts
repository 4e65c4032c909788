/** repartition: always through an internal topic, so that what follows is partitioned by the current key. */
import { untouched } from '../topology/builder.ts'
import type { PartitionedInput, TopologyNode } from '../topology/node.ts'

export function repartition(name: string, input: Omit<PartitionedInput, 'always'>): TopologyNode {
  return {
    name,
    kind: 'repartition',
    parents: [input.parent],
    partitioned: [{ ...input, always: true }],
    ...untouched,
    ...(input.partition === undefined ? {} : { reads: 'both' as const }),
    build: ({ next }) => ({ process: next }),
  }
}

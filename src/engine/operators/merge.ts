/** merge: several streams as one, interleaved as they come, without a promise of order between them. */
import { untouched } from '../topology/builder.ts'
import type { TopologyNode } from '../topology/node.ts'

export function merge(name: string, parents: readonly string[]): TopologyNode {
  // A stream merged with itself is itself, as in Kafka Streams.
  const once = [...new Set(parents)]
  return { name, kind: 'merge', parents: once, ...untouched, build: ({ next }) => ({ process: next }) }
}

/**
 * Tables read from a topic that keep no changelog of their own: the topic is one. It must keep the last value of each key
 * (be compacted, or kept forever), which nobody here can see.
 */
import type { TopologyNode } from './node.ts'

/** The first table of each topic of the user's; a second one would be restored from the same partition. */
export function reuseSourceTopics(nodes: readonly TopologyNode[]): readonly TopologyNode[] {
  const sources = new Map(
    nodes.flatMap((node) => (node.source === undefined ? [] : [[node.name, node.source]])),
  )
  const taken = new Set<string>()
  return nodes.map((node) => {
    const source = node.kind === 'table' ? sources.get(node.parents[0]!) : undefined
    const [topic, second] = source?.topics ?? []
    if (topic === undefined || second !== undefined || source?.internal === true || taken.has(topic))
      return node
    taken.add(topic)
    const stores = node.stores?.map((store) => Object.freeze({ ...store, sourceChangelog: topic }))
    return stores === undefined ? node : { ...node, stores }
  })
}

/**
 * What `topology.optimization` changes in a graph, and the building of the physical topology from it: duplicate sources become
 * one, repartition topics behind one key change are merged, joins of a stream with itself share a store.
 */
import { addChild, removeChild } from './graph.ts'
import type { GraphNode, StreamsGraph } from './graph.ts'
import { PhysicalTopology } from './physical.ts'
import { repartitionFacts, repartitionName, repartitionNode } from './repartitions.ts'

/** One topic in place of several, right below the node that changes the key. */
export interface MergedRepartition {
  /** Nodes whose keys it repartitions: one, or those above a merge. */
  readonly below: string
  /** The topic's name without `-repartition`: that of the first. */
  readonly name: string
  /** Nodes moved below it, other than the consumers of the repartitions that went. */
  readonly moved: readonly string[]
  /** Names of the repartitions that went, in the same way. */
  readonly replaced: readonly string[]
}

/** Reading a topic as two streams is reading it once. */
export function mergeSources({ root }: StreamsGraph): void {
  const first = new Map<string, GraphNode>()
  for (const node of root.children) {
    if (node.sourceTopics === undefined) continue
    const id = [...node.sourceTopics].toSorted().join(',')
    const main = first.get(id)
    if (main === undefined) {
      first.set(id, node)
      continue
    }
    for (const child of node.children) {
      removeChild(node, child)
      addChild(main, child)
    }
    removeChild(root, node)
  }
}

/** Repartitions by the key change right above them, with no change of values in between. */
function repartitionsByKeyChange({ added }: StreamsGraph): Map<GraphNode, Set<GraphNode>> {
  const byKeyChange = new Map<GraphNode, Set<GraphNode>>()
  for (const node of added) {
    if (node.keyChanging) {
      byKeyChange.set(node, new Set())
      continue
    }
    if (node.repartition?.optimizable !== true) continue
    const changer = findParent(node, (one) => one.keyChanging)
    const changing = findParent(node, (one) => one.keyChanging || one.valueChanging)
    if (changer !== undefined && changer === changing) byKeyChange.get(changer)!.add(node)
  }
  return byKeyChange
}

/** A merge of several key changes counts as the key change, if all their repartitions are below it. */
function moveToMerges({ added }: StreamsGraph, byKeyChange: Map<GraphNode, Set<GraphNode>>): void {
  const above = new Map<GraphNode, GraphNode[]>()
  for (const merge of new Set(added.filter((node) => node.merge))) {
    above.set(merge, [])
    for (const [changer, repartitions] of byKeyChange) {
      const all = [...repartitions].every((one) => findParent(one, isBelow(merge)) !== undefined)
      if (all && findParent(merge, isBelow(changer)) !== undefined) above.get(merge)!.push(changer)
    }
  }
  const gone = new Set<GraphNode>()
  for (const [merge, changers] of above) {
    byKeyChange.set(merge, new Set(changers.flatMap((changer) => [...byKeyChange.get(changer)!])))
    for (const changer of changers) gone.add(changer)
  }
  for (const changer of gone) byKeyChange.delete(changer)
}

export function mergeRepartitions(graph: StreamsGraph): readonly MergedRepartition[] {
  const byKeyChange = repartitionsByKeyChange(graph)
  moveToMerges(graph, byKeyChange)
  return [...byKeyChange]
    .filter(([, repartitions]) => repartitions.size > 0)
    .map(([changer, repartitions]) => mergeBelow(graph, changer, [...repartitions]))
}

function mergeBelow(
  graph: StreamsGraph,
  changer: GraphNode,
  repartitions: readonly GraphNode[],
): MergedRepartition {
  const prefix = repartitionName(repartitions[0]!.repartition!)
  const merged = repartitionNode(mergedFacts(graph, repartitions[0]!, prefix))
  merged.priority = changer.priority
  const moved = new Set<string>()
  for (const replaced of repartitions) {
    const child = findParent(replaced, isBelow(changer))!
    moved.add(child.name)
    addChild(merged, child)
    removeChild(changer, child)
    const parents = [...replaced.parents]
    for (const below of replaced.children) for (const parent of parents) addChild(parent, below)
    for (const parent of parents) removeChild(parent, replaced)
    for (const below of replaced.children) removeChild(replaced, below)
    replaceSource(graph, replaced.name, merged.name)
  }
  addChild(changer, merged)
  const replaced = repartitions.map((one) => repartitionName(one.repartition!))
  return { below: changer.name, name: prefix, moved: [...moved], replaced }
}

/** The topic keeps its name; the nodes around it are named after the topic, which is never a generated name of a node. */
function mergedFacts(
  graph: StreamsGraph,
  first: GraphNode,
  prefix: string,
): ReturnType<typeof repartitionFacts> {
  return { ...repartitionFacts(graph, `${prefix}-repartition`, true), topic: first.repartition!.topic }
}

function replaceSource({ copartitions }: StreamsGraph, old: string, next: string): void {
  for (const sources of copartitions) if (sources.delete(old)) sources.add(next)
}

/** A join of a stream with itself keeps its records once. */
export function shareSelfJoins({ root }: StreamsGraph): readonly string[] {
  const seen = new Set<GraphNode>()
  const shared: string[] = []
  const visit = (node: GraphNode): void => {
    seen.add(node)
    if (node.selfJoin !== undefined && node.parents.size === 1) {
      const [parent] = node.parents
      const other = [...parent!.children].find(({ name }) => name === node.selfJoin!.otherWindowed)
      if (other !== undefined) removeChild(parent!, other)
      node.selfJoin.enabled = true
      shared.push(node.name)
    }
    for (const child of node.children) if (!seen.has(child)) visit(child)
  }
  visit(root)
  return shared
}

/** Nodes in the order of their priority, none before its parents. */
export function buildPhysical({ root }: StreamsGraph): PhysicalTopology {
  const topology = new PhysicalTopology()
  const written = new Set<GraphNode>()
  const waiting = new Set<GraphNode>([root])
  while (waiting.size > 0) {
    const node = [...waiting].reduce((first, one) => (one.priority < first.priority ? one : first))
    waiting.delete(node)
    if (written.has(node) || ![...node.parents].every((parent) => written.has(parent))) continue
    node.write(topology)
    written.add(node)
    for (const child of node.children) waiting.add(child)
  }
  return topology
}

const isBelow =
  (parent: GraphNode) =>
  (node: GraphNode): boolean =>
    node.parents.has(parent)

/** The node itself or one above it; of several parents the last one's answer counts, as in Kafka Streams. */
function findParent(start: GraphNode, matches: (node: GraphNode) => boolean): GraphNode | undefined {
  if (matches(start)) return start
  let found: GraphNode | undefined
  for (const parent of start.parents) {
    if (matches(parent)) return parent
    found = findParent(parent, matches)
  }
  return found
}

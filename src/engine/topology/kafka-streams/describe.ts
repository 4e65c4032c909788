/** The text of Kafka Streams' `Topology.describe()`, of the physical topology that it would have built. */
import { hashOrder } from './hash-order.ts'
import { TreeOrder } from './tree-order.ts'
import type { PhysicalNode, PhysicalTopology } from './physical.ts'

/** A node as it is printed: sorted by how much hangs below it, then by name. */
interface Drawn {
  readonly node: PhysicalNode
  size: number
  readonly before: TreeOrder<Drawn>
  readonly after: TreeOrder<Drawn>
}

export function describeTopology(topology: PhysicalTopology): string {
  const blocks = topology.groups().map((names, id) => describeGroup(topology, names, id))
  return `Topologies:\n ${blocks.map((block) => `  ${block}`).join('')}`
}

function describeGroup(topology: PhysicalTopology, names: readonly string[], id: number): string {
  const global = names.map((name) => topology.globals.get(name)).find((part) => part !== undefined)
  if (global !== undefined) {
    const { source, topic, processor, store } = global
    const reader = `    Source: ${source} (topics: [${topic}])\n      --> ${processor}\n`
    const keeper = `    Processor: ${processor} (stores: [${store}])\n      --> none\n      <-- ${source}\n`
    return `Sub-topology: ${id} for global store (will not generate tasks)\n${reader}${keeper}`
  }
  const drawn = draw(topology, names).toSorted(compare)
  return `Sub-topology: ${id}\n${drawn.map(describeNode).join('')}\n`
}

/** The lists before and after a node are sorted by the sizes known when a neighbour was added, as they are in Java. */
function draw(topology: PhysicalTopology, names: readonly string[]): readonly Drawn[] {
  const order = hashOrder(hashOrder(names))
  const drawn = new Map(
    order.map((name): readonly [string, Drawn] => {
      return [
        name,
        {
          node: topology.nodes.get(name)!,
          size: 1,
          before: new TreeOrder(compare),
          after: new TreeOrder(compare),
        },
      ]
    }),
  )
  for (const one of drawn.values()) {
    for (const name of one.node.predecessors) {
      const predecessor = drawn.get(name)!
      one.before.add(predecessor)
      predecessor.after.add(one)
      grow(predecessor, one.size)
    }
  }
  return [...drawn.values()]
}

function compare(a: Drawn, b: Drawn): number {
  if (a === b) return 0
  if (a.size !== b.size) return b.size - a.size
  return a.node.name < b.node.name ? -1 : 1
}

function grow(one: Drawn, by: number): void {
  one.size += by
  for (const predecessor of one.before.values()) grow(predecessor, by)
}

function describeNode({ node, before, after }: Drawn): string {
  const to = `      --> ${namesOf(after.values())}\n`
  const from = `      <-- ${namesOf(before.values())}\n`
  switch (node.kind) {
    case 'source': {
      const topics = node.pattern ?? `[${hashOrder(node.topics).join(', ')}]`
      return `    Source: ${node.name} (topics: ${topics})\n${to}`
    }
    case 'sink': {
      const topic = node.dynamic === true ? 'extractor class: per record' : `topic: ${node.topics[0]}`
      return `    Sink: ${node.name} (${topic})\n${from}`
    }
    case 'processor':
      return `    Processor: ${node.name} (stores: [${hashOrder(node.stores).join(', ')}])\n${to}${from}`
  }
}

function namesOf(list: readonly Drawn[]): string {
  return list.map(({ node }) => node.name).join(', ') || 'none'
}

/**
 * The logical graph that Kafka Streams' DSL would have drawn: one counter for all names, nodes with the priority in which they
 * were added. It exists for names and descriptions only; nothing in it processes a record.
 */
import type { PhysicalTopology } from './physical.ts'

/** A repartition topic with the nodes around it. */
export interface RepartitionFacts {
  readonly topic: string
  readonly sink: string
  /** Absent in front of an aggregation of a table, which drops nothing. */
  readonly filter?: string
  readonly source: string
  readonly partitions?: number
  /** One that `merge.repartition.topics` may merge with others: everything but the verb `repartition` and tables. */
  readonly optimizable: boolean
}

export interface GraphNode {
  readonly name: string
  readonly parents: Set<GraphNode>
  readonly children: Set<GraphNode>
  priority: number
  readonly keyChanging: boolean
  readonly valueChanging: boolean
  readonly merge: boolean
  readonly repartition?: RepartitionFacts
  /** Topics of a source of streams: equal ones are read by one node. */
  readonly sourceTopics?: readonly string[]
  /** A stream-stream join: how it becomes a self-join. */
  readonly selfJoin?: SelfJoin
  readonly write: (topology: PhysicalTopology) => void
}

export interface SelfJoin {
  readonly thisWindowed: string
  readonly otherWindowed: string
  enabled: boolean
}

export type NodeFacts = { readonly name: string } & Partial<
  Pick<
    GraphNode,
    'keyChanging' | 'valueChanging' | 'merge' | 'repartition' | 'sourceTopics' | 'selfJoin' | 'write'
  >
>

/** Makes a node that hangs nowhere yet. */
export function graphNode(facts: NodeFacts): GraphNode {
  return {
    keyChanging: false,
    valueChanging: false,
    merge: false,
    write: () => undefined,
    ...facts,
    parents: new Set(),
    children: new Set(),
    priority: 0,
  }
}

export function addChild(parent: GraphNode, child: GraphNode): void {
  parent.children.add(child)
  child.parents.add(parent)
}

export function removeChild(parent: GraphNode, child: GraphNode): void {
  parent.children.delete(child)
  child.parents.delete(parent)
}

export class StreamsGraph {
  readonly root: GraphNode = graphNode({ name: 'root' })
  /** In the order in which they were added; those that were added twice (to two parents) twice. */
  readonly added: GraphNode[] = []
  /** Sources, by name of the node, that must have equal partition counts. */
  readonly copartitions: Set<string>[] = []
  #index = 0
  #priority = 0

  /** The next generated name: the prefix and a number of ten digits. */
  next(prefix: string): string {
    return `${prefix}${String(this.#index++).padStart(10, '0')}`
  }

  nextStore(prefix: string): string {
    return this.next(`${prefix}STATE-STORE-`)
  }

  /** What the user gave, or a generated name; a given name uses up a number all the same. */
  named(name: string | undefined, prefix: string): string {
    const generated = this.next(prefix)
    return name ?? generated
  }

  /** As `named`, with something behind the name that was given. */
  suffixed(name: string | undefined, suffix: string, prefix: string): string {
    const generated = this.next(prefix)
    return name === undefined ? generated : `${name}${suffix}`
  }

  /** Hangs a node below its parents. Every edge counts in the order of building. */
  add(parents: readonly GraphNode[], node: GraphNode): GraphNode {
    for (const parent of parents) {
      addChild(parent, node)
      node.priority = this.#priority++
      this.added.push(node)
    }
    return node
  }

  /** Sources that one task reads: their topics must have equal partition counts. */
  copartition(...sources: readonly ReadonlySet<string>[]): Set<string> {
    const all = new Set(sources.flatMap((some) => [...some]))
    this.copartitions.push(new Set(all))
    return all
  }
}

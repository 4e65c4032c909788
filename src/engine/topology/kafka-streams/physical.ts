/**
 * The processors, sources and sinks that Kafka Streams would build of its graph, in the order in which it adds them: the order
 * gives the numbers of sub-topologies. Behaviour is none of its business.
 */
import { sluiceError } from '../../../core/errors.ts'

export interface PhysicalNode {
  readonly name: string
  readonly kind: 'source' | 'processor' | 'sink'
  /** Of a source; of a sink its one topic. */
  readonly topics: readonly string[]
  readonly pattern?: string
  /** A sink whose topic is chosen per record. */
  readonly dynamic?: boolean
  readonly predecessors: readonly string[]
  readonly stores: Set<string>
}

export interface GlobalPart {
  readonly source: string
  readonly processor: string
  readonly store: string
  readonly topic: string
}

export class PhysicalTopology {
  readonly nodes: Map<string, PhysicalNode> = new Map()
  /** By the name of their source. */
  readonly globals: Map<string, GlobalPart> = new Map()
  readonly #groupOf = new Map<string, Set<string>>()
  /** Source by topic. */
  readonly #readers = new Map<string, string>()
  readonly #firstUser = new Map<string, string>()

  /** @throws SLUICE_TOPOLOGY for a topic that another source reads: Kafka Streams has one source per topic */
  source(name: string, topics: readonly string[], pattern?: string): void {
    for (const topic of topics) this.#claim(topic, name)
    this.#add({
      name,
      kind: 'source',
      topics,
      predecessors: [],
      stores: new Set(),
      ...(pattern !== undefined && { pattern }),
    })
  }

  processor(name: string, predecessors: readonly string[]): void {
    this.#add({ name, kind: 'processor', topics: [], predecessors, stores: new Set() })
  }

  /** @param topic undefined: chosen per record */
  sink(name: string, topic: string | undefined, predecessors: readonly string[]): void {
    const topics = topic === undefined ? [] : [topic]
    this.#add({
      name,
      kind: 'sink',
      topics,
      predecessors,
      stores: new Set(),
      ...(topic === undefined && { dynamic: true }),
    })
  }

  /** Processors that share a store run in one task. */
  connect(processor: string, stores: Iterable<string>): void {
    for (const store of stores) {
      this.nodes.get(processor)?.stores.add(store)
      const first = this.#firstUser.get(store)
      if (first === undefined) this.#firstUser.set(store, processor)
      else this.#unite(first, processor)
    }
  }

  global(part: GlobalPart): void {
    this.source(part.source, [part.topic])
    this.processor(part.processor, [part.source])
    this.connect(part.processor, [part.store])
    this.globals.set(part.source, part)
  }

  /** Names of nodes that run in one task, in the order of the first of each. */
  groups(): readonly (readonly string[])[] {
    const sets = [...new Set([...this.nodes.keys()].map((name) => this.#groupOf.get(name)!))]
    return sets.map((group) => [...this.nodes.keys()].filter((name) => group.has(name)))
  }

  #claim(topic: string, source: string): void {
    const first = this.#readers.get(topic)
    this.#readers.set(topic, source)
    if (first === undefined) return
    throw sluiceError('SLUICE_TOPOLOGY', {
      node: source,
      problem: `it reads the topic "${topic}", and so does ${first}: Kafka Streams refuses that`,
      remedy: 'Read the topic once, as a stream or as a table, or leave out naming: kafka-streams.',
    })
  }

  #add(node: PhysicalNode): void {
    this.nodes.set(node.name, node)
    this.#groupOf.set(node.name, new Set([node.name]))
    for (const predecessor of node.predecessors) this.#unite(predecessor, node.name)
  }

  #unite(a: string, b: string): void {
    const [one, other] = [this.#groupOf.get(a), this.#groupOf.get(b)]
    if (one === undefined || other === undefined || one === other) return
    for (const name of other) {
      one.add(name)
      this.#groupOf.set(name, one)
    }
  }
}

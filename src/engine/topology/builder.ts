/**
 * Collects the nodes of a topology. It only adds, names and freezes: whether the whole makes sense is `compile`'s business.
 */
import { sluiceError } from '../../core/errors.ts'
import type { NamedTopology, Optimization } from './kafka-streams/naming.ts'
import type { Serde } from '../../core/serde.ts'
import type { GlobalSpec, SourceSpec, StoreSpec, TopologyNode } from './node.ts'
import { mergedName, Names, stepName } from './names.ts'

/** Nodes in the order in which they were added. */
export interface Topology {
  readonly nodes: readonly TopologyNode[]
  readonly globals?: readonly GlobalSpec[]
  /** Default: nothing is optimised. */
  readonly optimization?: Optimization
  /** State and internal topics without a name of the user's are refused. */
  readonly explicitNames?: boolean
  /** Names and graph are those of Kafka Streams: what it would have built. */
  readonly counted?: NamedTopology
}

export class TopologyBuilder {
  readonly #nodes: TopologyNode[] = []
  readonly #globals: GlobalSpec[] = []
  readonly #names = new Names('node')
  readonly #storeNames = new Names('store')
  readonly #stores = new Map<StoreSpec, string>()
  readonly #sources = new Map<string, TopologyNode>()

  /**
   * Adds a node.
   * @throws SLUICE_NAME_TAKEN when another node, or another store, has the name
   */
  add(node: TopologyNode): TopologyNode {
    this.#names.claim(node.name, `the ${node.kind} after ${node.parents.join(', ') || 'nothing'}`)
    const frozen = freezeNode(this.#shareStores(node))
    this.#nodes.push(frozen)
    return frozen
  }

  /** The source node of these topics; reading them again gives the same node. @throws SLUICE_TOPOLOGY on other serdes */
  source(
    topics: readonly string[],
    key: Serde<unknown>,
    value: Serde<unknown>,
    given?: string,
    more: Pick<SourceSpec, 'timestamp' | 'pattern'> = {},
  ): TopologyNode {
    const id = more.pattern === undefined ? [...topics].sort().join(',') : String(more.pattern)
    const known = this.#sources.get(id)
    if (known !== undefined) {
      requireSameSerdes(known, key, value)
      return known
    }
    const source: SourceSpec = { topics, key, value, ...more }
    const name = given ?? this.freeName(stepName(mergedName(topics), 'source'))
    const node = this.add({ name, kind: 'source', parents: [], source, ...untouched })
    this.#sources.set(id, node)
    return node
  }

  /** Adds a global table. @throws SLUICE_NAME_TAKEN */
  addGlobal(global: GlobalSpec): void {
    this.#storeNames.claim(global.name, `the global table of ${global.topic}`)
    this.#globals.push(Object.freeze({ ...global }))
  }

  /** A name for a node without state: `wanted`, or with a number behind it when taken. */
  freeName(wanted: string): string {
    return this.#names.free(wanted)
  }

  build(): Topology {
    const [nodes, globals] = [Object.freeze([...this.#nodes]), Object.freeze([...this.#globals])]
    return Object.freeze({ nodes, globals })
  }

  /** One store object given to several nodes is one store: the first node defines it, the others connect to it. */
  #shareStores(node: TopologyNode): TopologyNode {
    if (node.stores === undefined) return node
    const own = node.stores.filter((store) => !this.#stores.has(store))
    const shared = node.stores.filter((store) => this.#stores.has(store)).map((store) => store.name)
    for (const store of own) {
      this.#storeNames.claim(store.name, node.name)
      this.#stores.set(store, node.name)
    }
    return { ...node, stores: own, connects: [...(node.connects ?? []), ...shared] }
  }
}

/** A node that neither reads nor changes a record. */
export const untouched = { reads: 'nothing', keeps: 'both' } as const

function requireSameSerdes(known: TopologyNode, key: Serde<unknown>, value: Serde<unknown>): void {
  for (const [side, serde] of [
    ['key', key],
    ['value', value],
  ] as const) {
    const first = known.source?.[side]
    if (first === serde) continue
    throw sluiceError('SLUICE_TOPOLOGY', {
      node: known.name,
      problem: `the topic is read twice with different ${side} serdes (${first?.format} and ${serde.format}${
        first?.format === serde.format ? ', of different schemas' : ''
      })`,
      remedy: 'Make the topic once with topic(…) and use that constant in both places.',
    })
  }
}

function freezeNode(node: TopologyNode): TopologyNode {
  for (const part of [node.parents, node.source, node.sink, node.stores, node.connects, node.partitioned]) {
    if (part !== undefined) Object.freeze(part)
  }
  return Object.freeze({ ...node })
}

/**
 * Names of Kafka Streams for an application drawn with our verbs: fed with what the user said, in the order in which it was
 * said, it counts as Java's builder counts. State and topics then have the names that a Java application gave them.
 */
import type { PhysicalTopology } from './physical.ts'
import { aggregate, aggregateTable, cogroup } from './aggregates.ts'
import type { AggregateWords } from './aggregates.ts'
import { describeTopology } from './describe.ts'
import { joinForeign } from './foreign-join.ts'
import { StreamsGraph } from './graph.ts'
import type { GroupHandle, Handle, StreamHandle, TableHandle } from './handles.ts'
import { buildPhysical, mergeRepartitions, mergeSources, shareSelfJoins } from './optimize.ts'
import type { MergedRepartition } from './optimize.ts'
import type { AggregateVerb, Said, SaidNames } from './said.ts'
import { joinStreams } from './stream-join.ts'
import { branch, group, joinTable, merge, repartition, sink, source, step, toTable } from './streams.ts'
import type { Made } from './streams.ts'
import { derive, globalTable, groupTable, joinTables, suppress, table, toStream } from './tables.ts'

/** Parts of `topology.optimization`. */
export interface Optimization {
  /** A table's own topic is its changelog. */
  readonly reuseSourceTopics: boolean
  readonly mergeRepartitions: boolean
  readonly shareSelfJoins: boolean
}

export interface NamedTopology {
  /** The text of `Topology.describe()`. */
  readonly describe: string
  /** Topics that must have equal partition counts; internal ones without the application's prefix. */
  readonly copartition: readonly (readonly string[])[]
  readonly merged: readonly MergedRepartition[]
  /** Joins of a stream with itself that keep its records once, by node. */
  readonly selfJoins: readonly string[]
}

export class KafkaStreamsNaming {
  readonly #graph = new StreamsGraph()
  readonly #handles = new Map<string, Handle>()
  #groups = 0

  /** Counts what was said. The answer's `node` stands for the result in what is said later. */
  say(said: Said): SaidNames {
    switch (said.verb) {
      case 'stream':
        return this.#keep(source(this.#graph, said.topics, said.pattern, said.name))
      case 'table':
        return this.#made(table(this.#graph, said.topic, said.name, said.store))
      case 'globalTable': {
        const store = globalTable(this.#graph, said.topic, said.name, said.store)
        return { node: store, store }
      }
      case 'cogroup': {
        const groups = said.groups.map((id) => this.#group(id))
        return this.#made(cogroup(this.#graph, groups, wordsOf(said)))
      }
      default:
        return this.#below(said)
    }
  }

  /** The physical topology as Kafka Streams would have built it. Once only: building changes the graph. */
  build(optimization: Optimization): NamedTopology {
    mergeSources(this.#graph)
    const merged = optimization.mergeRepartitions ? mergeRepartitions(this.#graph) : []
    const selfJoins = optimization.shareSelfJoins ? shareSelfJoins(this.#graph) : []
    const topology = buildPhysical(this.#graph)
    return {
      describe: describeTopology(topology),
      copartition: copartitionTopics(this.#graph.copartitions, topology),
      merged,
      selfJoins,
    }
  }

  #below(said: SaidBelow): SaidNames {
    const graph = this.#graph
    const { from, name } = said
    switch (said.verb) {
      case 'merge':
        return this.#keep(merge(graph, this.#stream(from), this.#stream(said.other), name))
      case 'branch': {
        const [split, ...arms] = branch(graph, this.#stream(from), said.arms, name)
        return { ...this.#keep(split!), arms: arms.map((arm) => this.#keep(arm).node) }
      }
      case 'repartition':
        return this.#repartitioned(repartition(graph, this.#stream(from), name, said.partitions))
      case 'to':
        return this.#keep(sink(graph, this.#stream(from), said.topic, name))
      case 'groupByKey':
      case 'groupBy':
        return this.#keepGroup(group(graph, this.#stream(from), name, said.verb === 'groupBy'))
      case 'toTable':
        return this.#made(toTable(graph, this.#stream(from), name, said.store))
      case 'join':
      case 'leftJoin': {
        const [left, grace] = [said.verb === 'leftJoin', said.grace === true]
        return this.#made(joinTable(graph, this.#stream(from), this.#table(said.table), left, name, grace))
      }
      case 'streamJoin': {
        const sides = [this.#stream(from), this.#stream(said.other)] as const
        return this.#made(joinStreams(graph, sides, said.kind, name, said.store))
      }
      default:
        return isOfTable(said)
          ? this.#ofTable(said)
          : this.#keep(step(graph, this.#stream(from), said.verb, name, said.stores))
    }
  }

  /** What is called on a table, or gives one from a group. */
  #ofTable(said: SaidOfTable): SaidNames {
    const graph = this.#graph
    const { from } = said
    switch (said.verb) {
      case 'tableGroupBy':
        return this.#keepGroup(groupTable(graph, this.#table(from), said.name))
      case 'toStream':
        return this.#keep(toStream(graph, this.#table(from), said.name))
      case 'suppress':
        return this.#made(suppress(graph, this.#table(from), said.name))
      case 'tableFilter':
        return this.#made(derive(graph, this.#table(from), 'KTABLE-FILTER-', wordsOf(said)))
      case 'tableMapValues':
        return this.#made(derive(graph, this.#table(from), 'KTABLE-MAPVALUES-', wordsOf(said)))
      case 'tableJoin':
        return this.#made(joinTables(graph, [this.#table(from), this.#table(said.other)], wordsOf(said)))
      case 'foreignJoin': {
        const made = joinForeign(graph, [this.#table(from), this.#table(said.other)], wordsOf(said))
        return { ...this.#made(made), topics: made.topics }
      }
      case 'count':
      case 'reduce':
      case 'aggregate':
        return this.#made(aggregate(graph, this.#group(from), said.verb, wordsOf(said)))
      case 'tableCount':
      case 'tableReduce':
      case 'tableAggregate': {
        const verb = TABLE_AGGREGATES[said.verb]
        return this.#made(aggregateTable(graph, this.#group(from), verb, wordsOf(said)))
      }
    }
  }

  #keep(handle: Handle): SaidNames {
    this.#handles.set(handle.name, handle)
    return { node: handle.name }
  }

  /** Goes by the name of its topic: that of its source belongs to the node that reads the topic. */
  #repartitioned({ handle, repartitions }: Made<StreamHandle>): SaidNames {
    const [node] = repartitions as readonly [string]
    this.#handles.set(node, handle)
    return { node, repartitions: [node] }
  }

  #keepGroup(handle: GroupHandle): SaidNames {
    const group = `group-${this.#groups++}`
    this.#handles.set(group, handle)
    return { node: handle.name, group }
  }

  #made({ handle, store, stores, repartitions }: Made<Handle>): SaidNames {
    return {
      ...this.#keep(handle),
      ...(store !== undefined && { store }),
      ...(stores !== undefined && { stores }),
      ...(repartitions !== undefined && { repartitions }),
    }
  }

  #stream(id: string): StreamHandle {
    return this.#of(id, 'stream') as StreamHandle
  }

  #table(id: string): TableHandle {
    return this.#of(id, 'table') as TableHandle
  }

  #group(id: string): GroupHandle {
    return this.#of(id, 'group') as GroupHandle
  }

  /** Only our own verbs come here: a wrong kind is an error of ours, not of the user. */
  #of(id: string, kind: Handle['kind']): Handle {
    const handle = this.#handles.get(id)
    if (handle?.kind !== kind) throw new TypeError(`naming: no ${kind} called "${id}"`)
    return handle
  }
}

type SaidBelow = Extract<Said, { readonly from: string }>
type SaidOfTable = Extract<SaidBelow, { readonly verb: OfTable }>
type OfTable = (typeof OF_TABLE)[number]

const OF_TABLE = [
  'tableGroupBy',
  'toStream',
  'suppress',
  'tableFilter',
  'tableMapValues',
  'tableJoin',
  'foreignJoin',
  'count',
  'reduce',
  'aggregate',
  'tableCount',
  'tableReduce',
  'tableAggregate',
] as const

function isOfTable(said: SaidBelow): said is SaidOfTable {
  return (OF_TABLE as readonly string[]).includes(said.verb)
}

const TABLE_AGGREGATES: Readonly<Record<'tableCount' | 'tableReduce' | 'tableAggregate', AggregateVerb>> = {
  tableCount: 'count',
  tableReduce: 'reduce',
  tableAggregate: 'aggregate',
}

function wordsOf(said: {
  readonly name?: string | undefined
  readonly store?: string | undefined
  readonly materialized?: boolean
}): AggregateWords {
  const { name, store, materialized = false } = said
  return { name, store, materialized: materialized || store !== undefined }
}

/** Groups of topics; groups that share a topic become one, by the first topic that is known. */
function copartitionTopics(
  groups: readonly ReadonlySet<string>[],
  topology: PhysicalTopology,
): readonly (readonly string[])[] {
  const groupOf = new Map<string, Set<string>>()
  for (const sources of groups) {
    const topics = [...sources].flatMap((name) => topology.nodes.get(name)?.topics ?? [])
    const known = topics.map((topic) => groupOf.get(topic)).find((group) => group !== undefined)
    const group = known ?? new Set<string>()
    for (const topic of topics) {
      group.add(topic)
      groupOf.set(topic, group)
    }
  }
  return [...new Set(groupOf.values())].map((group) => [...group].toSorted())
}

/** Names and nodes of aggregations of streams and tables, as Kafka Streams' DSL makes them. */
import type { GraphNode, StreamsGraph } from './graph.ts'
import type { GroupHandle, TableHandle } from './handles.ts'
import { keptSupplier } from './handles.ts'
import { repartitionFacts, repartitionName, repartitionNode } from './repartitions.ts'
import type { AggregateVerb } from './said.ts'
import { processorNode } from './streams.ts'
import type { Made } from './streams.ts'

export interface AggregateWords {
  readonly name: string | undefined
  readonly store: string | undefined
  /** The user said how it is kept. */
  readonly materialized: boolean
}

/** Windows and sessions are named as aggregations without. */
export function aggregate(
  graph: StreamsGraph,
  group: GroupHandle,
  verb: AggregateVerb,
  words: AggregateWords,
): Made<TableHandle> {
  const prefix = verb === 'reduce' ? 'KSTREAM-REDUCE-' : 'KSTREAM-AGGREGATE-'
  // A count that is kept in a way the user chose, in a store without a name, uses up one number more.
  if (verb === 'count' && words.materialized && words.store === undefined) graph.nextStore(prefix)
  const store = words.store ?? graph.nextStore(prefix)
  const name = graph.named(words.name, prefix)
  let [parent, sources, topic] = [group.node, group.sources, undefined as string | undefined]
  if (group.repartitionRequired) {
    const facts = repartitionFacts(graph, group.given ?? store, true)
    if (group.repartition === undefined || group.given === undefined)
      group.repartition = repartitionNode(facts)
    parent = graph.add([group.node], group.repartition)
    sources = new Set([facts.source])
    topic = repartitionName(parent.repartition!)
  }
  const node = graph.add([parent], processorNode(name, [store]))
  const supplier = keptSupplier(store)
  return { handle: { kind: 'table', name, node, sources, supplier }, store, repartitions: [topic] }
}

/** Several groups into one store. */
export function cogroup(
  graph: StreamsGraph,
  groups: readonly GroupHandle[],
  words: AggregateWords,
): Made<TableHandle> {
  const store = words.store ?? graph.nextStore('COGROUPKSTREAM-AGGREGATE-')
  const topics: (string | undefined)[] = []
  const parents = groups.map((group): GraphNode => {
    if (!group.repartitionRequired) {
      topics.push(undefined)
      return group.node
    }
    const facts = repartitionFacts(graph, group.given ?? store, true)
    topics.push(repartitionName(facts))
    return graph.add([group.node], repartitionNode(facts))
  })
  graph.copartition(...groups.map(({ sources }) => sources))
  const adding = groups.map((_, index) => {
    const name = graph.suffixed(words.name, `-cogroup-agg-${index}`, 'COGROUPKSTREAM-AGGREGATE-')
    return graph.add([parents[index]!], processorNode(name, [store]))
  })
  const name = graph.suffixed(words.name, '-cogroup-merge', 'COGROUPKSTREAM-MERGE-')
  const node = graph.add(adding, processorNode(name))
  const supplier = keptSupplier(store)
  return {
    handle: { kind: 'table', name, node, sources: new Set([name]), supplier },
    store,
    repartitions: topics,
  }
}

/** Of a grouped table: always through a repartition topic. */
export function aggregateTable(
  graph: StreamsGraph,
  group: GroupHandle,
  verb: AggregateVerb,
  words: AggregateWords,
): Made<TableHandle> {
  const store = words.store ?? graph.nextStore('KTABLE-AGGREGATE-')
  const sink = graph.suffixed(words.name, '-sink', 'KSTREAM-SINK-')
  const source = graph.suffixed(words.name, '-source', 'KSTREAM-SOURCE-')
  const name = graph.named(words.name, verb === 'reduce' ? 'KTABLE-REDUCE-' : 'KTABLE-AGGREGATE-')
  const topic = `${group.given ?? store}-repartition`
  if (group.repartition === undefined || group.given === undefined)
    group.repartition = repartitionNode({ topic, sink, source, optimizable: false })
  const parent = graph.add([group.node], group.repartition)
  const node = graph.add([parent], processorNode(name, [store]))
  return {
    handle: {
      kind: 'table',
      name,
      node,
      sources: new Set([source]),
      supplier: keptSupplier(store),
    },
    store,
    repartitions: [repartitionName(parent.repartition!)],
  }
}

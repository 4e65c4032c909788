/** Names and nodes of the verbs of tables, as Kafka Streams' DSL makes them; foreign-key joins have their own file. */
import { graphNode } from './graph.ts'
import type { GraphNode, StreamsGraph } from './graph.ts'
import type { GroupHandle, StreamHandle, TableHandle, TableSupplier } from './handles.ts'
import { derivedSupplier, sourceSupplier } from './handles.ts'
import type { AggregateWords } from './aggregates.ts'
import { processorNode } from './streams.ts'
import type { Made } from './streams.ts'

/** A topic as a table. The number of its store comes first. */
export function table(
  graph: StreamsGraph,
  topic: string,
  given: string | undefined,
  givenStore: string | undefined,
): Made<TableHandle> {
  const store = givenStore ?? graph.nextStore(`${topic}-`)
  const source = graph.suffixed(given, '-source', 'KSTREAM-SOURCE-')
  const name = graph.named(given, 'KTABLE-SOURCE-')
  const supplier = sourceSupplier(store, givenStore !== undefined)
  const node = graphNode({
    name,
    write: (topology) => {
      topology.source(source, [topic])
      topology.processor(name, [source])
      if (supplier.materialized()) topology.connect(name, [store])
    },
  })
  graph.add([graph.root], node)
  return { handle: { kind: 'table', name, node, sources: new Set([source]), supplier }, store }
}

/** A topic as a table that every instance holds whole. */
export function globalTable(
  graph: StreamsGraph,
  topic: string,
  given: string | undefined,
  givenStore: string | undefined,
): string {
  const store = givenStore ?? graph.nextStore(`${topic}-`)
  const source = graph.suffixed(given, '-source', 'KSTREAM-SOURCE-')
  const processor = graph.named(given, 'KTABLE-SOURCE-')
  const write: GraphNode['write'] = (topology) => topology.global({ source, processor, store, topic })
  graph.add([graph.root], graphNode({ name: source, write }))
  return store
}

/** filter and mapValues. Kept only in a store with a name; a store without one uses up a number all the same. */
export function derive(
  graph: StreamsGraph,
  parent: TableHandle,
  prefix: string,
  words: AggregateWords,
): Made<TableHandle> {
  const { store } = words
  if (words.materialized && store === undefined) graph.nextStore(prefix)
  const name = graph.named(words.name, prefix)
  const node = graph.add([parent.node], processorNode(name, store === undefined ? [] : [store]))
  const supplier = derivedSupplier(store, parent.supplier)
  const handle: TableHandle = { kind: 'table', name, node, sources: parent.sources, supplier }
  return store === undefined ? { handle } : { handle, store }
}

export function joinTables(
  graph: StreamsGraph,
  [left, right]: readonly [TableHandle, TableHandle],
  words: AggregateWords,
): Made<TableHandle> {
  const store = words.store ?? (words.materialized ? graph.nextStore('KTABLE-MERGE-') : undefined)
  const merge = graph.named(words.name, 'KTABLE-MERGE-')
  const sources = graph.copartition(left.sources, right.sources)
  const one = graph.suffixed(words.name, '-join-this', 'KTABLE-JOINTHIS-')
  const other = graph.suffixed(words.name, '-join-other', 'KTABLE-JOINOTHER-')
  const [stores, otherStores] = [left.supplier.storeNames(), right.supplier.storeNames()]
  const node = graphNode({
    name: merge,
    write: (topology) => {
      topology.processor(one, [left.node.name])
      topology.processor(other, [right.node.name])
      topology.processor(merge, [one, other])
      topology.connect(one, otherStores)
      topology.connect(other, stores)
      if (store !== undefined) topology.connect(merge, [store])
    },
  })
  graph.add([left.node, right.node], node)
  const supplier = joinedSupplier(store, left, right)
  const handle: TableHandle = { kind: 'table', name: merge, node, sources, supplier }
  return store === undefined ? { handle } : { handle, store }
}

function joinedSupplier(store: string | undefined, left: TableHandle, right: TableHandle): TableSupplier {
  const both = [left.supplier, right.supplier]
  return {
    storeNames: () => (store === undefined ? both.flatMap((side) => side.storeNames()) : [store]),
    sendOldValues: () => {
      for (const side of both) side.sendOldValues(true)
    },
  }
}

export function toStream(graph: StreamsGraph, parent: TableHandle, given: string | undefined): StreamHandle {
  const name = graph.named(given, 'KTABLE-TOSTREAM-')
  const node = graph.add([parent.node], processorNode(name))
  return { kind: 'stream', name, node, sources: parent.sources, repartitionRequired: false }
}

export function groupTable(graph: StreamsGraph, parent: TableHandle, given: string | undefined): GroupHandle {
  const name = graph.named(given, 'KTABLE-SELECT-')
  const node = graph.add([parent.node], processorNode(name))
  parent.supplier.sendOldValues(true)
  return {
    kind: 'group',
    name,
    node,
    sources: parent.sources,
    repartitionRequired: true,
    given,
    ofTable: true,
  }
}

/** A given name uses up no number. */
export function suppress(
  graph: StreamsGraph,
  parent: TableHandle,
  given: string | undefined,
): Made<TableHandle> {
  const name = given ?? graph.next('KTABLE-SUPPRESS-')
  const store = given === undefined ? graph.nextStore('KTABLE-SUPPRESS-') : `${given}-store`
  parent.supplier.sendOldValues(true)
  const node = graph.add([parent.node], processorNode(name, [store]))
  const supplier: TableSupplier = {
    storeNames: () => [store, ...parent.supplier.storeNames()],
    sendOldValues: (force) => parent.supplier.sendOldValues(force),
  }
  // Kafka Streams forgets here which sources feed the table: joins below it are in no co-partition group with them.
  return { handle: { kind: 'table', name, node, sources: new Set([parent.name]), supplier }, store }
}

/** Names and nodes of the verbs of streams, as Kafka Streams' DSL makes them. */
import { graphNode } from './graph.ts'
import type { GraphNode, NodeFacts, StreamsGraph } from './graph.ts'
import type { GroupHandle, StreamHandle, TableHandle } from './handles.ts'
import { sourceSupplier } from './handles.ts'
import { forJoin, repartitionFacts, repartitionName, repartitionNode } from './repartitions.ts'
import type { BranchArm, StreamVerb } from './said.ts'

/** What a verb makes, and the names of repartition topics by input. */
export interface Made<H> {
  readonly handle: H
  readonly store?: string
  readonly stores?: readonly string[]
  readonly repartitions?: readonly (string | undefined)[]
}

/** A node that is one processor below its parents. */
export function processorNode(
  name: string,
  stores: readonly string[] = [],
  facts: Partial<NodeFacts> = {},
): GraphNode {
  const node = graphNode({
    ...facts,
    name,
    write: (topology) => {
      topology.processor(
        name,
        [...node.parents].map((parent) => parent.name),
      )
      topology.connect(name, stores)
    },
  })
  return node
}

interface VerbRule {
  readonly prefix: string
  readonly changes?: 'key' | 'value'
  /** A given name uses up no number. */
  readonly free?: boolean
}

const RULES: Readonly<Record<StreamVerb, VerbRule>> = {
  filter: { prefix: 'KSTREAM-FILTER-' },
  filterNot: { prefix: 'KSTREAM-FILTER-' },
  mapValues: { prefix: 'KSTREAM-MAPVALUES-', changes: 'value' },
  flatMapValues: { prefix: 'KSTREAM-FLATMAPVALUES-', changes: 'value' },
  map: { prefix: 'KSTREAM-MAP-', changes: 'key' },
  flatMap: { prefix: 'KSTREAM-FLATMAP-', changes: 'key' },
  selectKey: { prefix: 'KSTREAM-KEY-SELECT-', changes: 'key' },
  peek: { prefix: 'KSTREAM-PEEK-' },
  forEach: { prefix: 'KSTREAM-FOREACH-' },
  print: { prefix: 'KSTREAM-PRINTER-' },
  // Neither counts as changing anything for the merging of topics: so Kafka Streams has it unless told otherwise (KAFKA-19668).
  process: { prefix: 'KSTREAM-PROCESSOR-', free: true },
  processValues: { prefix: 'KSTREAM-PROCESSVALUES-', free: true },
  // Not a verb of Kafka Streams: it counts like one that changes values.
  enrich: { prefix: 'KSTREAM-ENRICH-', changes: 'value' },
  joinGlobal: { prefix: 'KSTREAM-LEFTJOIN-' },
  leftJoinGlobal: { prefix: 'KSTREAM-LEFTJOIN-' },
}

export function source(
  graph: StreamsGraph,
  topics: readonly string[],
  pattern: string | undefined,
  given: string | undefined,
): StreamHandle {
  const name = graph.named(given, 'KSTREAM-SOURCE-')
  const node = graphNode({
    name,
    sourceTopics: pattern === undefined ? topics : [`/${pattern}/`],
    write: (topology) => topology.source(name, topics, pattern),
  })
  graph.add([graph.root], node)
  return { kind: 'stream', name, node, sources: new Set([name]), repartitionRequired: false }
}

export function step(
  graph: StreamsGraph,
  stream: StreamHandle,
  verb: StreamVerb,
  given: string | undefined,
  stores: readonly string[] = [],
): StreamHandle {
  const { prefix, changes, free = false } = RULES[verb]
  const name = free && given !== undefined ? given : graph.named(given, prefix)
  const [keyChanging, valueChanging] = [changes === 'key', changes === 'value']
  const node = graph.add([stream.node], processorNode(name, stores, { keyChanging, valueChanging }))
  const repartitionRequired = keyChanging || verb === 'process' || stream.repartitionRequired
  return { kind: 'stream', name, node, sources: stream.sources, repartitionRequired }
}

export function merge(
  graph: StreamsGraph,
  one: StreamHandle,
  other: StreamHandle,
  given: string | undefined,
): StreamHandle {
  const name = graph.named(given, 'KSTREAM-MERGE-')
  const node = graph.add([one.node, other.node], processorNode(name, [], { merge: true }))
  return {
    kind: 'stream',
    name,
    node,
    sources: new Set([...one.sources, ...other.sources]),
    repartitionRequired: one.repartitionRequired || other.repartitionRequired,
  }
}

/** The split itself first, then its arms. */
export function branch(
  graph: StreamsGraph,
  stream: StreamHandle,
  arms: readonly BranchArm[],
  given: string | undefined,
): readonly StreamHandle[] {
  const splitter = graph.named(given, 'KSTREAM-BRANCH-')
  const node = graph.add([stream.node], processorNode(splitter))
  const split: StreamHandle = { ...stream, name: splitter, node }
  delete split.repartition
  const children = arms.map(({ index, as }): StreamHandle => {
    const name = `${splitter}${as ?? index}`
    graph.next(name)
    return { ...split, name, node: graph.add([node], processorNode(name)) }
  })
  return [split, ...children]
}

export function sink(
  graph: StreamsGraph,
  stream: StreamHandle,
  topic: string | undefined,
  given: string | undefined,
): StreamHandle {
  const name = graph.named(given, 'KSTREAM-SINK-')
  const node: GraphNode = graphNode({
    name,
    write: (topology) =>
      topology.sink(
        name,
        topic,
        [...node.parents].map((parent) => parent.name),
      ),
  })
  graph.add([stream.node], node)
  return { ...stream, name, node }
}

export function repartition(
  graph: StreamsGraph,
  stream: StreamHandle,
  given: string | undefined,
  partitions: number | undefined,
): Made<StreamHandle> {
  const prefix = given ?? graph.next('KSTREAM-REPARTITION-')
  const facts = repartitionFacts(graph, prefix, false, partitions)
  const node = graph.add([stream.node], repartitionNode(facts))
  const sources = new Set([node.name])
  return {
    handle: { kind: 'stream', name: facts.source, node, sources, repartitionRequired: false },
    repartitions: [repartitionName(facts)],
  }
}

export function toTable(
  graph: StreamsGraph,
  stream: StreamHandle,
  given: string | undefined,
  givenStore: string | undefined,
): Made<TableHandle> {
  const name = graph.named(given, 'KSTREAM-TOTABLE-')
  const store = givenStore ?? graph.nextStore('KSTREAM-TOTABLE-')
  const supplier = sourceSupplier(store, givenStore !== undefined)
  let [parent, sources, topic] = [stream.node, stream.sources, undefined as string | undefined]
  if (stream.repartitionRequired) {
    const facts = repartitionFacts(graph, name, true)
    parent = graph.add([stream.node], repartitionNode(facts))
    sources = new Set([facts.source])
    topic = repartitionName(facts)
  }
  const node: GraphNode = graphNode({
    name,
    write: (topology) => {
      topology.processor(
        name,
        [...node.parents].map((one) => one.name),
      )
      if (supplier.materialized()) topology.connect(name, [store])
    },
  })
  graph.add([parent], node)
  return { handle: { kind: 'table', name, node, sources, supplier }, store, repartitions: [topic] }
}

/** @param selects groupBy: with a key of its own, under the name of the group */
export function group(
  graph: StreamsGraph,
  stream: StreamHandle,
  given: string | undefined,
  selects: boolean,
): GroupHandle {
  const from = selects ? step(graph, stream, 'selectKey', given) : stream
  const { name, node, sources, repartitionRequired } = from
  return { kind: 'group', name, node, sources, repartitionRequired, given, ofTable: false }
}

/** A stream joined with a table; the table's store is made if it had none. */
export function joinTable(
  graph: StreamsGraph,
  stream: StreamHandle,
  table: TableHandle,
  left: boolean,
  given: string | undefined,
  grace: boolean,
): Made<StreamHandle> {
  const [side, topic] = forJoin(graph, stream, given ?? stream.name)
  const sources = graph.copartition(side.sources, table.sources)
  const name = graph.named(given, left ? 'KSTREAM-LEFTJOIN-' : 'KSTREAM-JOIN-')
  const buffers = grace ? [`${name}-Buffer`] : []
  const stores = [...table.supplier.storeNames(), ...buffers]
  const node = graph.add([side.node], processorNode(name, stores))
  return {
    handle: { kind: 'stream', name, node, sources, repartitionRequired: false },
    stores: buffers,
    repartitions: [topic],
  }
}

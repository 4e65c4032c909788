/** Names and nodes of a foreign-key join of tables: questions through one internal topic, answers through another. */
import { graphNode } from './graph.ts'
import type { GraphNode, StreamsGraph } from './graph.ts'
import type { TableHandle } from './handles.ts'
import { sourceSupplier } from './handles.ts'
import type { AggregateWords } from './aggregates.ts'
import { processorNode } from './streams.ts'
import type { Made } from './streams.ts'

const REGISTRATION = 'KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-'
const PROCESSOR = 'KTABLE-FK-JOIN-SUBSCRIPTION-PROCESSOR-'
const RESPONSE = 'KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-'
const OUTPUT = 'KTABLE-FK-JOIN-OUTPUT-'

/** The topics of questions and answers come along. */
export interface ForeignMade extends Made<TableHandle> {
  readonly topics: readonly [registration: string, response: string]
}

export function joinForeign(
  graph: StreamsGraph,
  [left, right]: readonly [TableHandle, TableHandle],
  words: AggregateWords,
): ForeignMade {
  const named = (suffix: string, prefix: string): string => graph.suffixed(words.name, suffix, prefix)
  right.supplier.sendOldValues(true)
  left.supplier.sendOldValues(true)
  const registration = `${named('-subscription-registration', REGISTRATION)}-topic`
  const send = graph.add(
    [left.node],
    processorNode(named('-subscription-registration-processor', REGISTRATION)),
  )
  const asked = sinkNode(named('-subscription-registration-sink', 'KTABLE-SINK-'), registration)
  graph.add([send], asked)
  const questions = sourceNode(named('-subscription-registration-source', 'KTABLE-SOURCE-'), registration)
  graph.add([asked], questions)
  graph.copartition(right.sources, new Set([questions.name]))
  const subscriptions = named('-subscription-store', 'KTABLE-FK-JOIN-SUBSCRIPTION-STATE-STORE-')
  const receive = processorNode(named('-subscription-receive', PROCESSOR), [subscriptions])
  graph.add([questions], receive)
  const match = processorNode(named('-subscription-join-foreign', PROCESSOR), right.supplier.storeNames())
  graph.add([receive], match)
  const update = processorNode(named('-foreign-join-subscription', PROCESSOR), [subscriptions])
  graph.add([right.node], update)
  const response = `${named('-subscription-response', RESPONSE)}-topic`
  const answered = sinkNode(named('-subscription-response-sink', 'KTABLE-SINK-'), response)
  graph.add([match, update], answered)
  const answers = sourceNode(named('-subscription-response-source', 'KTABLE-SOURCE-'), response)
  graph.add([answered], answers)
  const sources = graph.copartition(left.sources, new Set([answers.name]))
  const resolve = processorNode(
    named('-subscription-response-resolver', 'KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-'),
    left.supplier.storeNames(),
  )
  graph.add([answers], resolve)
  const { handle, store } = resultOf(graph, resolve, sources, words)
  return { handle, store, stores: [subscriptions], topics: [registration, response] }
}

function resultOf(
  graph: StreamsGraph,
  resolve: GraphNode,
  sources: ReadonlySet<string>,
  words: AggregateWords,
): { readonly handle: TableHandle; readonly store: string } {
  const name = graph.suffixed(words.name, '-result', OUTPUT)
  const store = words.store ?? graph.nextStore(OUTPUT)
  const supplier = sourceSupplier(store, words.store !== undefined)
  const node = graphNode({
    name,
    write: (topology) => {
      topology.processor(name, [resolve.name])
      if (supplier.materialized()) topology.connect(name, [store])
    },
  })
  graph.add([resolve], node)
  return { handle: { kind: 'table', name, node, sources, supplier }, store }
}

function sinkNode(name: string, topic: string): GraphNode {
  const node: GraphNode = graphNode({
    name,
    write: (topology) =>
      topology.sink(
        name,
        topic,
        [...node.parents].map((parent) => parent.name),
      ),
  })
  return node
}

function sourceNode(name: string, topic: string): GraphNode {
  return graphNode({ name, write: (topology) => topology.source(name, [topic]) })
}

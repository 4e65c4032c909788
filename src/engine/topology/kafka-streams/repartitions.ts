/** Repartition topics as Kafka Streams names them: three numbers are used up whatever the names are in the end. */
import { graphNode } from './graph.ts'
import type { GraphNode, RepartitionFacts, StreamsGraph } from './graph.ts'
import type { StreamHandle } from './handles.ts'
import type { PhysicalTopology } from './physical.ts'

const SUFFIX = '-repartition'

/** @param prefix the topic's name, without `-repartition` */
export function repartitionFacts(
  graph: StreamsGraph,
  prefix: string,
  optimizable: boolean,
  partitions?: number,
): RepartitionFacts {
  const topic = prefix.endsWith(SUFFIX) ? prefix : `${prefix}${SUFFIX}`
  const generated = {
    sink: graph.next('KSTREAM-SINK-'),
    filter: graph.next('KSTREAM-FILTER-'),
    source: graph.next('KSTREAM-SOURCE-'),
  }
  const counted = partitions === undefined ? {} : { partitions }
  if (/^KSTREAM.*-[0-9]{10}$/.test(prefix)) return { topic, ...generated, optimizable, ...counted }
  return {
    topic,
    sink: `${topic}-sink`,
    filter: `${topic}-filter`,
    source: `${topic}-source`,
    optimizable,
    ...counted,
  }
}

/** A node that goes through a topic: everything below it is another sub-topology. */
export function repartitionNode(facts: RepartitionFacts): GraphNode {
  const node = graphNode({
    name: facts.source,
    repartition: facts,
    write: (topology) => writeRepartition(topology, node, facts),
  })
  return node
}

function writeRepartition(topology: PhysicalTopology, node: GraphNode, facts: RepartitionFacts): void {
  const parents = [...node.parents].map(({ name }) => name)
  if (facts.filter !== undefined) topology.processor(facts.filter, parents)
  topology.sink(facts.sink, facts.topic, facts.filter === undefined ? parents : [facts.filter])
  topology.source(facts.source, [facts.topic])
}

/** The topic's name as our plan wants it, without the suffix. */
export function repartitionName({ topic }: RepartitionFacts): string {
  return topic.slice(0, -SUFFIX.length)
}

/** A stream in front of a join, through a topic where its keys may have changed; the name of the topic, if there is one. */
export function forJoin(
  graph: StreamsGraph,
  stream: StreamHandle,
  prefix: string,
): readonly [stream: StreamHandle, repartition: string | undefined] {
  if (!stream.repartitionRequired) return [stream, undefined]
  const facts = repartitionFacts(graph, prefix, true)
  if (stream.repartition === undefined || prefix !== stream.name)
    stream.repartition = graph.add([stream.node], repartitionNode(facts))
  const node = stream.repartition
  const joined: StreamHandle = {
    kind: 'stream',
    name: facts.source,
    node,
    sources: new Set([facts.source]),
    repartitionRequired: false,
  }
  return [joined, repartitionName(node.repartition!)]
}

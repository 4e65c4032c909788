/** Names and nodes of a join of two streams, as Kafka Streams' DSL makes them. */
import { graphNode } from './graph.ts'
import type { GraphNode, SelfJoin, StreamsGraph } from './graph.ts'
import type { StreamHandle } from './handles.ts'
import type { PhysicalTopology } from './physical.ts'
import { forJoin } from './repartitions.ts'
import type { JoinKind } from './said.ts'
import { processorNode } from './streams.ts'
import type { Made } from './streams.ts'

interface JoinNames {
  readonly thisWindowed: string
  readonly otherWindowed: string
  readonly thisJoin: string
  readonly otherJoin: string
  readonly merge: string
}

interface JoinStores {
  readonly this: string
  readonly other: string
  /** Records without a match, of left and outer joins. */
  readonly outer: string | undefined
}

/** @param given the name of StreamJoined @param store the base of its stores' names */
export function joinStreams(
  graph: StreamsGraph,
  [left, right]: readonly [StreamHandle, StreamHandle],
  kind: JoinKind,
  given: string | undefined,
  store: string | undefined,
): Made<StreamHandle> {
  const suffixed = (suffix: string, name: string): string =>
    given === undefined ? name : `${given}${suffix}`
  const [one, topic] = forJoin(graph, left, suffixed('-left', left.name))
  // A stream joined with itself is repartitioned once, unless its topics were given names.
  const [other, otherTopic] = forJoin(graph, right, suffixed('-right', right.name))
  const sources = graph.copartition(one.sources, other.sources)
  const { names, stores } = partNames(graph, kind, given, store)
  graph.add([one.node], processorNode(names.thisWindowed, [stores.this]))
  graph.add([other.node], processorNode(names.otherWindowed, [stores.other]))
  const node = graph.add([one.node, other.node], joinNode(names, stores))
  return {
    handle: { kind: 'stream', name: names.merge, node, sources, repartitionRequired: false },
    stores: [stores.this, stores.other, ...(stores.outer === undefined ? [] : [stores.outer])],
    repartitions: [topic, otherTopic],
  }
}

/** In the order in which Kafka Streams counts them. */
function partNames(
  graph: StreamsGraph,
  kind: JoinKind,
  given: string | undefined,
  store: string | undefined,
): { readonly names: JoinNames; readonly stores: JoinStores } {
  const suffixed = (suffix: string, name: string): string =>
    given === undefined ? name : `${given}${suffix}`
  const [leftOuter, rightOuter] = [kind !== 'inner', kind === 'outer']
  const suffixes = [
    rightOuter ? '-outer-this-join' : '-this-join',
    leftOuter ? '-outer-other-join' : '-other-join',
  ] as const
  const thisWindowed = graph.suffixed(given, '-this-windowed', 'KSTREAM-WINDOWED-')
  const otherWindowed = graph.suffixed(given, '-other-windowed', 'KSTREAM-WINDOWED-')
  const generated = [
    graph.next(rightOuter ? 'KSTREAM-OUTERTHIS-' : 'KSTREAM-JOINTHIS-'),
    graph.next(leftOuter ? 'KSTREAM-OUTEROTHER-' : 'KSTREAM-JOINOTHER-'),
  ] as const
  const names: JoinNames = {
    thisWindowed,
    otherWindowed,
    thisJoin: suffixed(suffixes[0], generated[0]),
    otherJoin: suffixed(suffixes[1], generated[1]),
    merge: graph.suffixed(given, '-merge', 'KSTREAM-MERGE-'),
  }
  const storeOf = (side: 0 | 1): string =>
    `${store === undefined ? generated[side] : `${store}${suffixes[side]}`}-store`
  const stores: JoinStores = {
    this: storeOf(0),
    other: storeOf(1),
    outer: leftOuter ? outerStore(store, generated[0], rightOuter) : undefined,
  }
  return { names, stores }
}

function outerStore(given: string | undefined, generated: string, outer: boolean): string {
  const suffix = outer ? '-outer-shared-join' : '-left-shared-join'
  if (given !== undefined) return `${given}${suffix}-store`
  const prefix = outer ? 'KSTREAM-OUTERTHIS-' : 'KSTREAM-JOINTHIS-'
  return `KSTREAM-OUTERSHARED-${generated.slice(prefix.length)}-store`
}

function joinNode(names: JoinNames, stores: JoinStores): GraphNode {
  const { thisWindowed, otherWindowed } = names
  const selfJoin: SelfJoin = { thisWindowed, otherWindowed, enabled: false }
  return graphNode({
    name: names.merge,
    selfJoin,
    write: (topology) =>
      selfJoin.enabled ? writeSelfJoin(topology, names, stores) : writeJoin(topology, names, stores),
  })
}

function writeSelfJoin(topology: PhysicalTopology, names: JoinNames, stores: JoinStores): void {
  topology.processor(names.merge, [names.thisWindowed])
  topology.connect(names.thisWindowed, [stores.this])
  topology.connect(names.merge, [stores.this])
}

function writeJoin(topology: PhysicalTopology, names: JoinNames, stores: JoinStores): void {
  topology.processor(names.thisJoin, [names.thisWindowed])
  topology.processor(names.otherJoin, [names.otherWindowed])
  topology.processor(names.merge, [names.thisJoin, names.otherJoin])
  topology.connect(names.otherJoin, [stores.this])
  topology.connect(names.thisJoin, [stores.other])
  if (stores.outer === undefined) return
  topology.connect(names.thisJoin, [stores.outer])
  topology.connect(names.otherJoin, [stores.outer])
}

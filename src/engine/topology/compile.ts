/**
 * Turns a topology into a plan: everything that can be known without a broker is decided here, once, so that all three
 * languages and all threads get the same. It never looks inside functions.
 */
import { createHash } from 'node:crypto'
import { checkTopicName } from '../../core/topic.ts'
import type { Topology } from './builder.ts'
import { checkGlobals } from './globals.ts'
import type { GlobalSpec, TopologyNode } from './node.ts'
import type { NamedTopology } from './kafka-streams/naming.ts'
import { scopedTopic } from './names.ts'
import type { CopartitionGroup, CountedPlan, InternalTopic, Plan, PlanNode, Subtopology } from './plan.ts'
import { analyseDecoding } from './decode.ts'
import { insertRepartitions } from './repartition.ts'
import { internalTopics } from './internal-topics.ts'
import { checkExplicitNames } from './explicit-names.ts'
import { makeManifest } from './manifest.ts'
import { mergeRepartitions } from './merged-repartitions.ts'
import { trackedNodes } from './old-values.ts'
import { makeSubtopology, splitNodes } from './subtopologies.ts'
import { shareSelfJoins } from './self-joins.ts'
import { reuseSourceTopics } from './source-changelogs.ts'
import { scopeTopics } from './sink.ts'
import { validate } from './validate.ts'

/**
 * 1. Check and order the nodes. 2. Insert repartitions. 3. Analyse decoding. 4. Split into sub-topologies with stores and
 * ledgers. 5. Internal topics, co-partition groups. 6. Manifest and hash.
 * @throws SLUICE_TOPOLOGY, SLUICE_NAME_TAKEN, SLUICE_STORE_UNKNOWN, SLUICE_TOPIC_INVALID
 */
export function compile(application: string, topology: Topology): Plan {
  checkTopicName(application)
  const drawn = optimized(validate(scopeTopics(application, topology.nodes)), topology)
  const nodes = validate(insertRepartitions(application, drawn))
  const globals = topology.globals ?? []
  checkGlobals(nodes, globals)
  const planNodes = completeNodes(topology.counted === undefined ? nodes : withoutStores(nodes))
  const subtopologies = splitNodes(planNodes).map((group, id) => makeSubtopology(application, id, group))
  const manifest = makeManifest(application, subtopologies)
  const copartition = copartitionGroups(nodes)
  const internal = internalTopics(application, subtopologies)
  if (topology.explicitNames === true) checkExplicitNames(nodes, subtopologies)
  return Object.freeze({
    application,
    subtopologies: Object.freeze(subtopologies),
    globals: Object.freeze(globals),
    sourceTopics: Object.freeze([
      ...userTopics(nodes, ({ source }) => (source?.internal === true ? [] : (source?.topics ?? []))),
      ...globals.map(({ topic }) => topic),
    ]),
    sinkTopics: userTopics(nodes, ({ sink }) =>
      sink === undefined || sink.internal === true || sink.topicOf !== undefined ? [] : [sink.topic],
    ),
    internalTopics: internal,
    copartition,
    manifest,
    hash: hashOf(application, subtopologies, copartition, globals),
    ...(topology.counted && { counted: countedPlan(application, topology.counted, internal) }),
  })
}

/** Internal topics get the application's prefix. */
function countedPlan(
  application: string,
  { describe, copartition }: NamedTopology,
  internal: readonly InternalTopic[],
): CountedPlan {
  const names = new Set(internal.map(({ name }) => name))
  const full = (topic: string): string => {
    const scoped = scopedTopic(application, topic)
    return names.has(scoped) ? scoped : topic
  }
  return { describe, copartition: copartition.map((topics) => topics.map(full)) }
}

/** With fewer topics and stores, where the application asks for it. */
function optimized(
  nodes: readonly TopologyNode[],
  { optimization, counted }: Topology,
): readonly TopologyNode[] {
  if (optimization === undefined) return nodes
  const merged = counted === undefined ? nodes : mergeRepartitions(nodes, counted.merged)
  const selfJoins = counted === undefined ? undefined : new Set(counted.selfJoins)
  const isShared = (join: string): boolean => selfJoins?.has(join) ?? true
  const shared = optimization.shareSelfJoins ? shareSelfJoins(merged, isShared) : merged
  return optimization.reuseSourceTopics ? reuseSourceTopics(shared) : shared
}

/** Tables that need no store, as Kafka Streams decides it. */
function withoutStores(nodes: readonly TopologyNode[]): readonly TopologyNode[] {
  const tracked = trackedNodes(nodes)
  const connected = new Set(nodes.flatMap((node) => node.connects ?? []))
  return nodes.map((node) => {
    const { buildStoreless, buildSilent: _, buildUnasked: __, ...kept } = node
    if (buildStoreless === undefined || tracked.has(node.name)) return node
    if (node.stores?.some(({ name }) => connected.has(name)) === true) return node
    return { ...kept, stores: [], build: buildStoreless }
  })
}

function completeNodes(nodes: readonly TopologyNode[]): readonly PlanNode[] {
  const { decode, reuse } = analyseDecoding(nodes)
  const tracked = trackedNodes(nodes)
  const connected = new Set(nodes.flatMap((node) => node.connects ?? []))
  const children = new Map<string, string[]>(nodes.map((node) => [node.name, []]))
  for (const node of nodes) for (const parent of node.parents) children.get(parent)!.push(node.name)
  return nodes.map((node) => {
    const below = children.get(node.name)!
    const decoded = decode.get(node.name)
    const reused = reuse.get(node.name)
    return Object.freeze({
      ...node,
      ...chosenBuild(node, tracked, connected),
      ...(below.length === 0 && node.buildSilent !== undefined ? { build: node.buildSilent } : {}),
      children: Object.freeze(below),
      ...(decoded === undefined ? {} : { decode: decoded }),
      ...(reused === undefined ? {} : { reuse: reused }),
    })
  })
}

/** Which of its behaviours a table needs, by who is below. */
function chosenBuild(
  { name, stores, buildTracking, buildUnasked }: TopologyNode,
  tracked: ReadonlySet<string>,
  connected: ReadonlySet<string>,
): Pick<TopologyNode, 'build'> {
  if (tracked.has(name)) return buildTracking === undefined ? {} : { build: buildTracking }
  const asked = stores?.some((store) => connected.has(store.name)) === true
  return buildUnasked === undefined || asked ? {} : { build: buildUnasked }
}

function userTopics(
  nodes: readonly TopologyNode[],
  topics: (node: TopologyNode) => readonly string[],
): readonly string[] {
  return Object.freeze([...new Set(nodes.flatMap(topics))])
}

function copartitionGroups(nodes: readonly TopologyNode[]): readonly CopartitionGroup[] {
  const topicsAbove = new Map<string, readonly string[]>()
  for (const node of nodes) {
    const above = node.source?.topics ?? node.parents.flatMap((parent) => topicsAbove.get(parent)!)
    topicsAbove.set(node.name, [...new Set(above)])
  }
  return Object.freeze(
    nodes
      .filter((node) => node.copartitions !== undefined)
      .map((node) => ({
        node: node.name,
        topics: Object.freeze([...new Set(node.copartitions!.flatMap((name) => topicsAbove.get(name)!))]),
      })),
  )
}

/** Over what must be equal in all threads and instances: names, edges, topics, stores, formats. */
function hashOf(
  application: string,
  subtopologies: readonly Subtopology[],
  copartition: readonly CopartitionGroup[],
  globals: readonly GlobalSpec[],
): string {
  const nodes = subtopologies.map((subtopology) =>
    subtopology.nodes.map(({ name, kind, parents, children, source, sink, connects, globals: read }) => {
      const io = source ?? sink
      return [
        name,
        kind,
        parents,
        children,
        source?.topics,
        sink?.topic,
        io?.key.format,
        io?.value.format,
        connects,
        ...(read ?? []),
      ]
    }),
  )
  const stores = subtopologies.map((subtopology) =>
    subtopology.stores.map(({ name, kind, key, value, changelogTopic }) => {
      return [name, kind, key.format, value.format, changelogTopic]
    }),
  )
  const whole = globals.map(({ name, topic, key, value }) => [name, topic, key.format, value.format])
  const text = JSON.stringify([application, nodes, stores, copartition, ...whole])
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

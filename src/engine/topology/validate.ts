/**
 * What must hold before a topology can be compiled: parents exist, no cycle, no topic with two sources, no name twice.
 * It answers with the nodes in topological order, and never changes one.
 */
import { sluiceError } from '../../core/errors.ts'
import { checkTopicName } from '../../core/topic.ts'
import type { StoreSpec, TopologyNode } from './node.ts'
import { Names } from './names.ts'

/**
 * Parents before children, otherwise in the order given.
 * @throws SLUICE_TOPOLOGY (unknown parent or store, cycle, no source, topic read by two sources), SLUICE_NAME_TAKEN, SLUICE_TOPIC_INVALID
 */
export function validate(nodes: readonly TopologyNode[]): readonly TopologyNode[] {
  const names = new Names('node')
  for (const node of nodes) names.claim(node.name, describeNode(node))
  const byName = new Map(nodes.map((node) => [node.name, node]))
  checkParents(nodes, byName)
  checkStores(nodes)
  checkTopics(nodes)
  return inOrder(nodes, byName)
}

function describeNode(node: TopologyNode): string {
  return `the ${node.kind} after ${node.parents.join(', ') || 'nothing'}`
}

function checkParents(nodes: readonly TopologyNode[], byName: ReadonlyMap<string, TopologyNode>): void {
  for (const node of nodes) {
    const named = [...node.parents, ...(node.copartitions ?? [])]
    const unknown = named.find((parent) => !byName.has(parent))
    if (unknown !== undefined) {
      throw broken(
        node,
        `its parent "${unknown}" does not exist`,
        `Existing nodes: ${[...byName.keys()].join(', ')}.`,
      )
    }
    const sink = node.parents.find((parent) => byName.get(parent)?.sink !== undefined)
    if (sink !== undefined)
      throw broken(node, `"${sink}" writes to a topic and has no output`, 'Read the topic.')
    if (node.parents.length === 0 && node.source === undefined) {
      throw broken(node, 'it has neither parents nor topics to read', 'Connect it to a stream.')
    }
    const stray = node.partitioned?.find(({ parent }) => !node.parents.includes(parent))
    if (stray !== undefined)
      throw broken(node, `"${stray.parent}" is not its parent`, 'Partition its parents only.')
  }
}

function checkStores(nodes: readonly TopologyNode[]): void {
  const names = new Names('store')
  const stores = new Map<string, StoreSpec>()
  for (const node of nodes) {
    for (const store of node.stores ?? []) {
      names.claim(store.name, node.name)
      stores.set(store.name, store)
    }
  }
  for (const node of nodes) {
    const unknown = node.connects?.find((store) => !stores.has(store))
    if (unknown === undefined) continue
    throw sluiceError('SLUICE_STORE_UNKNOWN', {
      node: node.name,
      store: unknown,
      stores: [...stores.keys()].join(', ') || 'none',
    })
  }
}

function checkTopics(nodes: readonly TopologyNode[]): void {
  const readBy = new Map<string, TopologyNode>()
  for (const node of nodes) {
    if (node.sink !== undefined && node.sink.topicOf === undefined) checkTopicName(node.sink.topic)
    for (const topic of node.source?.topics ?? []) {
      checkTopicName(topic)
      const other = readBy.get(topic)
      if (other !== undefined) {
        throw broken(
          node,
          `the topic "${topic}" is read already by the source "${other.name}"`,
          'Read it once and use that stream twice; sets of topics may not overlap.',
        )
      }
      readBy.set(topic, node)
    }
  }
  if (readBy.size === 0 && nodes.every((node) => node.source?.pattern === undefined)) {
    throw sluiceError('SLUICE_TOPOLOGY', {
      node: 'topology',
      problem: 'it reads no topic',
      remedy: 'Begin with flow.stream(topic) or flow.table(topic).',
    })
  }
}

function inOrder(
  nodes: readonly TopologyNode[],
  byName: ReadonlyMap<string, TopologyNode>,
): readonly TopologyNode[] {
  const order: TopologyNode[] = []
  const state = new Map<string, 'open' | 'done'>()
  const visit = (node: TopologyNode, path: readonly string[]): void => {
    if (state.get(node.name) === 'done') return
    if (state.get(node.name) === 'open') {
      const cycle = [...path.slice(path.indexOf(node.name)), node.name].reverse().join(' → ')
      throw broken(node, `it feeds itself: ${cycle}`, 'Write to a topic and read it to go round in a circle.')
    }
    state.set(node.name, 'open')
    for (const parent of node.parents) visit(byName.get(parent)!, [...path, node.name])
    state.set(node.name, 'done')
    order.push(node)
  }
  for (const node of nodes) visit(node, [])
  return order
}

function broken(node: TopologyNode, problem: string, remedy: string): Error {
  return sluiceError('SLUICE_TOPOLOGY', { node: node.name, problem, remedy })
}

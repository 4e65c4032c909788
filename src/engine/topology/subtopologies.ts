/** Splits a topology into sub-topologies: what is connected by edges or by stores runs in one task. */
import type { Serde } from '../../core/serde.ts'
import type { Bytes } from '../../core/record.ts'
import type { TopologyNode } from './node.ts'
import type { PlanNode, PlanStore, Subtopology } from './plan.ts'
import { changelogTopic, ledgerName } from './names.ts'

const BYTES: Serde<Bytes> = {
  format: 'bytes',
  serialize: (value) => value,
  deserialize: (bytes) => bytes,
}

/** Connected components, numbered in the order of their first nodes. @param nodes in topological order */
export function splitNodes<N extends TopologyNode>(nodes: readonly N[]): readonly (readonly N[])[] {
  const groupOf = new Map<string, N[]>()
  const storeGroup = new Map<string, string>()
  const join = (a: string, b: string): void => {
    const [one, other] = [groupOf.get(a)!, groupOf.get(b)!]
    if (one === other) return
    for (const node of other) {
      one.push(node)
      groupOf.set(node.name, one)
    }
  }
  for (const node of nodes) groupOf.set(node.name, [node])
  for (const node of nodes) {
    for (const parent of node.parents) join(parent, node.name)
    for (const store of storesOf(node)) {
      const first = storeGroup.get(store)
      if (first === undefined) storeGroup.set(store, node.name)
      else join(first, node.name)
    }
  }
  const groups = [...new Set(nodes.map((node) => groupOf.get(node.name)!))]
  return groups.map((group) => {
    const members = new Set(group)
    return nodes.filter((node) => members.has(node))
  })
}

function storesOf(node: TopologyNode): readonly string[] {
  return [...(node.stores ?? []).map((store) => store.name), ...(node.connects ?? [])]
}

export function makeSubtopology(application: string, id: number, nodes: readonly PlanNode[]): Subtopology {
  return Object.freeze({
    id,
    nodes: Object.freeze(nodes),
    stores: Object.freeze(nodes.flatMap((node) => planStores(application, id, node))),
    sourceTopics: Object.freeze(nodes.flatMap((node) => node.source?.topics ?? [])),
  })
}

function planStores(application: string, subtopology: number, node: PlanNode): PlanStore[] {
  const own = (node.stores ?? []).map((store): PlanStore => {
    const changelog = store.sourceChangelog ?? changelogTopic(application, store.name)
    return { ...store, subtopology, ...(store.changelog ? { changelogTopic: changelog } : {}) }
  })
  if (node.asynchronous !== true) return own
  const name = ledgerName(node.name)
  const topic = changelogTopic(application, name)
  const ledger = { name, kind: 'key-value', key: BYTES, value: BYTES, changelog: true } as const
  return [...own, { ...ledger, subtopology, changelogTopic: topic, ledgerOf: node.name }]
}

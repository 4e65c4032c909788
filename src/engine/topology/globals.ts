/** What must hold for global tables: names and topics of their own, and no node that reads one that is not there. */
import { sluiceError } from '../../core/errors.ts'
import { checkTopicName } from '../../core/topic.ts'
import { Names } from './names.ts'
import type { GlobalSpec, TopologyNode } from './node.ts'

/** @throws SLUICE_NAME_TAKEN, SLUICE_TOPOLOGY, SLUICE_STORE_UNKNOWN, SLUICE_TOPIC_INVALID */
export function checkGlobals(nodes: readonly TopologyNode[], globals: readonly GlobalSpec[]): void {
  const names = new Names('store')
  for (const node of nodes) for (const store of node.stores ?? []) names.claim(store.name, node.name)
  const readBy = new Map(
    nodes.flatMap(({ name, source }) =>
      (source?.topics ?? []).map((topic): [string, string] => [topic, `the source "${name}"`]),
    ),
  )
  for (const { name, topic } of globals) {
    checkTopicName(topic)
    names.claim(name, `the global table of ${topic}`)
    const other = readBy.get(topic)
    if (other !== undefined) throw readTwice(name, topic, other)
    readBy.set(topic, `the global table "${name}"`)
  }
  checkReaders(nodes, new Set(globals.map(({ name }) => name)))
}

function readTwice(name: string, topic: string, other: string): Error {
  return sluiceError('SLUICE_TOPOLOGY', {
    node: name,
    problem: `the topic "${topic}" is read already by ${other}`,
    remedy: 'Read a topic either as a global table or as a stream or table, and once.',
  })
}

function checkReaders(nodes: readonly TopologyNode[], known: ReadonlySet<string>): void {
  for (const node of nodes) {
    const unknown = node.globals?.find((name) => !known.has(name))
    if (unknown === undefined) continue
    const stores = [...known].join(', ') || 'none'
    throw sluiceError('SLUICE_STORE_UNKNOWN', { node: node.name, store: unknown, stores })
  }
}

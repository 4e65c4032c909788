/** selectKey: gives the record a new key; the value passes untouched. A null key is allowed and dropped only before state. */
import type { TopologyNode } from '../topology/node.ts'
import type { At, FromRecord } from './callbacks.ts'

export function selectKey<K, V, L>(at: At, selector: FromRecord<K, V, L>): TopologyNode {
  const select = selector as FromRecord<unknown, unknown, unknown>
  return {
    name: at.name,
    kind: 'selectKey',
    parents: [at.parent],
    reads: 'both',
    keeps: 'value',
    changesKey: true,
    build: ({ next }) => ({
      process: (record) => next(record.withKey(select(record.value, record.key, record))),
    }),
  }
}

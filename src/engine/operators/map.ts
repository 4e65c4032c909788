/** map: replaces key and value. The key counts as changed even when it is equal (rule R1: flag-based). */
import type { TopologyNode } from '../topology/node.ts'
import type { At, FromRecord } from './callbacks.ts'

export function map<K, V, L, W>(at: At, mapper: FromRecord<K, V, readonly [L, W]>): TopologyNode {
  const pair = mapper as FromRecord<unknown, unknown, readonly [unknown, unknown]>
  return {
    name: at.name,
    kind: 'map',
    parents: [at.parent],
    reads: 'both',
    keeps: 'nothing',
    changesKey: true,
    build: ({ next }) => ({
      process: (record) => {
        const [key, value] = pair(record.value, record.key, record)
        next(record.with(key, value))
      },
    }),
  }
}

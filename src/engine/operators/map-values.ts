/** mapValues: replaces the value. A null result is forwarded (a tombstone); the key and its partition stay. */
import type { TopologyNode } from '../topology/node.ts'
import type { At, FromRecord } from './callbacks.ts'

export function mapValues<K, V, W>(at: At, mapper: FromRecord<K, V, W>): TopologyNode {
  const map = mapper as FromRecord<unknown, unknown, unknown>
  return {
    name: at.name,
    kind: 'mapValues',
    parents: [at.parent],
    reads: 'both',
    keeps: 'key',
    build: ({ next }) => ({
      process: (record) => next(record.withValue(map(record.value, record.key, record))),
    }),
  }
}

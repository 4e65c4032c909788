/** filter: lets a record pass unchanged when the predicate holds. Null keys and values reach the predicate, as in Kafka. */
import type { TopologyNode } from '../topology/node.ts'
import type { At, FromRecord } from './callbacks.ts'

export function filter<K, V>(at: At, predicate: FromRecord<K, V, boolean>): TopologyNode {
  const test = predicate as FromRecord<unknown, unknown, boolean>
  return {
    name: at.name,
    kind: 'filter',
    parents: [at.parent],
    reads: 'both',
    keeps: 'both',
    build: ({ next }) => ({
      process: (record) => {
        if (test(record.value, record.key, record)) next(record)
      },
    }),
  }
}

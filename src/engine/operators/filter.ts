/** filter and filterNot: let a record pass unchanged by a predicate. Null keys and values reach the predicate, as in Kafka. */
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

/** The opposite: lets a record pass when the predicate does not hold. */
export function filterNot<K, V>(at: At, predicate: FromRecord<K, V, boolean>): TopologyNode {
  const test = predicate as FromRecord<unknown, unknown, boolean>
  return { ...filter(at, (value, key, record) => !test(value, key, record)), kind: 'filterNot' }
}

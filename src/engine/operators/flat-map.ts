/** flatMap and flatMapValues: none, one or many records out of one, in the order given. */
import type { TopologyNode } from '../topology/node.ts'
import type { At, FromRecord } from './callbacks.ts'

export function flatMap<K, V, L, W>(
  at: At,
  mapper: FromRecord<K, V, Iterable<readonly [L, W]>>,
): TopologyNode {
  const pairs = mapper as FromRecord<unknown, unknown, Iterable<readonly [unknown, unknown]>>
  return {
    name: at.name,
    kind: 'flatMap',
    parents: [at.parent],
    reads: 'both',
    keeps: 'nothing',
    changesKey: true,
    build: ({ next }) => ({
      process: (record) => {
        for (const [key, value] of pairs(record.value, record.key, record)) next(record.with(key, value))
      },
    }),
  }
}

/** As flatMap, but the key and its partition stay. */
export function flatMapValues<K, V, W>(at: At, mapper: FromRecord<K, V, Iterable<W>>): TopologyNode {
  const values = mapper as FromRecord<unknown, unknown, Iterable<unknown>>
  return {
    name: at.name,
    kind: 'flatMapValues',
    parents: [at.parent],
    reads: 'both',
    keeps: 'key',
    build: ({ next }) => ({
      process: (record) => {
        for (const value of values(record.value, record.key, record)) next(record.withValue(value))
      },
    }),
  }
}

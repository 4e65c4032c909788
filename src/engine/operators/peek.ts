/** peek: shows each record to a function (a log line, a metric) and passes it on. Never for effects that must happen once. */
import type { TopologyNode } from '../topology/node.ts'
import type { At, FromRecord } from './callbacks.ts'

export function peek<K, V>(at: At, look: FromRecord<K, V, void>): TopologyNode {
  const show = look as FromRecord<unknown, unknown, void>
  return {
    name: at.name,
    kind: 'peek',
    parents: [at.parent],
    reads: 'both',
    keeps: 'both',
    build: ({ next }) => ({
      process: (record) => {
        show(record.value, record.key, record)
        next(record)
      },
    }),
  }
}

/** forEach: hands each record to a function and ends there. It may run again after a crash: never for effects that must happen once. */
import type { TopologyNode } from '../topology/node.ts'
import type { At, FromRecord } from './callbacks.ts'

export function forEach<K, V>(at: At, look: FromRecord<K, V, void>): TopologyNode {
  const show = look as FromRecord<unknown, unknown, void>
  return {
    name: at.name,
    kind: 'forEach',
    parents: [at.parent],
    reads: 'both',
    keeps: 'nothing',
    build: () => ({ process: (record) => show(record.value, record.key, record) }),
  }
}

/** toStream: the updates of a table as records; a deletion has the value null. */
import type { Change } from '../../core/record.ts'
import type { TopologyNode } from '../topology/node.ts'
import type { At } from './callbacks.ts'

export function toStream(at: At): TopologyNode {
  return {
    name: at.name,
    kind: 'toStream',
    parents: [at.parent],
    reads: 'nothing',
    keeps: 'key',
    build: ({ next }) => ({
      process: (record) => next(record.withValue((record.value as Change<unknown>).newValue)),
    }),
  }
}

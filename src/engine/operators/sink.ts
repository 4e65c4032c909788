/** to: writes each record to a topic with its timestamp and headers. Bytes that nobody changed are written as they came. */
import type { Topic } from '../../core/topic.ts'
import { untouched } from '../topology/builder.ts'
import type { TopologyNode } from '../topology/node.ts'
import { writeTo } from '../topology/sink.ts'
import type { At } from './callbacks.ts'

export function sink(at: At, topic: Topic<unknown, unknown>): TopologyNode {
  const spec = { topic: topic.name, key: topic.key, value: topic.value }
  return {
    name: at.name,
    kind: 'sink',
    parents: [at.parent],
    sink: spec,
    ...untouched,
    build: writeTo(spec),
  }
}

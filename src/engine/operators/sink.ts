/** to: writes each record to a topic with its timestamp and headers. Bytes that nobody changed are written as they came. */
import type { Topic } from '../../core/topic.ts'
import { untouched } from '../topology/builder.ts'
import type { SinkSpec, TopologyNode } from '../topology/node.ts'
import { writeTo } from '../topology/sink.ts'
import type { At } from './callbacks.ts'

/** @param choices a topic or partitions chosen per record */
export function sink(
  at: At,
  topic: Pick<Topic<unknown, unknown>, 'name' | 'key' | 'value'>,
  choices: Pick<SinkSpec, 'partition' | 'topicOf'> = {},
): TopologyNode {
  const spec = { topic: topic.name, key: topic.key, value: topic.value, ...choices }
  const chooses = choices.partition !== undefined || choices.topicOf !== undefined
  return {
    name: at.name,
    kind: 'sink',
    parents: [at.parent],
    sink: spec,
    ...untouched,
    ...(chooses ? { reads: 'both' as const } : {}),
    build: writeTo(spec),
  }
}

/** How a node writes to a topic: the one builder of sinks, of the user's and of internal topics. */
import type { BuildProcessor } from '../../core/processor.ts'
import { scopedTopic } from './names.ts'
import type { SinkSpec, TopologyNode } from './node.ts'

export function writeTo({ topic, key, value, partition, topicOf }: SinkSpec): BuildProcessor {
  return (context) => {
    const writer = context.output({
      topic,
      key,
      value,
      ...(partition && { partition }),
      ...(topicOf && { topicOf }),
    })
    return { process: (record) => writer.write(record) }
  }
}

/** Gives the internal topics that operators asked for the application's name. */
export function scopeTopics(application: string, nodes: readonly TopologyNode[]): readonly TopologyNode[] {
  return nodes.map((node): TopologyNode => {
    if (node.source?.scoped === true) {
      const topics = node.source.topics.map((topic) => scopedTopic(application, topic))
      return { ...node, source: { ...node.source, topics } }
    }
    if (node.sink?.scoped !== true) return node
    const sink = { ...node.sink, topic: scopedTopic(application, node.sink.topic) }
    return { ...node, sink, build: writeTo(sink) }
  })
}

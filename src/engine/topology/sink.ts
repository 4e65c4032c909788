/** How a node writes to a topic: the one builder of sinks, of the user's and of repartition topics. */
import type { BuildProcessor } from '../../core/processor.ts'
import type { SinkSpec } from './node.ts'

export function writeTo(spec: SinkSpec): BuildProcessor {
  return (context) => {
    const writer = context.output({ topic: spec.topic, key: spec.key, value: spec.value })
    return { process: (record) => writer.write(record) }
  }
}

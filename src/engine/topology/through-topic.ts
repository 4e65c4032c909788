/** An internal topic between two nodes of one operator: whoever reads it may be another task on another instance. */
import type { OutputSpec } from '../../core/processor.ts'
import type { Serde } from '../../core/serde.ts'
import { untouched } from './builder.ts'
import type { TopologyNode } from './node.ts'
import { writeTo } from './sink.ts'

/**
 * A sink below the parents and the source that goes on behind it, `<base>-sink` and `<base>-source`. Null keys pass.
 * @param topic without the application's name; default `<base>-topic`
 */
export function throughTopic(
  base: string,
  parents: readonly string[],
  serdes: { readonly key: Serde<unknown>; readonly value: Serde<unknown> },
  partition: OutputSpec['partition'],
  topic: string = `${base}-topic`,
): readonly TopologyNode[] {
  const own = { ...serdes, internal: true, scoped: true } as const
  const sink = { topic, ...own, ...(partition && { partition }) }
  const source = { topics: [topic], ...own }
  return [
    { name: `${base}-sink`, kind: 'sink', parents, sink, build: writeTo(sink), ...untouched },
    { name: `${base}-source`, kind: 'source', parents: [], source, ...untouched },
  ]
}

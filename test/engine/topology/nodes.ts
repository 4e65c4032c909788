/** Nodes for topology tests: data only, their processors are never run. */
import type { Serde } from '../../../src/core/serde.ts'
import { untouched } from '../../../src/engine/topology/builder.ts'
import type { PartitionedInput, StoreSpec, TopologyNode } from '../../../src/engine/topology/node.ts'
import { json, string } from '../../../src/serdes/index.ts'

export const text: Serde<unknown> = string
export const document: Serde<unknown> = json()

export function source(topic: string, value: Serde<unknown> = document): TopologyNode {
  return {
    name: topic,
    kind: 'source',
    parents: [],
    source: { topics: [topic], key: text, value },
    ...untouched,
  }
}

export function step(
  name: string,
  parents: readonly string[],
  more: Partial<TopologyNode> = {},
): TopologyNode {
  return { name, kind: 'step', parents, build: ({ next }) => ({ process: next }), ...untouched, ...more }
}

export function rekey(name: string, parent: string): TopologyNode {
  return step(name, [parent], { reads: 'both', keeps: 'value', changesKey: true })
}

export function sink(topic: string, parent: string, value: Serde<unknown> = document): TopologyNode {
  return step(`to-${topic}`, [parent], { kind: 'sink', sink: { topic, key: text, value } })
}

export function kept(name: string, more: Partial<StoreSpec> = {}): StoreSpec {
  return { name, kind: 'timestamped', key: text, value: document, changelog: true, ...more }
}

export function input(parent: string, name: string, more: Partial<PartitionedInput> = {}): PartitionedInput {
  return { parent, name, key: text, value: document, ...more }
}

/** State by key: repartitions when the key may have changed. */
export function count(name: string, parent: string, more: Partial<PartitionedInput> = {}): TopologyNode {
  return step(name, [parent], {
    reads: 'key',
    keeps: 'key',
    stores: [kept(name)],
    partitioned: [input(parent, name, more)],
  })
}

export function table(topic: string): readonly TopologyNode[] {
  return [
    source(topic),
    step(`${topic}-table`, [topic], { reads: 'both', keeps: 'key', stores: [kept(`${topic}-table`)] }),
  ]
}

export function join(
  name: string,
  parent: string,
  tableName: string,
  more: Partial<TopologyNode> = {},
): TopologyNode {
  return step(name, [parent], {
    reads: 'both',
    keeps: 'key',
    connects: [tableName],
    partitioned: [input(parent, name)],
    copartitions: [parent, tableName],
    ...more,
  })
}

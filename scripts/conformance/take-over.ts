/**
 * Taking an application over: the changelogs that Kafka Streams wrote are restored, and the stores must hold what its stores held.
 * Nothing of ours has run before.
 */
import { openTaskState } from '../../src/engine/state/task-state.ts'
import type { TaskState } from '../../src/engine/state/task-state.ts'
import type { Plan, Subtopology } from '../../src/engine/topology/plan.ts'
import type { FetchedBatch } from '../../src/core/broker.ts'
import { SILENT } from '../../src/core/log.ts'
import { memoryBackend } from '../../src/stores/memory.ts'
import { contentsOf } from '../../src/testing/store-contents.ts'
import type { StoreContents } from '../../src/testing/store-contents.ts'
import type { Golden, InternalRecord } from './case.ts'
import { storeDifferences } from './compare-stores.ts'
import type { Difference } from './compare-topology.ts'

export async function takeOverDifferences(
  { subtopologies }: Plan,
  { internal, stores = {} }: Golden,
): Promise<readonly Difference[]> {
  if (internal === undefined) return []
  const restored = new Map<string, StoreContents>()
  for (const subtopology of subtopologies) {
    for (const [name, contents] of await restore(subtopology, internal)) restored.set(name, contents)
  }
  const logged = Object.entries(stores).filter(([name]) => restored.has(name))
  return storeDifferences(Object.fromEntries(logged), restored).map(({ text }) => ({
    aspect: 'take-over',
    text,
  }))
}

/** Stores whose changelogs are there; what a source topic has is no matter of changelogs. */
async function restore(
  { stores }: Subtopology,
  internal: NonNullable<Golden['internal']>,
): Promise<ReadonlyMap<string, StoreContents>> {
  const state = await openTaskState({
    backend: memoryBackend(),
    folder: '',
    task: '0_0',
    stores,
    clusterId: 'take-over',
    topicIds: new Map(),
    bootId: '',
    log: SILENT,
  })
  const restored = new Map<string, StoreContents>()
  for (const spec of stores) {
    const records = internal[spec.changelogTopic ?? '']
    if (records === undefined || spec.sourceChangelog !== undefined) continue
    apply(state, spec.name, records)
    restored.set(spec.name, contentsOf(spec, state.committed(spec.name)))
  }
  state.close()
  return restored
}

function apply(state: TaskState, store: string, records: readonly InternalRecord[]): void {
  const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text, 'hex'))
  const batch: FetchedBatch = {
    kind: 'records',
    topic: store,
    partition: 0,
    count: records.length,
    offsetAt: (index) => index,
    timestampAt: (index) => records[index]!.ts ?? 0,
    keyAt: (index) => bytes(records[index]!.key),
    valueAt: (index) => bytes(records[index]!.value),
    headersAt: () => [],
    bytes: records.length,
    nextOffset: records.length,
    endOffset: records.length,
  }
  state.write(state.stores.get(store)!.restored(batch))
}

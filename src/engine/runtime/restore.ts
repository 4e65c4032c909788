/**
 * Brings the stores of a task up to date from their changelogs. The target is the changelog's end including what is still
 * open in transactions (a dead owner's transaction may yet commit): reading goes on, committed records only, until the
 * position has passed it. Stopping at the last stable offset would start with yesterday's state.
 */
import type { Fetched, Fetcher } from '../../core/broker.ts'
import { partitionId } from '../../core/record.ts'
import type { TaskState } from '../state/task-state.ts'
import type { Changelog } from './opened.ts'
import type { Ports } from './options.ts'
import { inSlices } from './slices.ts'

/** How long one wait for changelog records may last before the signal is looked at again, ms. */
const WAIT_MS = 100

const ENTRIES_PER_WRITE = 1_000

interface Restoring {
  readonly store: string
  readonly changelog: Changelog
  position: number
  readonly end: number
}

/** @returns false when the signal was aborted */
export async function restore(
  state: TaskState,
  changelogs: ReadonlyMap<string, Changelog>,
  ports: Ports,
  sliceMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const behind = await findBehind(state, changelogs, ports)
  if (behind.size === 0) return !signal.aborted
  const fetcher = ports.broker.fetcher({ isolation: 'read_committed' })
  try {
    for (const { changelog, position } of behind.values()) {
      fetcher.add(changelog.topic, changelog.partition, position)
    }
    return await catchUp(state, behind, fetcher, ports, sliceMs, signal)
  } finally {
    fetcher.close()
  }
}

/** Stores whose changelog has more than they hold; one that lies outside its changelog is wiped and read from the start. */
async function findBehind(
  state: TaskState,
  changelogs: ReadonlyMap<string, Changelog>,
  ports: Ports,
): Promise<Map<string, Restoring>> {
  const { admin } = ports.broker
  const behind = new Map<string, Restoring>()
  for (const [store, changelog] of changelogs) {
    const { topic, partition } = changelog
    const start = await admin.listOffset(topic, partition, 'earliest', 'read_uncommitted')
    const end = await admin.listOffset(topic, partition, 'latest', 'read_uncommitted')
    let position = state.position(store)
    if (position !== undefined && (position > end || position < start)) {
      state.wipe(
        store,
        `position ${position} is outside its changelog ${topic}-${partition} [${start}, ${end}]`,
      )
      position = undefined
    }
    if ((position ?? start) < end) {
      behind.set(partitionId(topic, partition), { store, changelog, position: position ?? start, end })
    }
  }
  return behind
}

async function catchUp(
  state: TaskState,
  behind: Map<string, Restoring>,
  fetcher: Fetcher,
  ports: Ports,
  sliceMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const restored = ports.metrics.counter('restore-records-total')
  while (behind.size > 0) {
    await ports.failpoints.hit('restore.read')
    await fetcher.arrived(WAIT_MS)
    if (signal.aborted) return false
    for (const fetched of fetcher.take()) {
      await ports.failpoints.hit('restore.apply')
      if (signal.aborted) return false
      restored.value += await apply(state, behind, fetched, ports, sliceMs, signal)
      if (signal.aborted) return false
    }
  }
  return true
}

async function apply(
  state: TaskState,
  behind: Map<string, Restoring>,
  fetched: Fetched,
  ports: Ports,
  sliceMs: number,
  signal: AbortSignal,
): Promise<number> {
  if (fetched.kind === 'failed') throw fetched.error
  const id = partitionId(fetched.topic, fetched.partition)
  const restoring = behind.get(id)
  if (restoring === undefined) return 0
  const entries = state.stores.get(restoring.store)!.restored(fetched)
  let at = 0
  await inSlices(ports.clock, ports.scheduler, sliceMs, (shouldYield) => {
    while (at < entries.length && !signal.aborted) {
      state.write(entries.slice(at, at + ENTRIES_PER_WRITE))
      at += ENTRIES_PER_WRITE
      if (shouldYield()) return false
    }
    return true
  })
  if (signal.aborted) return 0
  restoring.position = fetched.nextOffset
  state.writePositions(new Map([[restoring.store, fetched.nextOffset]]))
  if (restoring.position >= restoring.end) behind.delete(id)
  return fetched.count
}

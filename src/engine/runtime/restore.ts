/**
 * Brings the stores of a task up to date from their changelogs. The target is the changelog's end including what is still
 * open in transactions (a dead owner's transaction may yet commit): reading goes on, committed records only, until the
 * position has passed it. Stopping at the last stable offset would start with yesterday's state.
 */
import type { Admin, Fetched, FetchedBatch, Fetcher } from '../../core/broker.ts'
import { partitionId } from '../../core/record.ts'
import type { TaskState } from '../state/task-state.ts'
import type { Changelog, ChangelogPartition, RestoreProgress } from './opened.ts'
import type { Ports } from './options.ts'
import { inSlices } from './slices.ts'

/** How long one wait for changelog records may last before the signal is looked at again, ms. */
export const WAIT_MS = 100

const ENTRIES_PER_WRITE = 1_000

/** A store on its way to the end of its changelog. */
export interface Restoring {
  readonly store: string
  readonly changelog: ChangelogPartition
  position: number
  readonly end: number
  records: number
}

type Tell = (phase: RestoreProgress['phase'], restoring: Restoring) => void

export interface RestoreParts {
  readonly ports: Ports
  readonly sliceMs: number
  /** `<subtopology>_<partition>` */
  readonly task: string
  readonly onRestore: (progress: RestoreProgress) => void
}

/** @returns false when the signal was aborted */
export async function restore(
  state: TaskState,
  changelogs: ReadonlyMap<string, Changelog>,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<boolean> {
  const { ports } = parts
  const behind = await findBehind(state, changelogs, ports)
  if (behind.size === 0) return !signal.aborted
  const fetcher = ports.broker.fetcher({ isolation: 'read_committed' })
  const tell = teller(parts)
  try {
    for (const restoring of behind.values()) {
      const { changelog, position } = restoring
      fetcher.add(changelog.topic, changelog.partition, position)
      tell('started', restoring)
    }
    return await catchUp(state, behind, fetcher, parts, tell, signal)
  } finally {
    for (const restoring of behind.values()) tell('suspended', restoring)
    fetcher.close()
  }
}

function teller({ task, onRestore }: RestoreParts): Tell {
  return (phase, { store, changelog, position, end, records }) =>
    onRestore({
      phase,
      store,
      task,
      topic: changelog.topic,
      partition: changelog.partition,
      position,
      end,
      records,
    })
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
    const { position, end } = await startOf(state, store, changelog, admin)
    if (position < end) {
      behind.set(partitionId(topic, partition), { store, changelog, position, end, records: 0 })
    }
  }
  return behind
}

/** Where a store goes on in its changelog; one that lies outside it is wiped and begins at its start. */
export async function startOf(
  state: TaskState,
  store: string,
  { topic, partition, upTo }: ChangelogPartition,
  admin: Admin,
): Promise<{ readonly position: number; readonly end: number }> {
  const start = await admin.listOffset(topic, partition, 'earliest', 'read_uncommitted')
  const end = upTo ?? (await admin.listOffset(topic, partition, 'latest', 'read_uncommitted'))
  const position = state.position(store)
  if (position === undefined) return { position: start, end }
  if (position >= start && position <= end) return { position, end }
  state.wipe(store, `position ${position} is outside its changelog ${topic}-${partition} [${start}, ${end}]`)
  return { position: start, end }
}

async function catchUp(
  state: TaskState,
  behind: Map<string, Restoring>,
  fetcher: Fetcher,
  parts: RestoreParts,
  tell: Tell,
  signal: AbortSignal,
): Promise<boolean> {
  const { ports } = parts
  const restored = ports.metrics.counter('restore-records-total')
  while (behind.size > 0) {
    await ports.failpoints.hit('restore.read')
    await fetcher.arrived(WAIT_MS)
    if (signal.aborted) return false
    for (const fetched of fetcher.take()) {
      await ports.failpoints.hit('restore.apply')
      if (signal.aborted) return false
      restored.value += await apply(state, behind, fetched, parts, tell, signal)
      if (signal.aborted) return false
    }
  }
  return true
}

async function apply(
  state: TaskState,
  behind: Map<string, Restoring>,
  fetched: Fetched,
  { ports, sliceMs }: RestoreParts,
  tell: Tell,
  signal: AbortSignal,
): Promise<number> {
  if (fetched.kind === 'failed') throw fetched.error
  const id = partitionId(fetched.topic, fetched.partition)
  const restoring = behind.get(id)
  if (restoring === undefined) return 0
  if (!(await applyChanges(state, restoring, fetched, { ports, sliceMs, signal }))) return 0
  restoring.records += fetched.count
  tell('batch', restoring)
  if (restoring.position >= restoring.end) {
    behind.delete(id)
    tell('ended', restoring)
  }
  return fetched.count
}

/** Writes a batch of changes, then the position behind it. @returns false when the signal came first; then the position did not move */
export async function applyChanges(
  state: TaskState,
  restoring: Restoring,
  fetched: FetchedBatch,
  {
    ports,
    sliceMs,
    signal,
  }: { readonly ports: Ports; readonly sliceMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const { upTo } = restoring.changelog
  const batch = upTo === undefined || fetched.nextOffset <= upTo ? fetched : batchUpTo(fetched, upTo)
  const entries = state.stores.get(restoring.store)!.restored(batch)
  let at = 0
  await inSlices(ports.clock, ports.scheduler, sliceMs, (shouldYield) => {
    while (at < entries.length && !signal.aborted) {
      state.write(entries.slice(at, at + ENTRIES_PER_WRITE))
      at += ENTRIES_PER_WRITE
      if (shouldYield()) return false
    }
    return true
  })
  if (signal.aborted) return false
  restoring.position = batch.nextOffset
  state.writePositions(new Map([[restoring.store, batch.nextOffset]]))
  return true
}

/** The records of a batch before an offset: those behind it come again as input. */
function batchUpTo(batch: FetchedBatch, upTo: number): FetchedBatch {
  let count = 0
  while (count < batch.count && batch.offsetAt(count) < upTo) count++
  return {
    kind: 'records',
    topic: batch.topic,
    partition: batch.partition,
    count,
    offsetAt: (index) => batch.offsetAt(index),
    timestampAt: (index) => batch.timestampAt(index),
    keyAt: (index) => batch.keyAt(index),
    valueAt: (index) => batch.valueAt(index),
    headersAt: (index) => batch.headersAt(index),
    bytes: batch.bytes,
    nextOffset: upTo,
    endOffset: batch.endOffset,
  }
}

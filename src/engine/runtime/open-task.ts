/**
 * Opens a task: local state, committed positions, restore from changelogs, graph, ledger; in this order.
 * Fetching begins when the worker takes the task over.
 * Committed offsets (stable ones) are read before the changelogs' ends: the other way round a transaction that ends in
 * between would move the offsets but not the state.
 */
import { sluiceError } from '../../core/errors.ts'
import { NO_HEADERS, partitionId, type TaskId, taskName } from '../../core/record.ts'
import type { TaskState } from '../state/task-state.ts'
import type { Subtopology } from '../topology/plan.ts'
import { assembleTask } from './assemble.ts'
import { PartitionQueue } from './buffer.ts'
import { decodeEnvelope, EMPTY_ENVELOPE, type Envelope } from './envelope.ts'
import { openLocalState } from './local-state.ts'
import type { LogUpdate } from '../state/managed.ts'
import type { Changelog, OpenTask, TaskEnvironment } from './opened.ts'
import type { Guarantee } from './options.ts'
import type { Output } from './output.ts'
import { restore } from './restore.ts'
import type { RestoreParts } from './restore.ts'
import type { CurrentRecord } from './task.ts'

/** @returns undefined when `signal` was aborted on the way; then nothing is left open */
export async function openTask(
  id: TaskId,
  environment: TaskEnvironment,
  signal: AbortSignal,
): Promise<OpenTask | undefined> {
  const { plan, ports } = environment
  const subtopology = plan.subtopologies.find((other) => other.id === id.subtopology)
  if (subtopology === undefined) {
    throw sluiceError('SLUICE_INTERNAL', {
      place: 'assignment',
      problem: `no sub-topology ${id.subtopology}`,
    })
  }
  await ports.failpoints.hit('restore.open')
  if (signal.aborted) return undefined
  const current: CurrentRecord = { record: undefined }
  const state = await openLocalState(id, subtopology, environment, current)
  try {
    const opened = await openWith(id, subtopology, state, current, environment, signal)
    if (opened === undefined) state.close()
    return opened
  } catch (error) {
    state.close()
    throw error
  }
}

async function openWith(
  id: TaskId,
  subtopology: Subtopology,
  state: TaskState,
  current: CurrentRecord,
  environment: TaskEnvironment,
  signal: AbortSignal,
): Promise<OpenTask | undefined> {
  const { ports, settings, output } = environment
  await ports.failpoints.hit('restore.offsets')
  const { queues, envelopes } = await committedQueues(id, subtopology, environment)
  if (signal.aborted) return undefined
  const changelogs = changelogsOf(id, subtopology, output, settings.guarantee, queues)
  const restored = await restore(state, changelogs, restoreParts(id, environment), signal)
  if (!restored || signal.aborted) return undefined
  const task = assembleTask({ id, subtopology, state, current, queues, envelopes }, environment)
  try {
    for (const flight of task.graph.inFlight) flight.restore(replays(queues))
    await ports.failpoints.hit('restore.done')
    const visible = new Map(
      queues.map(({ topic, partition, position }) => [partitionId(topic, partition), position]),
    )
    return { task, state, changelogs, visible }
  } catch (error) {
    // Restored records may have calls under way already.
    task.close()
    throw error
  }
}

function restoreParts(id: TaskId, { ports, settings, onRestore }: TaskEnvironment): RestoreParts {
  return { ports, sliceMs: settings.sliceMs, task: taskName(id), onRestore }
}

/** What is in the source topic already need not be written again. */
const WRITES_NOTHING: LogUpdate = () => undefined

function changelogsOf(
  id: TaskId,
  subtopology: Subtopology,
  output: Output,
  guarantee: Guarantee,
  queues: readonly PartitionQueue[],
): Map<string, Changelog> {
  const changelogs = new Map<string, Changelog>()
  for (const store of subtopology.stores) {
    if (store.changelogTopic === undefined) continue
    const topic = store.changelogTopic
    if (store.sourceChangelog !== undefined) {
      const upTo = queues.find((queue) => queue.topic === topic)?.position ?? 0
      changelogs.set(store.name, { topic, partition: id.partition, upTo, log: WRITES_NOTHING })
      continue
    }
    const late = store.ledgerOf !== undefined && guarantee === 'at-least-once'
    const log = late
      ? output.changelogDeletingLate(topic, id.partition, NO_HEADERS)
      : output.changelog(topic, id.partition, store.changelogHeaders ?? NO_HEADERS)
    changelogs.set(store.name, { topic, partition: id.partition, log })
  }
  return changelogs
}

/** The queues of the task's source partitions, at their committed positions or where the reset policy says. */
async function committedQueues(
  id: TaskId,
  subtopology: Subtopology,
  environment: TaskEnvironment,
): Promise<{ queues: readonly PartitionQueue[]; envelopes: readonly Envelope[] }> {
  const { counts, member, settings, ports } = environment
  const sources = subtopology.nodes.filter((node) => node.source !== undefined)
  const wanted = sources.flatMap((node, source) =>
    node
      .source!.topics.filter((topic) => id.partition < (counts.get(topic) ?? 0))
      .map((topic) => ({ topic, partition: id.partition, source })),
  )
  const committed = new Map(
    (await member.committed(wanted)).map((entry) => [partitionId(entry.topic, entry.partition), entry]),
  )
  const queues: PartitionQueue[] = []
  const envelopes: Envelope[] = []
  for (const { topic, partition, source } of wanted) {
    const entry = committed.get(partitionId(topic, partition))
    const position =
      entry?.offset ??
      (await ports.broker.admin.listOffset(topic, partition, settings.offsetReset, 'read_committed'))
    const envelope = entry === undefined ? EMPTY_ENVELOPE : decodeEnvelope(entry.metadata)
    if (envelope === EMPTY_ENVELOPE && entry !== undefined && entry.metadata !== '') {
      ports.log.warn({ topic, partition }, 'commit metadata of an unknown version is ignored')
    }
    const queue = new PartitionQueue(topic, partition, source, position)
    queue.time = envelope.partitionTime
    queues.push(queue)
    envelopes.push(envelope)
  }
  return { queues, envelopes }
}

/** Whether a record will come (again) from the queues as they begin. */
function replays(
  queues: readonly PartitionQueue[],
): (topic: string, partition: number, offset: number) => boolean {
  const positions = new Map(
    queues.map((queue) => [partitionId(queue.topic, queue.partition), queue.position]),
  )
  return (topic, partition, offset) => offset >= (positions.get(partitionId(topic, partition)) ?? Infinity)
}

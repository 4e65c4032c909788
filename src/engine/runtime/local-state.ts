/** Opens the local state of a task, active or stand-by, and knows which tasks left state on this disk. */
import type { Disk } from '../../core/disk.ts'
import type { Logger } from '../../core/log.ts'
import type { Metrics } from '../../core/metrics.ts'
import { type FlowRecord, type TaskId, taskName } from '../../core/record.ts'
import { openTaskState, type TaskState } from '../state/task-state.ts'
import type { Plan, Subtopology } from '../topology/plan.ts'
import type { TaskEnvironment } from './opened.ts'
import type { CurrentRecord } from './task.ts'

type StateEnvironment = Pick<TaskEnvironment, 'ports' | 'settings' | 'clusterId' | 'topicIds' | 'stateFolder'>

/** @throws SLUICE_STORE_OPEN, SLUICE_STORE_WRITE */
export function openLocalState(
  id: TaskId,
  subtopology: Subtopology,
  environment: StateEnvironment,
  current: CurrentRecord,
): Promise<TaskState> {
  const { ports, settings, clusterId, topicIds } = environment
  return openTaskState({
    backend: ports.stores,
    folder: `${environment.stateFolder}/${taskName(id)}`,
    task: taskName(id),
    stores: subtopology.stores,
    clusterId,
    topicIds,
    bootId: ports.disk.bootId(),
    removeFolder: (path) => ports.disk.remove(path),
    cacheEntries: settings.cacheEntries,
    freeze: settings.freezeState,
    current: () => current.record,
    expired: expiredPuts(ports.metrics, ports.log, taskName(id)),
    log: ports.log,
  })
}

/** Counts and logs what stores drop since it is past their retention, among the records dropped by rule. */
export function expiredPuts(
  metrics: Metrics,
  log: Logger,
  task: string,
): (record: FlowRecord | undefined, store: string) => void {
  return (record, store) => {
    metrics.counter('dropped-records-total', { task, node: store }).value++
    const { topic, partition, offset } = record ?? {}
    log.debug({ task, store, topic, partition, offset }, 'put dropped: it is past the retention of the store')
  }
}

/** Tasks of the plan that have a folder here, so that they come back to where their state is. */
export async function tasksWithState(
  disk: Disk,
  stateFolder: string,
  plan: Plan,
): Promise<readonly TaskId[]> {
  const stateful = new Set(plan.subtopologies.filter(({ stores }) => stores.length > 0).map(({ id }) => id))
  const names = await disk.list(stateFolder)
  return names.flatMap((name) => {
    const match = /^(\d+)_(\d+)$/.exec(name)
    const id = match === null ? undefined : { subtopology: Number(match[1]), partition: Number(match[2]) }
    return id !== undefined && stateful.has(id.subtopology) ? [id] : []
  })
}

/** How a worker joins the group of its application: with the tasks of the plan, and the state it still has of them. */
import type { GroupMember } from '../../core/broker.ts'
import { groupTopology } from '../topology/plan.ts'
import { tasksWithState } from './local-state.ts'
import type { WorkerParts } from './worker-parts.ts'

export async function joinGroup(parts: WorkerParts): Promise<GroupMember> {
  const { ports, settings, plan, processId, stateFolder, endpoint } = parts
  return ports.broker.join({
    group: plan.application,
    topology: groupTopology(plan),
    processId,
    standbyReplicas: settings.standbyReplicas,
    ownedState: ports.stores.persistent ? await tasksWithState(ports.disk, stateFolder, plan) : [],
    ...(endpoint === undefined ? {} : { endpoint }),
    sessionTimeoutMs: settings.sessionTimeoutMs,
    heartbeatIntervalMs: settings.heartbeatIntervalMs,
  })
}

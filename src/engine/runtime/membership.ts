/** How a worker joins the group of its application: with the tasks of the plan, and the state it still has of them. */
import type { GroupMember } from '../../core/broker.ts'
import { isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import { groupTopology } from '../topology/plan.ts'
import { tasksWithState } from './local-state.ts'
import type { WorkerParts } from './worker-parts.ts'

export async function joinGroup(parts: WorkerParts): Promise<GroupMember> {
  const { ports, settings, plan, processId, stateFolder, endpoint } = parts
  const member = await ports.broker.join({
    group: plan.application,
    topology: groupTopology(plan),
    processId,
    standbyReplicas: settings.standbyReplicas,
    ownedState: ports.stores.persistent ? await tasksWithState(ports.disk, stateFolder, plan) : [],
    ...(endpoint === undefined ? {} : { endpoint }),
    sessionTimeoutMs: settings.sessionTimeoutMs,
    heartbeatIntervalMs: settings.heartbeatIntervalMs,
  })
  if (settings.onUncaughtError !== 'stop-application' || member.stopAll !== undefined) return member
  await member.leave()
  throw sluiceError('SLUICE_UNSUPPORTED', {
    what: 'onUncaughtError: stop-application',
    problem: `the group protocol of ${ports.broker.kind} has no way to tell other instances`,
    remedy: "Use 'stop-instance', and stop the others by whatever runs them.",
  })
}

/** A failure for which the application wants every instance to stop; one that was told to stop tells nobody. */
export async function stopOthers(
  { settings }: Pick<WorkerParts, 'settings'>,
  member: GroupMember | undefined,
  failure: unknown,
): Promise<void> {
  if (settings.onUncaughtError !== 'stop-application' || member === undefined || member.lost !== undefined)
    return
  if (isSluiceError(failure, 'SLUICE_APPLICATION_STOPPED')) return
  await member.stopAll?.(problemOf(failure))
}

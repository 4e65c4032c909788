/**
 * What the leader of a group does: tasks from topics, an assignment to aim at, and for each member what it may have of it
 * now. Pure. It gives no task to a member while another one says to own it, so two live members never own one task.
 */
import type { GroupTopology } from '../../../core/broker.ts'
import type { TaskId, TopicPartition } from '../../../core/record.ts'
import { taskName } from '../../../core/record.ts'
import type { Assignment } from '../../assignment/assignor.ts'
import { assignTasks } from '../../assignment/assignor.ts'
import type { Subscription, TaskAssignment } from './user-data.ts'

export interface JoinedMember {
  readonly memberId: string
  readonly subscription: Subscription
}

/** Partitions by topic; a topic that does not exist is absent. */
export type PartitionCounts = ReadonlyMap<string, number>

/** A sub-topology has tasks once all its source topics exist: else its co-partitioned inputs would not line up. */
export function tasksOf(topology: GroupTopology, counts: PartitionCounts): readonly TaskId[] {
  return topology.subtopologies.flatMap(({ id, sourceTopics }) => {
    const each = sourceTopics.map((topic) => counts.get(topic) ?? 0)
    const count = each.includes(0) ? 0 : Math.max(0, ...each)
    return Array.from({ length: count }, (_, partition) => ({ subtopology: id, partition }))
  })
}

/** @returns by member id */
export function assignGroup(
  members: readonly JoinedMember[],
  counts: PartitionCounts,
): ReadonlyMap<string, TaskAssignment> {
  const topology = members[0]?.subscription.topology ?? { subtopologies: [] }
  const stop = members.find(({ subscription }) => subscription.stop !== undefined)?.subscription.stop
  if (stop !== undefined) {
    const all = { active: [], standby: [], pending: [], stop }
    return new Map(members.map(({ memberId }) => [memberId, all]))
  }
  const targets = aim(members, tasksOf(topology, counts))
  const owners = new Map<string, string>()
  for (const { memberId, subscription } of members)
    for (const task of subscription.owned) owners.set(taskName(task), memberId)
  return new Map(
    members.map((member) => {
      const target = targets.get(member.memberId) ?? { active: [], standby: [] }
      return [member.memberId, now(member, target, owners)]
    }),
  )
}

/** Sticky to what was aimed at last, so that a migration under way goes on instead of turning round. */
function aim(members: readonly JoinedMember[], tasks: readonly TaskId[]): ReadonlyMap<string, Assignment> {
  const newest = Math.max(...members.map(({ subscription }) => subscription.generation))
  const replicas = Math.max(0, ...members.map(({ subscription }) => subscription.standbyReplicas))
  const before = members.map(({ memberId, subscription }) => {
    const { processId, generation, target, owned, standby, state } = subscription
    // Targets of different generations may overlap, what is owned never does.
    const active = newest >= 0 && generation === newest ? target : owned
    return { memberId, processId, active, state: [...owned, ...standby, ...state] }
  })
  return assignTasks(before, tasks, replicas)
}

/** The part of the target that can be had at once: kept, and what nobody owns. */
function now(
  { memberId, subscription }: JoinedMember,
  target: Assignment,
  owners: ReadonlyMap<string, string>,
): TaskAssignment {
  const others = (task: TaskId): boolean => (owners.get(taskName(task)) ?? memberId) !== memberId
  const pending = target.active.filter(others)
  const awaited = new Set(pending.map(taskName))
  // A stand-by that is to become active stays warm until the former owner gave the task up.
  const warm = subscription.standby.filter((task) => awaited.has(taskName(task)))
  return {
    active: target.active.filter((task) => !others(task)),
    standby: [...target.standby, ...warm],
    pending,
  }
}

/** Source partitions of tasks, for tools that describe the group. */
export function partitionsOf(
  topology: GroupTopology,
  tasks: readonly TaskId[],
  counts: PartitionCounts,
): readonly TopicPartition[] {
  return tasks.flatMap(({ subtopology, partition }) => {
    const topics = topology.subtopologies.find(({ id }) => id === subtopology)?.sourceTopics ?? []
    return topics
      .filter((topic) => partition < (counts.get(topic) ?? 0))
      .map((topic) => ({ topic, partition }))
  })
}

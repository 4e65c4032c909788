/**
 * What a member asks of the coordinator of its group, classic protocol: join, sync, heartbeat, leave. Error codes that are a
 * normal part of the protocol are answers here, the rest are errors of the table.
 */
import type { GroupTopology, JoinOptions } from '../../../core/broker.ts'
import type { Bytes } from '../../../core/record.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { sluiceError } from '../../../core/errors.ts'
import { topologyDifference } from '../../assignment/topology-difference.ts'
import type { Parts } from '../ask.ts'
import { askCoordinator } from '../ask.ts'
import { Code } from '../codes.ts'
import type { Purpose } from '../cluster/cluster.ts'
import { errorKind, errorName, failure } from '../cluster/error-codes.ts'
import { heartbeatApi } from '../protocol/messages/heartbeat.ts'
import type { JoinGroupResponse } from '../protocol/messages/join-group.ts'
import { joinGroupApi } from '../protocol/messages/join-group.ts'
import { leaveGroupApi } from '../protocol/messages/leave-group.ts'
import { syncGroupApi } from '../protocol/messages/sync-group.ts'
import type { DescribedMember } from './describe.ts'
import { describeMembers } from './describe.ts'
import type { Standing } from './offsets.ts'

/** As every consumer says, so that any tool can describe the group. */
const PROTOCOL_TYPE = 'consumer'
/** How long a request may take longer than what the broker waits for. */
const SLACK_MS = 10_000
const LEAVE_MS = 3_000
/** From here on a leave names several members. */
const MANY_LEAVE = 3

export interface GroupLink {
  readonly parts: Parts
  readonly group: string
  /** Joins wait long: they have a connection of their own, and so have heartbeats. */
  readonly joinPurpose: Purpose
  readonly heartbeatPurpose: Purpose
  readonly protocol: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

/** A member's answer to the leader. */
export interface Joined {
  readonly memberId: string
  readonly generation: number
  /** Subscriptions of all members, for the leader only. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Bytes }[]
  readonly leads: boolean
}

/** `named`: the id to join with. `gone`: the member was expelled. */
export type JoinAnswer =
  | { readonly kind: 'joined'; readonly joined: Joined }
  | { readonly kind: 'named'; readonly memberId: string }
  | { readonly kind: 'gone'; readonly problem: string }

/** @throws SLUICE_TOPOLOGY when living members work on another topology */
export async function joinGroup(
  link: GroupLink,
  memberId: string,
  metadata: Bytes,
  topology: GroupTopology,
): Promise<JoinAnswer> {
  const { parts, group, joinPurpose, protocol, sessionTimeoutMs, rebalanceTimeoutMs } = link
  const answer = await askCoordinator(parts, {
    kind: 'group',
    key: group,
    purpose: joinPurpose,
    api: joinGroupApi,
    body: {
      groupId: group,
      memberId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocolType: PROTOCOL_TYPE,
      protocols: [{ name: protocol, metadata }],
    },
    options: { timeoutMs: rebalanceTimeoutMs + SLACK_MS },
    codeOf: (response) => response.errorCode,
  })
  const code = answer.errorCode
  if (code === Code.MEMBER_ID_REQUIRED) return { kind: 'named', memberId: answer.memberId }
  if (code === 0) return { kind: 'joined', joined: joinedBy(answer) }
  if (errorKind(code) === 'fenced') return { kind: 'gone', problem: errorName(code) }
  throw await joinError(link, topology, code)
}

function joinedBy({ memberId, generationId, leader, members, skipAssignment }: JoinGroupResponse): Joined {
  return { memberId, generation: generationId, members, leads: leader === memberId && !skipAssignment }
}

export type SyncAnswer =
  | { readonly kind: 'assigned'; readonly assignment: Bytes }
  | { readonly kind: 'again' }
  | { readonly kind: 'gone'; readonly problem: string }

/** @param assignments of the leader; empty from the others */
export async function syncGroup(
  link: GroupLink,
  { memberId, generation }: Standing,
  assignments: readonly { readonly memberId: string; readonly assignment: Bytes }[],
): Promise<SyncAnswer> {
  const { parts, group, joinPurpose, protocol, rebalanceTimeoutMs } = link
  const answer = await askCoordinator(parts, {
    kind: 'group',
    key: group,
    purpose: joinPurpose,
    api: syncGroupApi,
    body: {
      groupId: group,
      generationId: generation,
      memberId,
      protocolType: PROTOCOL_TYPE,
      protocolName: protocol,
      assignments,
    },
    options: { timeoutMs: rebalanceTimeoutMs + SLACK_MS },
    codeOf: (response) => response.errorCode,
  })
  const code = answer.errorCode
  if (code === 0) return { kind: 'assigned', assignment: answer.assignment }
  // The group has moved on to another generation, of which this member may be a part.
  if (code === Code.REBALANCE_IN_PROGRESS || code === Code.ILLEGAL_GENERATION) return { kind: 'again' }
  if (errorKind(code) === 'fenced') return { kind: 'gone', problem: errorName(code) }
  throw failure(code, `SyncGroup of ${group}`)
}

/** One attempt. @returns Kafka's error code */
export async function heartbeat(link: GroupLink, { memberId, generation }: Standing): Promise<number> {
  const { parts, group, heartbeatPurpose, sessionTimeoutMs } = link
  const { cluster } = parts
  const broker = await cluster.coordinator('group', group)
  try {
    const body = { groupId: group, generationId: generation, memberId }
    const options = { timeoutMs: sessionTimeoutMs }
    const { errorCode } = await cluster.request(broker, heartbeatPurpose, heartbeatApi, body, options)
    if (errorKind(errorCode) === 'coordinator') cluster.lostCoordinator('group', group)
    return errorCode
  } catch (error) {
    cluster.lostCoordinator('group', group)
    throw error
  }
}

/** Its tasks are free at once; if nobody can be reached they are when the session is over. */
export async function leaveGroup(
  { parts, group, heartbeatPurpose }: GroupLink,
  memberId: string,
): Promise<void> {
  await askCoordinator(parts, {
    kind: 'group',
    key: group,
    purpose: heartbeatPurpose,
    api: leaveGroupApi,
    body: (version) =>
      version >= MANY_LEAVE ? { groupId: group, members: [{ memberId }] } : { groupId: group, memberId },
    patienceMs: LEAVE_MS,
    options: { timeoutMs: LEAVE_MS },
    codeOf: (response) => response.errorCode,
  })
}

async function joinError(link: GroupLink, topology: GroupTopology, code: number): Promise<SluiceError> {
  const { group, sessionTimeoutMs } = link
  if (code === Code.INCONSISTENT_GROUP_PROTOCOL) return topologyError(link, topology)
  if (code === Code.INVALID_SESSION_TIMEOUT) {
    return sluiceError('SLUICE_CONFIG_INVALID', {
      place: `group ${group}: sessionTimeout`,
      expected: 'within group.min.session.timeout.ms and group.max.session.timeout.ms of the broker',
      came: `${sessionTimeoutMs} ms`,
    })
  }
  return failure(code, `JoinGroup of ${group}`)
}

/** Asks the living members what they run. */
async function topologyError({ parts, group }: GroupLink, came: GroupTopology): Promise<SluiceError> {
  const members = await describeMembers(parts, group).catch(() => [])
  const difference = differenceTo(members[0], came)
  return sluiceError('SLUICE_TOPOLOGY', {
    node: `group ${group}`,
    problem: `its ${members.length} member(s) run another topology: ${difference}`,
    remedy:
      'Stop all instances before a changed application starts, or give the new one another application id.',
  })
}

function differenceTo(member: DescribedMember | undefined, came: GroupTopology): string {
  const has = member?.subscription?.topology
  const difference = has === undefined ? undefined : topologyDifference(has, came)
  return difference ?? 'they are no instances of Sluice, or of another version'
}

/** What a member joins with. */
export type MemberOptions = Required<
  Pick<JoinOptions, 'sessionTimeoutMs' | 'heartbeatIntervalMs' | 'rebalanceTimeoutMs'>
>

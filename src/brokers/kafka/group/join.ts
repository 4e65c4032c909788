/** From what the port asks of a membership to a member of a classic group: names, times and connections of its own. */
import { createHash } from 'node:crypto'
import type { GroupMember, GroupTopology, JoinOptions } from '../../../core/broker.ts'
import { sluiceError } from '../../../core/errors.ts'
import type { Parts } from '../ask.ts'
import type { MemberOptions } from './coordinator.ts'
import { KafkaMember } from './member.ts'
import type { Members } from './members.ts'
import { USER_DATA_VERSION } from './user-data.ts'

const DEFAULT_SESSION_MS = 45_000
const DEFAULT_HEARTBEAT_MS = 3_000
/** As Java's max.poll.interval.ms. */
const DEFAULT_REBALANCE_MS = 300_000

/**
 * @param index tells the connections of this member from those of others of the same client
 * @throws SLUICE_TOPOLOGY, SLUICE_CONFIG_INVALID
 */
export async function joinKafka(
  parts: Parts,
  members: Members,
  options: JoinOptions,
  index: number,
): Promise<GroupMember> {
  const times = timesOf(options)
  const link = {
    parts,
    group: options.group,
    joinPurpose: `coordination-join-${index}`,
    heartbeatPurpose: `coordination-heartbeat-${index}`,
    protocol: protocolOf(options.topology),
    sessionTimeoutMs: times.sessionTimeoutMs,
    rebalanceTimeoutMs: times.rebalanceTimeoutMs,
  } as const
  const member = new KafkaMember(link, options, times, members)
  try {
    await member.start()
  } catch (error) {
    await member.leave()
    throw error
  }
  return member
}

function timesOf(options: JoinOptions): MemberOptions {
  const sessionTimeoutMs = options.sessionTimeoutMs ?? DEFAULT_SESSION_MS
  const heartbeatIntervalMs =
    options.heartbeatIntervalMs ?? Math.min(DEFAULT_HEARTBEAT_MS, sessionTimeoutMs / 3)
  if (heartbeatIntervalMs >= sessionTimeoutMs) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `group ${options.group}: heartbeatIntervalMs`,
      expected: `less than sessionTimeoutMs (${sessionTimeoutMs})`,
      came: String(heartbeatIntervalMs),
    })
  }
  const rebalanceTimeoutMs = options.rebalanceTimeoutMs ?? DEFAULT_REBALANCE_MS
  return { sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs }
}

/** Names the topology, so that the broker itself refuses a member with another one while others live. */
function protocolOf({ subtopologies }: GroupTopology): string {
  const canonical = subtopologies
    .map(({ id, sourceTopics, changelogTopics }) => ({
      id,
      sources: sourceTopics.toSorted(),
      changelogs: changelogTopics.toSorted(),
    }))
    .toSorted((a, b) => a.id - b.id)
  const digest = createHash('sha256').update(JSON.stringify(canonical)).digest('hex')
  return `sluice-${USER_DATA_VERSION}-${digest.slice(0, 16)}`
}

/** What the members of a classic group say about themselves, read from outside. */
import type { Parts } from '../ask.ts'
import { again, askCoordinator } from '../ask.ts'
import { Code } from '../codes.ts'
import { failure } from '../cluster/error-codes.ts'
import type { DescribeGroupsDescribedGroup } from '../protocol/messages/describe-groups.ts'
import { describeGroupsApi } from '../protocol/messages/describe-groups.ts'
import type { Subscription, TaskAssignment } from './user-data.ts'
import { decodeAssignment, decodeSubscription } from './user-data.ts'

/** A member; what it says is absent when it is no member of ours. */
export interface DescribedMember {
  readonly memberId: string
  readonly subscription: Subscription | undefined
  readonly assignment: TaskAssignment | undefined
}

/** While a group rebalances the broker does not tell what its members say: so long it is asked again. */
const SETTLING_MS = 3_000
/** States in which there is nothing to wait for. */
const AT_REST: ReadonlySet<string> = new Set(['Stable', 'Empty', 'Dead', ''])

/** Living members; none for a group that has none, or that does not come to rest. */
export async function describeMembers(parts: Parts, group: string): Promise<readonly DescribedMember[]> {
  const repeating = { operation: `DescribeGroups of ${group}`, patienceMs: SETTLING_MS }
  let last: DescribeGroupsDescribedGroup | undefined
  const settled = again<DescribeGroupsDescribedGroup>(parts, repeating, async () => {
    last = await describe(parts, group)
    return AT_REST.has(last.groupState) ? last : { notYet: 'the group is rebalancing' }
  })
  const { members } = await settled.catch((error: unknown) => {
    if (last === undefined) throw error
    return last
  })
  return members.map(({ memberId, memberMetadata, memberAssignment }) => ({
    memberId,
    subscription: ours(memberMetadata, decodeSubscription),
    assignment: ours(memberAssignment, decodeAssignment),
  }))
}

async function describe(parts: Parts, group: string): Promise<DescribeGroupsDescribedGroup> {
  const answer = await askCoordinator(parts, {
    kind: 'group',
    key: group,
    purpose: 'coordination',
    api: describeGroupsApi,
    body: { groups: [group] },
    codeOf: (response) => response.groups[0]?.errorCode ?? -1,
  })
  const found = answer.groups[0]
  if (found === undefined || (found.errorCode !== 0 && found.errorCode !== Code.GROUP_ID_NOT_FOUND))
    throw failure(found?.errorCode ?? -1, `DescribeGroups of ${group}`, found?.errorMessage)
  return found
}

function ours<T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => T): T | undefined {
  if (bytes.length === 0) return undefined
  try {
    return decode(bytes)
  } catch {
    return undefined
  }
}

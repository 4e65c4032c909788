/** Committed offsets of a group: reading them, stable ones only where asked, and committing without a transaction. */
import type { CommittedOffset } from '../../../core/broker.ts'
import type { TopicPartition } from '../../../core/record.ts'
import type { Parts } from '../ask.ts'
import { askCoordinator } from '../ask.ts'
import { Code } from '../codes.ts'
import { failure, isRetriable } from '../cluster/error-codes.ts'
import { offsetCommitApi } from '../protocol/messages/offset-commit.ts'
import type { OffsetFetchResponse } from '../protocol/messages/offset-fetch.ts'
import { offsetFetchApi } from '../protocol/messages/offset-fetch.ts'

/** Later versions name topics by id. */
const BY_NAME = 9
/** From here on one request is about several groups. */
const MANY_GROUPS = 8

/** How a member proves itself to the broker. */
export interface Standing {
  readonly memberId: string
  readonly generation: number
}

/** The error that decides about all partitions: one that repeating does not cure, if there is one. */
export function worstOf(
  topics: readonly { readonly partitions: readonly { readonly errorCode: number }[] }[],
): number {
  const codes = topics
    .flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
    .filter((code) => code !== 0)
  return codes.find((code) => !isRetriable(code)) ?? codes[0] ?? 0
}

/**
 * @param partitions absent: all that the group has committed
 * @param stable waits while a pending transaction might still move one of them (KIP-447)
 */
export async function fetchOffsets(
  parts: Parts,
  group: string,
  partitions: readonly TopicPartition[] | undefined,
  stable: boolean,
): Promise<readonly CommittedOffset[]> {
  if (partitions?.length === 0) return []
  const topics =
    partitions === undefined
      ? null
      : [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
          name,
          partitionIndexes: list.map(({ partition }) => partition),
        }))
  const response = await askCoordinator(parts, {
    kind: 'group',
    key: group,
    purpose: 'coordination',
    api: offsetFetchApi,
    body: (version) =>
      version >= MANY_GROUPS
        ? { groups: [{ groupId: group, topics }], requireStable: stable }
        : { groupId: group, topics, requireStable: stable },
    options: { maxVersion: BY_NAME },
    codeOf: (answer) => answered(answer).code,
  })
  const { code, topics: found } = answered(response)
  if (code === Code.GROUP_ID_NOT_FOUND) return []
  if (code !== 0 && code !== Code.UNKNOWN_TOPIC_OR_PARTITION)
    throw failure(code, `OffsetFetch of group ${group}`)
  return found.flatMap(({ name: topic, partitions: list }) =>
    list
      .filter(({ committedOffset, errorCode }) => committedOffset >= 0 && errorCode === 0)
      .map(({ partitionIndex: partition, committedOffset: offset, metadata }) => {
        return { topic, partition, offset, metadata: metadata ?? '' }
      }),
  )
}

function answered(response: OffsetFetchResponse): {
  readonly code: number
  readonly topics: OffsetFetchResponse['topics']
} {
  const [group] = response.groups
  const topics = group?.topics ?? response.topics
  const code = group?.errorCode ?? response.errorCode
  return { code: code === 0 ? worstOf(topics) : code, topics }
}

/** Commits in the name of a member. @returns Kafka's error code */
export async function commitOffsets(
  parts: Parts,
  group: string,
  { memberId, generation }: Standing,
  offsets: readonly CommittedOffset[],
): Promise<number> {
  const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition, offset, metadata }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedMetadata: metadata,
    })),
  }))
  const response = await askCoordinator(parts, {
    kind: 'group',
    key: group,
    purpose: 'coordination',
    api: offsetCommitApi,
    body: { groupId: group, memberId, generationIdOrMemberEpoch: generation, topics },
    options: { maxVersion: BY_NAME },
    codeOf: (answer) => worstOf(answer.topics),
  })
  return worstOf(response.topics)
}

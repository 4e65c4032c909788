/**
 * Whether a position is still in the log after its partition got another leader: an unclean election may have cut off what
 * was read before (KIP-320). Reading on would skip what was written there since.
 */
import type { Parts } from '../ask.ts'
import { askLeader } from '../ask.ts'
import { failure } from '../cluster/error-codes.ts'
import type { OffsetForLeaderEpochResponse } from '../protocol/messages/offset-for-leader-epoch.ts'
import { offsetForLeaderEpochApi } from '../protocol/messages/offset-for-leader-epoch.ts'

/** @returns where the log of that epoch ends with the leader of now; undefined: it knows nothing of it */
export async function endOfEpoch(
  parts: Parts,
  topic: string,
  partition: number,
  leaderEpoch: number,
): Promise<number | undefined> {
  const response = await askLeader(parts, {
    topic,
    partition,
    purpose: 'metadata',
    api: offsetForLeaderEpochApi,
    body: ({ epoch: currentLeaderEpoch }) => ({
      replicaId: -1,
      topics: [{ topic, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }],
    }),
    codeOf: (answer) => only(answer).errorCode,
  })
  const { errorCode, endOffset } = only(response)
  if (errorCode !== 0) throw failure(errorCode, `OffsetForLeaderEpoch of ${topic}-${partition}`)
  return endOffset < 0 ? undefined : endOffset
}

function only({ topics }: OffsetForLeaderEpochResponse): {
  readonly errorCode: number
  readonly endOffset: number
} {
  return topics[0]?.partitions[0] ?? { errorCode: -1, endOffset: -1 }
}

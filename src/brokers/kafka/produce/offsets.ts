/** Offsets of a group inside a transaction: one request for all partitions, proved by the membership of now. */
import type { CommittedOffset, GroupFence } from '../../../core/broker.ts'
import { sluiceError } from '../../../core/errors.ts'
import type { Parts } from '../ask.ts'
import { askCoordinator } from '../ask.ts'
import { Code } from '../codes.ts'
import { errorKind, errorName, failure } from '../cluster/error-codes.ts'
import type { Members } from '../group/members.ts'
import { worstOf } from '../group/offsets.ts'
import { txnOffsetCommitApi } from '../protocol/messages/txn-offset-commit.ts'
import type { Transactional } from './coordinator.ts'
import { transactionError } from './coordinator.ts'

/** Later versions add the group to the transaction by themselves. */
const FIRST_OFFSETS = 4

/**
 * @throws SLUICE_MEMBER_FENCED, SLUICE_PRODUCER_FENCED, SLUICE_CONFIG_INVALID for metadata that is too large
 */
export async function commitInTransaction(
  parts: Parts,
  members: Members,
  transactional: Transactional,
  offsets: readonly CommittedOffset[],
  fence: GroupFence,
): Promise<void> {
  const { transactionalId, producerId, epoch, second } = transactional
  const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition, offset, metadata }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedMetadata: metadata,
    })),
  }))
  const code = await members.proved(fence, async ({ memberId, generation }) => {
    const answer = await askCoordinator(parts, {
      kind: 'group',
      key: fence.group,
      purpose: 'coordination',
      api: txnOffsetCommitApi,
      body: {
        transactionalId,
        groupId: fence.group,
        producerId,
        producerEpoch: epoch,
        generationId: generation,
        memberId,
        topics,
      },
      options: second ? {} : { maxVersion: FIRST_OFFSETS },
      codeOf: (response) => worstOf(response.topics),
    })
    return worstOf(answer.topics)
  })
  if (code !== 0) throw offsetsError(transactional, fence, code)
}

/** What is said of the producer, not of the member. */
const OF_THE_PRODUCER: readonly number[] = [
  Code.INVALID_PRODUCER_EPOCH,
  Code.PRODUCER_FENCED,
  Code.INVALID_PRODUCER_ID_MAPPING,
  Code.INVALID_TXN_STATE,
  Code.TRANSACTION_ABORTABLE,
]

function offsetsError(transactional: Transactional, fence: GroupFence, code: number): Error {
  if (code === Code.OFFSET_METADATA_TOO_LARGE) return metadataTooLarge(fence.group)
  if (OF_THE_PRODUCER.includes(code)) return transactionError(transactional, 'sendOffsets', code)
  if (errorKind(code) === 'fenced')
    return sluiceError('SLUICE_MEMBER_FENCED', { ...fence, problem: errorName(code) })
  return failure(code, `TxnOffsetCommit of group ${fence.group}`)
}

function metadataTooLarge(group: string): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', {
    place: `group ${group}: offset metadata`,
    expected: 'at most offset.metadata.max.bytes of the broker (4,096 by default)',
    came: 'more',
  })
}

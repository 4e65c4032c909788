/**
 * What a producer asks of the coordinator of its transactional id, both protocols: the second (KIP-890) adds partitions by
 * itself and takes a new epoch with every end; the first is told everything. Each call is repeated while nothing happened.
 */
import type { TopicPartition } from '../../../core/record.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { isSluiceError, sluiceError } from '../../../core/errors.ts'
import type { Parts } from '../ask.ts'
import { PATIENCE_MS, again, askCoordinator, notYet } from '../ask.ts'
import { Code } from '../codes.ts'
import { errorKind, errorName, failure, isRetriable } from '../cluster/error-codes.ts'
import { addOffsetsToTxnApi } from '../protocol/messages/add-offsets-to-txn.ts'
import { addPartitionsToTxnApi } from '../protocol/messages/add-partitions-to-txn.ts'
import { endTxnApi } from '../protocol/messages/end-txn.ts'
import { initProducerIdApi } from '../protocol/messages/init-producer-id.ts'

export interface Identity {
  readonly producerId: number
  readonly epoch: number
}

/** A transactional id with its number of now. */
export interface Transactional extends Identity {
  readonly transactionalId: string
  /** Transactions of the second protocol. */
  readonly second: boolean
}

/** Later versions are the second protocol's, or between brokers. */
const FIRST_END = 4
const CLIENT_ADD_PARTITIONS = 3

/** True if the cluster has switched on transactions of the second protocol. */
export function secondProtocol({ cluster }: Parts): boolean {
  return (cluster.feature('transaction.version') ?? 0) >= 2
}

/** An identity without transactions. */
export async function newIdentity(parts: Parts): Promise<Identity> {
  const operation = 'InitProducerId'
  const answer = await again(parts, { operation }, async () => {
    const response = await parts.cluster.any('coordination', initProducerIdApi, {
      transactionalId: null,
      transactionTimeoutMs: 0x7fff_ffff,
    })
    return isRetriable(response.errorCode) ? notYet(response.errorCode) : response
  })
  if (answer.errorCode !== 0) throw failure(answer.errorCode, operation)
  return { producerId: answer.producerId, epoch: answer.producerEpoch }
}

/**
 * Fences every other producer of the id and waits until its last transaction is over.
 * @param current absent: whoever it was before; given: only the next epoch of this identity
 */
export async function initTransactional(
  parts: Parts,
  transactionalId: string,
  timeoutMs: number,
  current?: Identity,
): Promise<Identity> {
  const { errorCode, producerId, producerEpoch } = await askCoordinator(parts, {
    kind: 'transaction',
    key: transactionalId,
    purpose: 'coordination',
    api: initProducerIdApi,
    body: {
      transactionalId,
      transactionTimeoutMs: timeoutMs,
      ...(current === undefined ? {} : { producerId: current.producerId, producerEpoch: current.epoch }),
    },
    codeOf: (response) => response.errorCode,
  })
  if (errorCode === 0) return { producerId, epoch: producerEpoch }
  if (errorCode === Code.INVALID_TRANSACTION_TIMEOUT) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: 'transactionTimeout',
      expected: 'at most transaction.max.timeout.ms of the broker (15 minutes by default)',
      came: `${timeoutMs} ms`,
    })
  }
  throw transactionError({ transactionalId, producerId, epoch: producerEpoch }, 'init', errorCode)
}

/** First protocol only: before the first batch to a partition. */
export async function addPartitions(
  parts: Parts,
  { transactionalId, producerId, epoch }: Transactional,
  partitions: readonly TopicPartition[],
): Promise<void> {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition }) => partition),
  }))
  const response = await askCoordinator(parts, {
    kind: 'transaction',
    key: transactionalId,
    purpose: 'coordination',
    api: addPartitionsToTxnApi,
    body: {
      transactions: [],
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: epoch,
      v3AndBelowTopics: topics,
    },
    options: { maxVersion: CLIENT_ADD_PARTITIONS },
    codeOf: (answer) => worst(answer.resultsByTopicV3AndBelow.flatMap((topic) => topic.resultsByPartition)),
  })
  const code = worst(response.resultsByTopicV3AndBelow.flatMap((topic) => topic.resultsByPartition))
  if (code !== 0) throw transactionError({ transactionalId, producerId, epoch }, 'send', code)
}

/** Of several answers the one that is not about others: a partition is not attempted when another one failed. */
function worst(results: readonly { readonly partitionErrorCode: number }[]): number {
  const codes = results.map(({ partitionErrorCode }) => partitionErrorCode).filter((code) => code !== 0)
  return codes.find((code) => code !== OPERATION_NOT_ATTEMPTED) ?? codes[0] ?? 0
}

const OPERATION_NOT_ATTEMPTED = 55

/** First protocol only: before the offsets of a group. */
export async function addOffsets(
  parts: Parts,
  { transactionalId, producerId, epoch }: Transactional,
  group: string,
): Promise<void> {
  const { errorCode } = await askCoordinator(parts, {
    kind: 'transaction',
    key: transactionalId,
    purpose: 'coordination',
    api: addOffsetsToTxnApi,
    body: { transactionalId, producerId, producerEpoch: epoch, groupId: group },
    codeOf: (response) => response.errorCode,
  })
  if (errorCode !== 0)
    throw transactionError({ transactionalId, producerId, epoch }, 'sendOffsets', errorCode)
}

export type Outcome = 'commit' | 'abort'

/**
 * Ends the transaction; repeating it with the same epoch gives the same answer, so a lost one is asked again.
 * @returns the identity to go on with, or undefined: there was nothing to abort
 * @throws SLUICE_TXN_OUTCOME_UNKNOWN when a commit may have happened
 */
export async function endTransaction(
  parts: Parts,
  transactional: Transactional,
  outcome: Outcome,
  patienceMs: number = PATIENCE_MS,
): Promise<Identity | undefined> {
  const { transactionalId } = transactional
  /** An attempt was not answered: what later ones say may be about what it did. */
  let unsure = false
  const unknown = (cause?: unknown): SluiceError =>
    sluiceError('SLUICE_TXN_OUTCOME_UNKNOWN', { transactionalId }, cause)
  const operation = `EndTxn of ${transactionalId}`
  const lost = (): void => parts.cluster.lostCoordinator('transaction', transactionalId)
  const ended = await again<Ended>(parts, { operation, patienceMs }, async () => {
    try {
      const answer = await askEnd(parts, transactional, outcome)
      if (!isRetriable(answer.code)) return answer
      if (errorKind(answer.code) === 'coordinator') lost()
      return notYet(answer.code)
    } catch (error) {
      if (!isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')) throw error
      if (error.details.sent !== false) unsure = true
      lost()
      throw error
    }
  }).catch((error: unknown) => {
    throw unsure && outcome === 'commit' ? unknown(error) : error
  })
  if (ended.code === 0) return ended.next
  if (unsure && outcome === 'commit') throw unknown()
  if (ended.code === Code.INVALID_TXN_STATE && outcome === 'abort') return undefined
  throw transactionError(transactional, outcome, ended.code)
}

interface Ended {
  readonly code: number
  readonly next: Identity
}

/** One attempt. */
async function askEnd(
  { cluster }: Parts,
  { transactionalId, producerId, epoch, second }: Transactional,
  outcome: Outcome,
): Promise<Ended> {
  const body = { transactionalId, producerId, producerEpoch: epoch, committed: outcome === 'commit' }
  const broker = await cluster.coordinator('transaction', transactionalId)
  const options = second ? {} : { maxVersion: FIRST_END }
  const answer = await cluster.request(broker, 'coordination', endTxnApi, body, options)
  const bumped = second && answer.producerId >= 0
  const next = bumped ? { producerId: answer.producerId, epoch: answer.producerEpoch } : { producerId, epoch }
  return { code: answer.errorCode, next }
}

/** The error of the table for an answer of a transaction's coordinator. */
export function transactionError(
  { transactionalId, epoch }: Pick<Transactional, 'transactionalId' | 'epoch' | 'producerId'>,
  operation: string,
  code: number,
): SluiceError {
  const { INVALID_TXN_STATE, TRANSACTION_ABORTABLE } = Code
  // The coordinator aborted it when its time was up, and moved on.
  const timedOut = code === INVALID_TXN_STATE && operation === 'commit'
  if (timedOut || errorKind(code) === 'fenced')
    return sluiceError('SLUICE_PRODUCER_FENCED', { transactionalId, epoch })
  if (code === INVALID_TXN_STATE || code === TRANSACTION_ABORTABLE)
    return sluiceError('SLUICE_TXN_STATE', { transactionalId, operation, problem: errorName(code) })
  return failure(code, `${operation} of ${transactionalId}`)
}

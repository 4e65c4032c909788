/**
 * Brings finished batches to the leaders of their partitions: one batch per partition and request (Kafka refuses two), only
 * the failed partition again. A batch keeps its sequence through every attempt, so that none is written twice.
 */
import { sleep } from '../../../core/clock.ts'
import type { TopicPartition } from '../../../core/record.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { isSluiceError, sluiceError } from '../../../core/errors.ts'
import { readHeader } from '../../record-batch/header.ts'
import { splitBatch } from '../../record-batch/split.ts'
import type { Parts } from '../ask.ts'
import { Code } from '../codes.ts'
import { errorKind, errorName, failure } from '../cluster/error-codes.ts'
import { createBackoff } from '../network/backoff.ts'
import type { ProducePartitionProduceResponse, ProduceResponse } from '../protocol/messages/produce.ts'
import { produceApi } from '../protocol/messages/produce.ts'

/** Batches of one partition, in order; what is acknowledged leaves the list. */
export interface PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly batches: Buffer[]
  lastOffset: number
}

export interface SendMode {
  /** Null: no transaction. */
  readonly transactionalId: string | null
  /** Without transactions of the second protocol the broker must not take a later version for one. */
  readonly maxVersion: number | undefined
  /** How long it is tried, ms. */
  readonly patienceMs: number
  /** Size of a batch as the topic takes it now, for the message of one that is too large. */
  limitOf(topic: string): number
}

/** Bytes of one request; a single batch may be larger. */
const REQUEST_BYTES = 16 * 1024 * 1024
/** Acknowledged by all in-sync replicas: nothing less survives a broker. */
const ALL_REPLICAS = -1
const ANSWER_MS = 25_000

/**
 * Sends all batches. @throws SLUICE_PRODUCER_FENCED, SLUICE_OUT_OF_SEQUENCE, SLUICE_RECORD_REFUSED, SLUICE_RECORD_TOO_LARGE,
 * SLUICE_TOPIC_MISSING, SLUICE_BROKER_UNAVAILABLE; then an unknown part is in the log
 */
export async function sendAll(
  parts: Parts,
  queues: readonly PartitionQueue[],
  mode: SendMode,
): Promise<void> {
  const { clock, random } = parts
  const end = clock.monotonic() + mode.patienceMs
  const backoff = createBackoff(random, 5)
  let left = queues
  let problem = ''
  for (;;) {
    const groups = await byLeader(parts, left)
    const rounds = await Promise.all(groups.map((group) => drain(parts, group, mode)))
    left = rounds.flatMap(({ unsent }) => unsent)
    if (left.length === 0) return
    problem = rounds.find((round) => round.problem !== '')?.problem ?? problem
    const wait = backoff.next()
    if (clock.monotonic() + wait >= end) {
      const operation = `Produce to ${left[0]!.topic}-${left[0]!.partition}`
      throw sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation, problem })
    }
    await sleep(clock, wait)
  }
}

interface Located extends PartitionQueue {
  readonly topicId: string
}

interface LeaderGroup {
  readonly broker: number
  readonly queues: readonly Located[]
}

async function byLeader(
  { cluster }: Parts,
  queues: readonly PartitionQueue[],
): Promise<readonly LeaderGroup[]> {
  const groups = new Map<number, Located[]>()
  for (const queue of queues) {
    const { topic, partition } = queue
    const leader = cluster.leaderNow(topic, partition) ?? (await cluster.leader(topic, partition))
    const located = Object.assign(queue, { topicId: leader.topicId })
    const group = groups.get(leader.brokerId)
    if (group === undefined) groups.set(leader.brokerId, [located])
    else group.push(located)
  }
  return [...groups].map(([broker, located]) => ({ broker, queues: located }))
}

interface Round {
  /** To be tried again, perhaps with another leader. */
  readonly unsent: readonly PartitionQueue[]
  readonly problem: string
}

/** Sends to one broker until nothing is left or it does not take it. */
async function drain(parts: Parts, { broker, queues }: LeaderGroup, mode: SendMode): Promise<Round> {
  let open = queues
  const unsent: PartitionQueue[] = []
  let problem = ''
  while (open.length > 0) {
    const carried = carriable(open)
    let response: ProduceResponse
    try {
      response = await produce(parts, broker, carried, mode)
    } catch (error) {
      if (!isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')) throw error
      for (const { topic, partition } of open) parts.cluster.moved(topic, partition)
      return { unsent: [...unsent, ...open], problem: error.message }
    }
    for (const queue of carried) {
      const reason = settle(parts, queue, answerFor(response, queue), mode)
      if (reason === undefined) continue
      problem = reason
      unsent.push(queue)
    }
    open = open.filter((queue) => queue.batches.length > 0 && !unsent.includes(queue))
  }
  return { unsent, problem }
}

/** As many partitions as fit into one request. */
function carriable(queues: readonly Located[]): readonly Located[] {
  let bytes = 0
  const end = queues.findIndex(({ batches }) => {
    bytes += batches[0]!.length
    return bytes > REQUEST_BYTES
  })
  return end < 0 ? queues : queues.slice(0, Math.max(1, end))
}

function produce(
  { cluster }: Parts,
  broker: number,
  queues: readonly Located[],
  { transactionalId, maxVersion }: SendMode,
): Promise<ProduceResponse> {
  const topicData = [...Map.groupBy(queues, ({ topic }) => topic)].map(([name, list]) => ({
    name,
    topicId: list[0]!.topicId,
    partitionData: list.map(({ partition, batches }) => ({ index: partition, records: batches[0]! })),
  }))
  const body = { transactionalId, acks: ALL_REPLICAS, timeoutMs: ANSWER_MS, topicData }
  return cluster.request(broker, 'produce', produceApi, body, maxVersion === undefined ? {} : { maxVersion })
}

function answerFor(
  { responses }: ProduceResponse,
  { topic, topicId, partition }: Located,
): ProducePartitionProduceResponse | undefined {
  return responses
    .find((one) => (one.name === '' ? one.topicId === topicId : one.name === topic))
    ?.partitionResponses.find(({ index }) => index === partition)
}

/** Takes one answer to heart. @returns why the batch has to be sent again, or undefined when it is done */
function settle(
  parts: Parts,
  queue: PartitionQueue,
  answer: ProducePartitionProduceResponse | undefined,
  mode: SendMode,
): string | undefined {
  const { topic, partition, batches } = queue
  const batch = batches[0]!
  const code = answer?.errorCode ?? Code.NETWORK_EXCEPTION
  if (code === Code.NONE) {
    queue.lastOffset = answer!.baseOffset + readHeader(batch).count - 1
    batches.shift()
    return undefined
  }
  const halves = tooLarge(code) ? splitBatch(batch) : undefined
  if (halves !== undefined) {
    batches.splice(0, 1, ...halves)
    return errorName(code)
  }
  const kind = errorKind(code)
  if (kind === 'metadata') {
    const { leaderId, leaderEpoch } = answer?.currentLeader ?? { leaderId: -1, leaderEpoch: -1 }
    if (leaderId < 0) parts.cluster.moved(topic, partition)
    else parts.cluster.moved(topic, partition, { brokerId: leaderId, epoch: leaderEpoch })
    return errorName(code)
  }
  if (kind === 'retriable') return errorName(code)
  throw produceError(queue, batch, code, answer!, mode)
}

function tooLarge(code: number): boolean {
  return code === Code.MESSAGE_TOO_LARGE || code === Code.RECORD_LIST_TOO_LARGE
}

function produceError(
  { topic, partition }: PartitionQueue,
  batch: Buffer,
  code: number,
  { errorMessage, recordErrors }: ProducePartitionProduceResponse,
  { transactionalId, limitOf }: SendMode,
): SluiceError {
  const { producerId, producerEpoch: epoch, baseSequence: sequence } = readHeader(batch)
  const problem = recordErrors[0]?.batchIndexErrorMessage ?? errorMessage ?? errorName(code)
  const producer = { transactionalId: transactionalId ?? '(idempotent)', epoch }
  const place = { topic, partition }
  switch (code) {
    case Code.INVALID_PRODUCER_EPOCH:
    case Code.PRODUCER_FENCED:
    case Code.INVALID_PRODUCER_ID_MAPPING:
      return sluiceError('SLUICE_PRODUCER_FENCED', producer)
    case Code.OUT_OF_ORDER_SEQUENCE_NUMBER:
    case Code.DUPLICATE_SEQUENCE_NUMBER:
    case Code.UNKNOWN_PRODUCER_ID:
      return sluiceError('SLUICE_OUT_OF_SEQUENCE', {
        ...place,
        producerId,
        sequence,
        expected: 'another one',
      })
    case Code.INVALID_TIMESTAMP:
      return refusedRecord(place, problem, 'message.timestamp.after.max.ms')
    case Code.INVALID_RECORD:
      return refusedRecord(place, problem, 'the configuration')
    case Code.MESSAGE_TOO_LARGE:
    case Code.RECORD_LIST_TOO_LARGE:
      return sluiceError('SLUICE_RECORD_TOO_LARGE', { ...place, size: batch.length, limit: limitOf(topic) })
    case Code.INVALID_TXN_STATE:
    case Code.TRANSACTION_ABORTABLE:
      return sluiceError('SLUICE_TXN_STATE', { ...producer, operation: 'send', problem })
    default:
      return failure(code, `Produce to ${topic}-${partition}`, problem)
  }
}

function refusedRecord(place: TopicPartition, problem: string, setting: string): SluiceError {
  return sluiceError('SLUICE_RECORD_REFUSED', { ...place, problem, setting })
}

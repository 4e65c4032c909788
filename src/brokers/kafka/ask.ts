/**
 * Requests repeated while Kafka says that nothing happened: coordinators and leaders move, brokers restart. What may have
 * happened is never repeated here unless repeating is harmless. An answer that repeating cannot cure is the caller's.
 */
import type { Clock } from '../../core/clock.ts'
import { sleep } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import type { SluiceError } from '../../core/errors.ts'
import { isSluiceError, sluiceError } from '../../core/errors.ts'
import type { Body, Cluster, CoordinatorKind, Leader, Purpose, RequestOptions } from './cluster/cluster.ts'
import { errorKind, errorName } from './cluster/error-codes.ts'
import { createBackoff } from './network/backoff.ts'
import type { Api } from './protocol/api.ts'

/** What every layer above the cluster is given. */
export interface Parts {
  readonly cluster: Cluster
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

/** How long a call is repeated before it rejects with SLUICE_BROKER_UNAVAILABLE, ms. */
export const PATIENCE_MS = 30_000

/** Nothing happened; `problem` is told if patience ends. */
export interface NotYet {
  readonly notYet: string
}

export function notYet(code: number): NotYet {
  return { notYet: errorName(code) }
}

export interface Repeating {
  readonly operation: string
  readonly patienceMs?: number
  readonly signal?: AbortSignal
}

/**
 * Repeats `attempt` while it answers `notYet` or cannot reach a broker.
 * @throws SLUICE_BROKER_UNAVAILABLE when patience ends, with the last reason
 */
export async function again<T extends object>(
  { clock, random }: Parts,
  { operation, patienceMs = PATIENCE_MS, signal }: Repeating,
  attempt: () => Promise<T | NotYet>,
): Promise<T> {
  const backoff = createBackoff(random, 5)
  const end = clock.monotonic() + patienceMs
  for (;;) {
    let reason: SluiceError | undefined
    let problem: string
    try {
      const answer = await attempt()
      if (!isNotYet(answer)) return answer
      problem = answer.notYet
    } catch (error) {
      if (!isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')) throw error
      reason = error
      problem = error.message
    }
    const wait = backoff.next()
    if (clock.monotonic() + wait >= end || signal?.aborted === true)
      throw reason ?? sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation, problem })
    await sleep(clock, wait, signal)
  }
}

function isNotYet(answer: object): answer is NotYet {
  return 'notYet' in answer
}

export interface CoordinatorCall<RequestDraft, Response> extends Omit<Repeating, 'operation'> {
  readonly kind: CoordinatorKind
  readonly key: string
  readonly purpose: Purpose
  readonly api: Api<RequestDraft, Response>
  readonly body: Body<RequestDraft>
  readonly options?: RequestOptions
  /** The error of the answer; of a list the one that decides. */
  readonly codeOf: (response: Response) => number
}

/** Asks whoever coordinates the group or transactional id now. Codes that waiting does not cure are the caller's. */
export function askCoordinator<RequestDraft, Response extends object>(
  parts: Parts,
  call: CoordinatorCall<RequestDraft, Response>,
): Promise<Response> {
  const { cluster } = parts
  const { kind, key, api } = call
  return again(parts, { ...call, operation: `${api.name} of ${key}` }, async () => {
    const broker = await cluster.coordinator(kind, key)
    let response: Response
    try {
      response = await cluster.request(broker, call.purpose, api, call.body, call.options)
    } catch (error) {
      // It may be gone for good, and another broker has taken over.
      if (isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')) cluster.lostCoordinator(kind, key)
      throw error
    }
    const code = call.codeOf(response)
    const what = errorKind(code)
    if (what === 'coordinator') cluster.lostCoordinator(kind, key)
    else if (what !== 'retriable') return response
    return notYet(code)
  })
}

export interface LeaderCall<RequestDraft, Response> {
  readonly topic: string
  readonly partition: number
  readonly purpose: Purpose
  readonly api: Api<RequestDraft, Response>
  readonly body: (leader: Leader) => Body<RequestDraft>
  readonly codeOf: (response: Response) => number
}

/** Asks whoever leads the partition now. @throws SLUICE_TOPIC_MISSING */
export function askLeader<RequestDraft, Response extends object>(
  parts: Parts,
  call: LeaderCall<RequestDraft, Response>,
): Promise<Response> {
  const { cluster } = parts
  const { topic, partition, purpose, api } = call
  return again(parts, { operation: `${api.name} of ${topic}-${partition}` }, async () => {
    const leader = await cluster.leader(topic, partition)
    let response: Response
    try {
      response = await cluster.request(leader.brokerId, purpose, api, call.body(leader))
    } catch (error) {
      if (isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')) cluster.moved(topic, partition)
      throw error
    }
    const code = call.codeOf(response)
    const what = errorKind(code)
    if (what === 'metadata') cluster.moved(topic, partition)
    else if (what !== 'retriable') return response
    return notYet(code)
  })
}

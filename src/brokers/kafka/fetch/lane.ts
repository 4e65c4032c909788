/**
 * One long poll at a time to one broker, on a connection and in a fetch session of its own. A broker answers the requests of
 * a connection in order, so what is added while a poll waits goes through another lane.
 */
import type { SluiceError } from '../../../core/errors.ts'
import { isSluiceError } from '../../../core/errors.ts'
import type { Parts } from '../ask.ts'
import { Code } from '../codes.ts'
import type { Purpose } from '../cluster/cluster.ts'
import { errorName, failure } from '../cluster/error-codes.ts'
import type { FetchPartitionData, FetchResponse } from '../protocol/messages/fetch.ts'
import { fetchApi } from '../protocol/messages/fetch.ts'
import type { Reading } from './reading.ts'
import type { WantedPartition } from './session.ts'
import { FetchSession } from './session.ts'

/** Answered at once when there is anything. */
const MIN_BYTES = 1
/** Of one answer; a single batch may be larger. */
const MAX_BYTES = 16 * 1024 * 1024
const SLACK_MS = 10_000

export interface LaneOptions {
  readonly broker: number
  readonly purpose: Purpose
  /** How long the broker waits for records. */
  readonly pollMs: number
  readonly committedOnly: boolean
}

export interface Asked {
  readonly reading: Reading
  readonly wanted: WantedPartition
}

/** What came back, by reading; a session says nothing about partitions in which nothing happened. */
export type Answers = ReadonlyMap<Reading, FetchPartitionData>

export class Lane {
  busy = false
  readonly #parts: Parts
  readonly #options: LaneOptions
  readonly #session = new FetchSession()

  constructor(parts: Parts, options: LaneOptions) {
    this.#parts = parts
    this.#options = options
  }

  get purpose(): Purpose {
    return this.#options.purpose
  }

  /** @throws SLUICE_BROKER_UNAVAILABLE and what the cluster throws; the session then begins anew */
  async poll(asked: readonly Asked[]): Promise<Answers> {
    const { broker, purpose, pollMs, committedOnly } = this.#options
    const session = this.#session.request(asked.map(({ wanted }) => wanted))
    const body = {
      maxWaitMs: pollMs,
      minBytes: MIN_BYTES,
      maxBytes: MAX_BYTES,
      isolationLevel: committedOnly ? 1 : 0,
      ...session,
    }
    let response: FetchResponse
    try {
      response = await this.#parts.cluster.request(broker, purpose, fetchApi, body, {
        timeoutMs: pollMs + SLACK_MS,
      })
    } catch (error) {
      this.#session.reset()
      throw error
    }
    if (response.errorCode !== 0) throw this.#refused(response.errorCode)
    this.#session.answered(response.sessionId)
    return answersOf(asked, response)
  }

  #refused(code: number): SluiceError {
    if (code === Code.FETCH_SESSION_ID_NOT_FOUND) this.#session.forgotten()
    else this.#session.reset()
    return failure(code, 'Fetch', errorName(code))
  }
}

function answersOf(asked: readonly Asked[], response: FetchResponse): Answers {
  const byPartition = new Map<string, Reading>()
  for (const { reading, wanted } of asked) {
    byPartition.set(`${wanted.topicId}/${wanted.partition}`, reading)
    byPartition.set(`${wanted.topic}/${wanted.partition}`, reading)
  }
  const answers = new Map<Reading, FetchPartitionData>()
  for (const { topic, topicId, partitions } of response.responses) {
    for (const data of partitions) {
      const name = topic === '' ? topicId : topic
      const reading = byPartition.get(`${name}/${data.partitionIndex}`)
      if (reading !== undefined) answers.set(reading, data)
    }
  }
  return answers
}

/** True for a failure after which the same may be asked again. */
export function isPassing(error: unknown): error is SluiceError {
  return isSluiceError(error) && error.retry === 'retry'
}

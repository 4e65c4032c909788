/**
 * Administration of a cluster: topics, logs, groups. A change is over when metadata shows it, so that whoever goes on with
 * a topic finds it as it was left.
 */
import type {
  Admin,
  Isolation,
  MemberDescription,
  TopicDescription,
  TopicSpec,
} from '../../../core/broker.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { isSluiceError, sluiceError } from '../../../core/errors.ts'
import { nearestFirst } from '../../nearest.ts'
import type { NotYet, Parts } from '../ask.ts'
import { again, askLeader, notYet } from '../ask.ts'
import { Code } from '../codes.ts'
import type { TopicMetadata } from '../cluster/cluster.ts'
import { failure, isRetriable } from '../cluster/error-codes.ts'
import { ZERO_UUID } from '../protocol/api.ts'
import type { CreateTopicsResponse } from '../protocol/messages/create-topics.ts'
import { createTopicsApi } from '../protocol/messages/create-topics.ts'
import { deleteRecordsApi } from '../protocol/messages/delete-records.ts'
import { deleteTopicsApi } from '../protocol/messages/delete-topics.ts'
import { describeMembers } from '../group/describe.ts'
import { listGroupsApi } from '../protocol/messages/list-groups.ts'
import type { TopicLimits } from '../produce/limits.ts'
import { topicConfigs } from './configs.ts'
import { logOffset } from './offsets.ts'

/** How long Kafka may take for a change before it answers. */
const CHANGE_MS = 20_000
/** As many of the broker's defaults as it has brokers. */
const DEFAULT_REPLICATION = -1
const NAMED_TOPICS = 20

export class KafkaAdmin implements Admin {
  readonly #parts: Parts
  readonly #limits: TopicLimits
  readonly #checkOpen: () => void

  /** @param checkOpen throws once the connection is closed */
  constructor(parts: Parts, limits: TopicLimits, checkOpen: () => void) {
    this.#parts = parts
    this.#limits = limits
    this.#checkOpen = checkOpen
  }

  async describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    this.#checkOpen()
    const found = (await this.#topics(names)).filter(({ internal }) => !internal)
    const configs = await topicConfigs(
      this.#parts,
      this.#limits,
      found.map(({ name }) => name),
    )
    return found.flatMap(({ name, topicId, partitions }) => {
      const config = configs.get(name)
      return config === undefined ? [] : [{ name, topicId, partitions: partitions.length, config }]
    })
  }

  async createTopic(spec: TopicSpec): Promise<void> {
    this.#checkOpen()
    const { name } = spec
    const answer = await this.#change(`CreateTopics of topic "${name}"`, async () => {
      const response = await this.#parts.cluster.controller('metadata', createTopicsApi, {
        topics: [creation(spec)],
        timeoutMs: CHANGE_MS,
      })
      return only(response)
    })
    // One that an earlier attempt made without telling is ours.
    const ours = answer.repeated && answer.errorCode === Code.TOPIC_ALREADY_EXISTS
    if (answer.errorCode !== 0 && !ours) throw creationError(spec, answer)
    await this.#until(name, (topic) => topic !== undefined && ready(topic, spec.partitions))
    await topicConfigs(this.#parts, this.#limits, [name])
  }

  async deleteTopic(topic: string): Promise<void> {
    this.#checkOpen()
    const answer = await this.#change(`DeleteTopics of topic "${topic}"`, async () => {
      const response = await this.#parts.cluster.controller('metadata', deleteTopicsApi, (version) => ({
        topics: version >= 6 ? [{ name: topic, topicId: ZERO_UUID }] : [],
        topicNames: version >= 6 ? [] : [topic],
        timeoutMs: CHANGE_MS,
      }))
      return response.responses[0] ?? { errorCode: -1, errorMessage: null }
    })
    const missing = answer.errorCode === Code.UNKNOWN_TOPIC_OR_PARTITION
    if (missing && !answer.repeated) throw await this.missing(topic)
    if (!missing && answer.errorCode !== 0)
      throw failure(answer.errorCode, `DeleteTopics of topic "${topic}"`, answer.errorMessage)
    await this.#until(topic, (found) => found === undefined)
  }

  async deleteRecords(topic: string, partition: number, offset: number): Promise<void> {
    this.#checkOpen()
    const response = await this.#named(topic, () =>
      askLeader(this.#parts, {
        topic,
        partition,
        purpose: 'metadata',
        api: deleteRecordsApi,
        body: () => ({
          topics: [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }],
          timeoutMs: CHANGE_MS,
        }),
        codeOf: (answer) => answer.topics[0]?.partitions[0]?.errorCode ?? -1,
      }),
    )
    const code = response.topics[0]?.partitions[0]?.errorCode ?? -1
    if (code === Code.OFFSET_OUT_OF_RANGE) throw await this.outOfRange(topic, partition, offset)
    if (code !== 0) throw failure(code, `DeleteRecords of ${topic}-${partition}`)
  }

  async listOffset(
    topic: string,
    partition: number,
    at: 'earliest' | 'latest' | number,
    isolation: Isolation,
  ): Promise<number> {
    this.#checkOpen()
    return this.#named(topic, () => logOffset(this.#parts, topic, partition, at, isolation))
  }

  async listGroups(): Promise<readonly string[]> {
    this.#checkOpen()
    const { cluster } = this.#parts
    const lists = await Promise.all(
      cluster.brokers().map((broker) =>
        again(this.#parts, { operation: 'ListGroups' }, async () => {
          const answer = await cluster.request(broker, 'metadata', listGroupsApi, {})
          if (isRetriable(answer.errorCode)) return notYet(answer.errorCode)
          if (answer.errorCode !== 0) throw failure(answer.errorCode, 'ListGroups')
          return answer
        }),
      ),
    )
    return [...new Set(lists.flatMap(({ groups }) => groups.map(({ groupId }) => groupId)))].toSorted()
  }

  async describeGroup(group: string): Promise<readonly MemberDescription[]> {
    this.#checkOpen()
    const members = await describeMembers(this.#parts, group)
    return members.flatMap(({ memberId, subscription, assignment }) => {
      if (subscription === undefined) return []
      const { processId, endpoint } = subscription
      const { active, standby } = assignment ?? { active: [], standby: [] }
      return [{ memberId, processId, ...(endpoint === undefined ? {} : { endpoint }), active, standby }]
    })
  }

  /** The error for a topic that is not there, with the names that are like it. */
  async missing(topic: string): Promise<SluiceError> {
    const all = (await this.#parts.cluster.allTopics()).filter(({ internal }) => !internal)
    const names = nearestFirst(
      topic,
      all.map(({ name }) => name),
    )
    const existing = names.slice(0, NAMED_TOPICS).join(', ') || 'none'
    return sluiceError('SLUICE_TOPIC_MISSING', { topic, place: '', existing })
  }

  /** The error for an offset that is not in the log. */
  async outOfRange(topic: string, partition: number, offset: number): Promise<SluiceError> {
    const start = await logOffset(this.#parts, topic, partition, 'earliest', 'read_uncommitted')
    const end = await logOffset(this.#parts, topic, partition, 'latest', 'read_uncommitted')
    return sluiceError('SLUICE_OFFSET_OUT_OF_RANGE', { topic, partition, offset, start, end })
  }

  async #topics(names?: readonly string[]): Promise<readonly TopicMetadata[]> {
    const { cluster } = this.#parts
    if (names === undefined) return cluster.allTopics()
    return [...(await cluster.metadata(names, { fresh: true })).values()]
  }

  /** Names the topics that exist when the one asked for does not. */
  async #named<T>(topic: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      throw isSluiceError(error, 'SLUICE_TOPIC_MISSING') ? await this.missing(topic) : error
    }
  }

  /** A change of the controller, repeated while nothing happened; `repeated`: an attempt before may have done it. */
  async #change<A extends Answer>(
    operation: string,
    attempt: () => Promise<A>,
  ): Promise<A & { readonly repeated: boolean }> {
    let repeated = false
    return again(this.#parts, { operation }, async (): Promise<(A & { repeated: boolean }) | NotYet> => {
      try {
        const answer = await attempt()
        // Its time ran out while the cluster works on it.
        if (answer.errorCode === Code.REQUEST_TIMED_OUT) repeated = true
        const passing = isRetriable(answer.errorCode) && answer.errorCode !== Code.UNKNOWN_TOPIC_OR_PARTITION
        return passing ? notYet(answer.errorCode) : { ...answer, repeated }
      } catch (error) {
        if (isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE') && error.details.sent === true) repeated = true
        throw error
      }
    })
  }

  /** Waits until metadata shows the topic as wanted. */
  async #until(name: string, wanted: (topic: TopicMetadata | undefined) => boolean): Promise<void> {
    await again(this.#parts, { operation: `metadata of topic "${name}"` }, async () => {
      const found = await this.#parts.cluster.metadata([name], { fresh: true })
      return wanted(found.get(name)) ? {} : { notYet: 'the change is not known everywhere yet' }
    })
  }
}

interface Answer {
  readonly errorCode: number
  readonly errorMessage: string | null
}

function only({ topics }: CreateTopicsResponse): Answer {
  return topics[0] ?? { errorCode: -1, errorMessage: null }
}

function creation({ name, partitions, config }: TopicSpec): {
  readonly name: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly assignments: readonly []
  readonly configs: readonly { readonly name: string; readonly value: string }[]
} {
  const configs = Object.entries(config ?? {}).map(([key, value]) => ({ name: key, value }))
  return {
    name,
    numPartitions: partitions,
    replicationFactor: DEFAULT_REPLICATION,
    assignments: [],
    configs,
  }
}

function creationError({ name, partitions }: TopicSpec, { errorCode, errorMessage }: Answer): SluiceError {
  const said = errorMessage ?? ''
  const place = `topic "${name}"`
  switch (errorCode) {
    case Code.TOPIC_ALREADY_EXISTS:
      return sluiceError('SLUICE_TOPIC_EXISTS', { topic: name })
    case Code.INVALID_TOPIC_EXCEPTION:
      return sluiceError('SLUICE_TOPIC_INVALID', { topic: name })
    case Code.INVALID_PARTITIONS:
      return invalid(`${place}: partitions`, 'at least 1', String(partitions))
    case Code.INVALID_CONFIG:
      return invalid(`${place}: config`, 'configs that Kafka takes', said)
    case Code.INVALID_REPLICATION_FACTOR:
      return invalid(`${place}: replication`, 'enough brokers for the default.replication.factor', said)
    default:
      return failure(errorCode, `CreateTopics of ${place}`, said)
  }
}

function invalid(place: string, expected: string, came: string): SluiceError {
  return sluiceError('SLUICE_CONFIG_INVALID', { place, expected, came })
}

function ready(topic: TopicMetadata, partitions: number): boolean {
  return topic.partitions.length === partitions && topic.partitions.every(({ leader }) => leader >= 0)
}

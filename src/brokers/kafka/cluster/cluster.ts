/**
 * The contract between the parts of the Kafka client and one cluster: who leads, who coordinates, and requests to a
 * broker by its number. Addresses, connections, versions and logins stay below it; records and groups above.
 */
import type { Clock } from '../../../core/clock.ts'
import type { Logger } from '../../../core/log.ts'
import type { Random } from '../../../core/random.ts'
import type { Security } from '../network/security.ts'
import type { Api } from '../protocol/api.ts'

export interface ClusterOptions {
  /** Addresses `host:port`, tried in random order until one answers. */
  readonly bootstrap: readonly string[]
  /** What brokers call this client in logs, metrics and quotas. */
  readonly clientId: string
  readonly security?: Security
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Time a request may take from its sending to its answer. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** Time to make a connection, TLS and login included. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Metadata of topics in use is asked anew after this time, so that added partitions are found. Default 60,000. */
  readonly metadataMaxAgeMs?: number
}

/**
 * What a connection is for. A broker answers the requests of one connection in order, so a long poll or a JoinGroup
 * holds up whatever is behind it: there is one connection per broker and purpose. A suffix makes one of its own
 * (`fetch-restore`, `coordination-heartbeat`).
 */
export type Purpose = PurposeKind | `${PurposeKind}-${string}`

export type PurposeKind = 'metadata' | 'fetch' | 'produce' | 'coordination'

export type CoordinatorKind = 'group' | 'transaction'

/** The body of a request, or how to make it for the version spoken with that broker. */
export type Body<RequestDraft> = RequestDraft | ((version: number) => RequestDraft)

export interface RequestOptions {
  /** From its sending to its answer. Default: `requestTimeoutMs`. For long polls: the poll and some seconds. */
  readonly timeoutMs?: number
  /** Speak no later version than this. */
  readonly maxVersion?: number
}

export interface Leader {
  readonly brokerId: number
  /** To be sent along, so that a broker which is not (yet, any more) leader of this epoch refuses. -1: not known. */
  readonly epoch: number
  /** ZERO_UUID on brokers without topic ids (before 2.8). */
  readonly topicId: string
}

export interface TopicMetadata {
  readonly name: string
  readonly topicId: string
  readonly internal: boolean
  /** By number, without gaps. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface PartitionMetadata {
  readonly partition: number
  /** -1: there is none now. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
}

export interface Cluster {
  /** Kafka's own name of the cluster, as known since the connection was made. */
  readonly clusterId: string

  /**
   * Sends one request and resolves with its answer, whose error codes are the caller's to read. One attempt, except that
   * a connection is made first where there is none: then after the back-off of that broker, so callers may loop.
   * @throws SLUICE_BROKER_UNAVAILABLE (retry): the connection could not be made, broke, or time was up. Detail `sent`
   * tells whether the broker may have got it; if false, nothing happened.
   * @throws SLUICE_KAFKA_AUTHENTICATION, SLUICE_KAFKA_TLS: repeating gives the same
   * @throws SLUICE_UNSUPPORTED: no common version, or one that cannot say what the body says
   * @throws SLUICE_KAFKA_MALFORMED: the answer is not Kafka's; the connection was closed
   * @throws SLUICE_CLOSED: after `close`, or `release` of this purpose
   */
  request<RequestDraft, Response>(
    brokerId: number,
    purpose: Purpose,
    api: Api<RequestDraft, Response>,
    body: Body<RequestDraft>,
    options?: RequestOptions,
  ): Promise<Response>

  /**
   * The same with any broker that can be reached: the others are tried before it rejects, so only for requests that are
   * harmless to repeat.
   * @throws as `request`
   */
  any<RequestDraft, Response>(
    purpose: Purpose,
    api: Api<RequestDraft, Response>,
    body: Body<RequestDraft>,
    options?: RequestOptions,
  ): Promise<Response>

  /** The same with the broker that changes topics and configs now (controller). */
  controller<RequestDraft, Response>(
    purpose: Purpose,
    api: Api<RequestDraft, Response>,
    body: Body<RequestDraft>,
    options?: RequestOptions,
  ): Promise<Response>

  /**
   * The version that requests of this API to this broker would have; undefined if there is no common one.
   * @throws as `request`, when the connection cannot be made
   */
  version(brokerId: number, purpose: Purpose, api: Api<never, unknown>): Promise<number | undefined>

  /** Features the cluster has switched on, by name: `transaction.version`, `group.version`, `streams.version`. */
  feature(name: string): number | undefined

  /** Brokers known now. */
  brokers(): readonly number[]

  /**
   * The leader of a partition; waits for one to be elected, up to the request timeout.
   * @throws SLUICE_TOPIC_MISSING: no such topic or partition. SLUICE_BROKER_UNAVAILABLE: no leader in time
   */
  leader(topic: string, partition: number): Promise<Leader>

  /** The same from memory: undefined if it is not known or there is none; nothing is asked. */
  leaderNow(topic: string, partition: number): Leader | undefined

  /**
   * A broker said who leads (`currentLeader` of Fetch and Produce), or that it does not (then without `leader`): older
   * epochs are ignored; what is not known any more is asked anew at the next `leader`.
   */
  moved(
    topic: string,
    partition: number,
    leader?: { readonly brokerId: number; readonly epoch: number },
  ): void

  /**
   * The broker that coordinates this group or transactional id; asked once and remembered. Waits while the coordinator
   * is not there yet (internal topics are made at first use), up to the request timeout.
   * @throws SLUICE_BROKER_UNAVAILABLE, SLUICE_KAFKA_DENIED, SLUICE_KAFKA_REFUSED
   */
  coordinator(kind: CoordinatorKind, key: string): Promise<number>

  /** Forgets a coordinator that answered that it is none. */
  lostCoordinator(kind: CoordinatorKind, key: string): void

  /**
   * Topics by name; names that do not exist are absent. Remembered unless `fresh`, never older than `metadataMaxAgeMs`.
   * From the first time a topic is named here or in `leader` it is kept fresh in the background.
   * @throws SLUICE_KAFKA_DENIED for a topic that may not be described
   */
  metadata(
    topics: readonly string[],
    options?: { readonly fresh?: boolean },
  ): Promise<ReadonlyMap<string, TopicMetadata>>

  /** Every topic there is, asked now. */
  allTopics(): Promise<readonly TopicMetadata[]>

  /** The topic with this id, from memory. */
  topicName(topicId: string): string | undefined

  /** Asks metadata of the topics in use anew, now. Calls at the same time share one request. */
  refresh(): Promise<void>

  /** Forgets topics that are not in use any more. */
  forgetTopics(topics: readonly string[]): void

  /** Calls `listener` after metadata changed: a leader, a partition count, a topic that came or went. Returns how to stop. */
  onChange(listener: () => void): () => void

  /** Closes the connections of a purpose; what is under way on them rejects with SLUICE_CLOSED. */
  release(purpose: Purpose): void

  /** Closes everything. Idempotent. */
  close(): Promise<void>
}

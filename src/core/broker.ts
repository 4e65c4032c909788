/**
 * The port to Kafka as the engine needs it: logs, fetching, transactional producing, groups that hand out tasks, admin.
 * A `Broker` is one client's connection; adapters (`brokers/embedded`, `brokers/kafka`) retry what may be retried and
 * pass one contract suite. No method may hand out a record that read_committed hides, or an offset that is not durable.
 *
 * Rejections are SluiceErrors. `retry: 'retry'` means nothing happened or repeating is harmless; FENCED codes mean the
 * caller was replaced and must drop all uncommitted work; SLUICE_TXN_OUTCOME_UNKNOWN means the commit may have happened.
 */
import type { Bytes, Encoded, Headers, TaskId, TopicPartition } from './record.ts'
import type { SluiceError } from './errors.ts'
import type { Serde } from './serde.ts'

export interface Broker {
  readonly kind: 'embedded' | 'kafka'
  /** Identity of the cluster; changes when its data is gone. Local state of another cluster is wiped. */
  clusterId(): Promise<string>
  readonly admin: Admin
  /** A set of partitions being read. Each use (input, restore, global) has one of its own. */
  fetcher(options: FetcherOptions): Fetcher
  producer(options: ProducerOptions): Producer
  /** Joins the group and resolves once a member id is held; tasks come through `member.change`. */
  join(options: JoinOptions): Promise<GroupMember>
  /** Offsets committed by a group, whoever owns the partitions (for tools). Absent partitions are left out. */
  committedOffsets(group: string): Promise<readonly CommittedOffset[]>
  /** Closes this connection: fetchers, producers and members of it end; members leave their groups. */
  close(): Promise<void>
}

// ---- fetching

export type Isolation = 'read_committed' | 'read_uncommitted'

export interface FetcherOptions {
  readonly isolation: Isolation
  /** Stops fetching a partition while this many bytes of it wait in `take`. Default 4 MiB. */
  readonly maxPartitionBytes?: number
}

/**
 * Reads partitions ahead in the background. `take` never blocks. After `remove` nothing of that partition is handed out.
 */
export interface Fetcher {
  /** Starts reading at `offset` (a position, as committed). An existing partition is moved there. */
  add(topic: string, partition: number, offset: number): void
  remove(topic: string, partition: number): void
  /** A paused partition keeps what is buffered and hands out nothing. */
  pause(topic: string, partition: number): void
  resume(topic: string, partition: number): void
  /** What has arrived since the last call, in offset order per partition. */
  take(): readonly Fetched[]
  /**
   * Records known to be readable that `take` has not handed out yet; undefined before the first answer about the
   * partition. 0 means: caught up as of the last answer (rule of `maxTaskIdleMs`).
   */
  lag(topic: string, partition: number): number | undefined
  /** Resolves when `take` would give something, when `wake` is called, or after `timeoutMs`. */
  arrived(timeoutMs: number): Promise<void>
  /** Ends a waiting `arrived` at once. */
  wake(): void
  close(): void
}

export type Fetched = FetchedBatch | FetchFailure

/**
 * Records of one partition, still bytes: an index over the fetched buffer. `count` may be 0 when only control records,
 * aborted or compacted records were passed; `nextOffset` then still moves on. Bytes belong to the batch.
 */
export interface FetchedBatch {
  readonly kind: 'records'
  readonly topic: string
  readonly partition: number
  readonly count: number
  offsetAt(index: number): number
  timestampAt(index: number): number
  keyAt(index: number): Bytes | null
  valueAt(index: number): Bytes | null
  headersAt(index: number): Headers
  /**
   * The key as `serde` reads it, without a view of its bytes; null = no key. Optional, for batches that can do it; the
   * same as `keyAt` and `deserialize`. What it throws is the serde's.
   */
  decodeKey?(index: number, serde: Serde<unknown>): unknown
  /** Size of the key in bytes; -1 = no key. There if `decodeKey` is. */
  keySize?(index: number): number
  /** As `decodeKey`, of the value. */
  decodeValue?(index: number, serde: Serde<unknown>): unknown
  /** Size on the wire of what this batch covers. */
  readonly bytes: number
  /** The position after this batch: beyond the last record, and beyond markers and gaps that follow it here. */
  readonly nextOffset: number
  /** End of what this isolation level can read, as known when this was fetched. */
  readonly endOffset: number
}

/** A partition that cannot be read on: SLUICE_OFFSET_OUT_OF_RANGE, SLUICE_CORRUPT_BATCH, SLUICE_TOPIC_MISSING. It stays where it is until moved or removed. */
export interface FetchFailure {
  readonly kind: 'failed'
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly error: SluiceError
}

// ---- producing

export interface ProducerOptions {
  /** Absent: idempotent without transactions. */
  readonly transactionalId?: string
  /** The broker aborts a transaction open for longer. Default 10,000. */
  readonly transactionTimeoutMs?: number
}

/**
 * One producer. Order of calls of a transactional one: init, then per transaction send* → sendOffsets → commit | abort.
 * A transaction opens with the first send or sendOffsets after init, commit or abort. Calls must not overlap, except that
 * buffers may be filled at any time. After a FENCED or unknown outcome only `init` (again) or `close` may follow.
 */
export interface Producer {
  /**
   * Fences every other producer of the transactional id, waits until its last transaction is over (an open one is
   * aborted, a prepared one completed) and takes a new epoch. Also resolves an unknown commit outcome.
   * @throws SLUICE_CONFIG_INVALID when the broker does not allow so long a transaction
   */
  init(): Promise<void>
  /** A handle to append to; cheap to keep, made once per partition. */
  target(topic: string, partition: number): ProduceTarget
  /** An empty buffer. It belongs to no transaction until it is sent. */
  buffer(): SendBuffer
  /**
   * Writes all records of the buffer and resolves when they are acknowledged (durable on the broker). The buffer must not
   * be used again. All or, after an error, an unknown part of it is in the log; the transaction must then be aborted.
   * @throws SLUICE_RECORD_TOO_LARGE, SLUICE_RECORD_REFUSED where `append` could not know the limits of the topic: from then on it does
   * @returns per partition the offset of the last record written
   */
  send(buffer: SendBuffer): Promise<readonly SentPartition[]>
  /**
   * Adds offsets to the transaction.
   * @throws SLUICE_MEMBER_FENCED when the member was replaced: abort, drop, rejoin; SLUICE_CONFIG_INVALID for metadata the broker refuses
   */
  sendOffsets(offsets: readonly CommittedOffset[], fence: GroupFence): Promise<void>
  /**
   * Resolves when the outcome is decided and durable. Readers may see it a moment later (Kafka answers before it writes
   * the markers); `GroupMember.committed` and `init` wait for it.
   * @throws SLUICE_TXN_OUTCOME_UNKNOWN, SLUICE_PRODUCER_FENCED
   */
  commit(): Promise<void>
  abort(): Promise<void>
  close(): Promise<void>
}

export interface ProduceTarget extends TopicPartition {
  /** Dense number of the target within its producer, for array look-ups. */
  readonly index: number
}

/**
 * Records encoded on append, straight into the batches to be sent. What a topic takes (size, time, keys) is known from the
 * moment it was described or created on this connection: describe all sinks before the first append, so that a record that
 * will be refused fails here, alone, and not a whole `send` later.
 */
export interface SendBuffer {
  /** @throws SLUICE_RECORD_TOO_LARGE, SLUICE_RECORD_REFUSED; the buffer goes on without the record */
  append(
    target: ProduceTarget,
    key: Encoded | null,
    value: Encoded | null,
    timestamp: number,
    headers: Headers,
  ): void
  readonly records: number
  readonly bytes: number
}

export interface SentPartition extends TopicPartition {
  readonly lastOffset: number
}

// ---- groups and tasks

/** What a group works on; equal for all members. Numbers and topics come from the compiled plan. */
export interface GroupTopology {
  readonly subtopologies: readonly GroupSubtopology[]
}

export interface GroupSubtopology {
  readonly id: number
  /** User topics and repartition topics read by it; the number of its tasks is their largest partition count. */
  readonly sourceTopics: readonly string[]
  readonly changelogTopics: readonly string[]
}

export interface JoinOptions {
  readonly group: string
  readonly topology: GroupTopology
  /** Identity of the process: sticky assignment prefers a process that had the task. */
  readonly processId: string
  /** A member that is silent for longer loses its tasks. Default 45,000. */
  readonly sessionTimeoutMs?: number
  /** Default 3,000. */
  readonly heartbeatIntervalMs?: number
  /**
   * A member that takes longer to acknowledge a revocation is expelled, where the broker can tell (Kafka), so that a stuck
   * instance does not keep its tasks for ever. Default 300,000.
   */
  readonly rebalanceTimeoutMs?: number
  /** Tasks wanted besides the active ones. Default 0. What a protocol can't do is SLUICE_UNSUPPORTED here. */
  readonly standbyReplicas?: number
  /** Tasks of which this process still has state, so that they come back to it. */
  readonly ownedState?: readonly TaskId[]
  /** Where this process answers questions (`http://host:port`); told to whoever describes the group. Default: nowhere. */
  readonly endpoint?: string
}

/** A member of a group as `Admin.describeGroup` shows it. */
export interface MemberDescription {
  readonly memberId: string
  readonly processId: string
  /** As it gave it to `join`. */
  readonly endpoint?: string
  readonly active: readonly TaskId[]
  readonly standby: readonly TaskId[]
}

/**
 * Membership in a group. A task is given to a member only after its former owner acknowledged the revocation or was
 * expelled, so two live members never own one task. Heartbeats run by themselves while the process lives.
 */
export interface GroupMember {
  readonly memberId: string
  /**
   * Proves membership in commits. Its epoch is fixed at each acknowledged change and is another one after the next: an adapter
   * counts changes and checks them itself where the epoch of its broker moves at other times (Kafka's does).
   */
  fence(): GroupFence
  /** The next change this member must make, or undefined. Stays the same object until acknowledged. */
  readonly change: AssignmentChange | undefined
  /**
   * Set once when the member was expelled or fenced: it owns nothing any more, must drop all and join anew. Set at the latest when,
   * by the client's own clock, the session may have run out: a process that was paused must see it before its next send,
   * since nothing else stops a write without a transaction.
   */
  readonly lost: SluiceError | undefined
  /** Called (in any turn) when `change` or `lost` appears, also when one was there before; one listener. */
  onChange(listener: () => void): void
  /** The revoked tasks are committed and closed here, the assigned ones are known. */
  acknowledge(change: AssignmentChange): Promise<void>
  /**
   * Committed positions, stable only: waits while a pending transaction might still move one of them (KIP-447).
   * Partitions never committed are left out.
   */
  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]>
  /** Commits without a transaction (at-least-once). @throws SLUICE_MEMBER_FENCED */
  commit(offsets: readonly CommittedOffset[]): Promise<void>
  /** Gives everything back at once. */
  leave(): Promise<void>
  /**
   * Asks all members to stop: each, this one too, is `lost` with SLUICE_APPLICATION_STOPPED, and the group is empty. Those who join
   * later are not concerned. Absent where the protocol has no way to say it.
   */
  stopAll?(reason: string): Promise<void>
}

export interface AssignmentChange {
  /** All active tasks after this change. */
  readonly active: readonly TaskId[]
  readonly standby: readonly TaskId[]
  /** Active tasks to give up. */
  readonly revoked: readonly TaskId[]
  /** Active tasks newly owned (from the moment of `acknowledge` on they may be processed). */
  readonly assigned: readonly TaskId[]
}

export interface GroupFence {
  readonly group: string
  readonly memberId: string
  readonly epoch: number
}

export interface CommittedOffset extends TopicPartition {
  /** The next record to read. */
  readonly offset: number
  /** The engine's envelope; opaque to brokers; at most 4,096 bytes. */
  readonly metadata: string
}

// ---- admin

export interface Admin {
  /** Topics that exist among `names` (all when absent). Internal broker topics are left out. */
  describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]>
  /** @throws SLUICE_TOPIC_EXISTS, SLUICE_TOPIC_INVALID */
  createTopic(spec: TopicSpec): Promise<void>
  deleteTopic(topic: string): Promise<void>
  /** Removes records below `offset` (repartition topics after commit). */
  deleteRecords(topic: string, partition: number, offset: number): Promise<void>
  /**
   * `earliest`: log start. `latest`: high watermark, or the last stable offset under read_committed.
   * A number: the first offset whose timestamp is >= it, or `latest`.
   */
  listOffset(
    topic: string,
    partition: number,
    at: 'earliest' | 'latest' | number,
    isolation: Isolation,
  ): Promise<number>
  listGroups(): Promise<readonly string[]>
  /** Living members of a group of ours and their tasks as of the last assignment; empty for a group that has none. */
  describeGroup(group: string): Promise<readonly MemberDescription[]>
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  /** Kafka's topic configs, for instance `cleanup.policy`, `retention.ms`. */
  readonly config?: Readonly<Record<string, string>>
}

export interface TopicDescription extends TopicSpec {
  /** Identity of this incarnation of the topic; differs after delete and create. */
  readonly topicId: string
  readonly config: Readonly<Record<string, string>>
}

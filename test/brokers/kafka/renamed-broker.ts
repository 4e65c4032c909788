/**
 * A connection to a shared cluster that looks like one to a cluster of its own: every name gets a prefix on the way in and
 * loses it on the way out, and time-outs are shortened, so that many tests share one real broker whose time cannot be moved.
 */
import type {
  Admin,
  Broker,
  CommittedOffset,
  Fetched,
  FetchedBatch,
  Fetcher,
  GroupMember,
  GroupTopology,
  JoinOptions,
  Producer,
} from '../../../src/core/broker.ts'
import type { Bytes, Headers } from '../../../src/core/record.ts'

export interface Renaming {
  readonly prefix: string
  /** How many times faster than said the time of sessions and transactions runs. */
  readonly speed: number
}

export function renamedBroker(broker: Broker, renaming: Renaming): Broker {
  const { prefix, speed } = renaming
  const out = (name: string): string => name.slice(prefix.length)
  const outOffsets = (offsets: readonly CommittedOffset[]): readonly CommittedOffset[] =>
    offsets.map((offset) => ({ ...offset, topic: out(offset.topic) }))
  return {
    kind: broker.kind,
    admin: renamedAdmin(broker.admin, prefix),
    clusterId: () => broker.clusterId(),
    fetcher: (options) => renamedFetcher(broker.fetcher(options), prefix),
    producer: ({ transactionalId, transactionTimeoutMs }) =>
      renamedProducer(
        broker.producer({
          ...(transactionalId === undefined ? {} : { transactionalId: prefix + transactionalId }),
          ...(transactionTimeoutMs === undefined
            ? {}
            : { transactionTimeoutMs: transactionTimeoutMs / speed }),
        }),
        prefix,
      ),
    join: async (options) => renamedMember(await broker.join(joined(options, renaming)), prefix),
    committedOffsets: async (group) => outOffsets(await broker.committedOffsets(prefix + group)),
    close: () => broker.close(),
  }
}

function joined(options: JoinOptions, { prefix, speed }: Renaming): JoinOptions {
  const { sessionTimeoutMs = 45_000, heartbeatIntervalMs = 3000 } = options
  const subtopologies = options.topology.subtopologies.map((one) => ({
    ...one,
    sourceTopics: one.sourceTopics.map((topic) => prefix + topic),
    changelogTopics: one.changelogTopics.map((topic) => prefix + topic),
  }))
  const topology: GroupTopology = { subtopologies }
  return {
    ...options,
    group: prefix + options.group,
    topology,
    sessionTimeoutMs: sessionTimeoutMs / speed,
    heartbeatIntervalMs: heartbeatIntervalMs / speed,
  }
}

function renamedAdmin(admin: Admin, prefix: string): Admin {
  return {
    async describeTopics(names) {
      const found = await admin.describeTopics(names?.map((name) => prefix + name))
      return found
        .filter(({ name }) => name.startsWith(prefix))
        .map((topic) => ({ ...topic, name: topic.name.slice(prefix.length) }))
    },
    // The suite writes records of 1970, which Kafka's retention would remove half a minute after its start.
    createTopic: ({ name, partitions, config }) =>
      admin.createTopic({ name: prefix + name, partitions, config: { 'retention.ms': '-1', ...config } }),
    deleteTopic: (topic) => admin.deleteTopic(prefix + topic),
    deleteRecords: (topic, partition, offset) => admin.deleteRecords(prefix + topic, partition, offset),
    listOffset: (topic, partition, at, isolation) =>
      admin.listOffset(prefix + topic, partition, at, isolation),
    async listGroups() {
      const groups = await admin.listGroups()
      return groups.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
    },
    describeGroup: (group) => admin.describeGroup(prefix + group),
  }
}

function renamedProducer(producer: Producer, prefix: string): Producer {
  return {
    init: () => producer.init(),
    target: (topic, partition) => producer.target(prefix + topic, partition),
    buffer: () => producer.buffer(),
    async send(buffer) {
      const sent = await producer.send(buffer)
      return sent.map((one) => ({ ...one, topic: one.topic.slice(prefix.length) }))
    },
    sendOffsets: (offsets, fence) =>
      producer.sendOffsets(prefixed(offsets, prefix), { ...fence, group: prefix + fence.group }),
    commit: () => producer.commit(),
    abort: () => producer.abort(),
    close: () => producer.close(),
  }
}

function renamedMember(member: GroupMember, prefix: string): GroupMember {
  return {
    memberId: member.memberId,
    fence() {
      const fence = member.fence()
      return { ...fence, group: fence.group.slice(prefix.length) }
    },
    get change() {
      return member.change
    },
    get lost() {
      return member.lost
    },
    onChange: (listener) => member.onChange(listener),
    acknowledge: (change) => member.acknowledge(change),
    async committed(partitions) {
      const asked = partitions.map(({ topic, partition }) => ({ topic: prefix + topic, partition }))
      const found = await member.committed(asked)
      return found.map((offset) => ({ ...offset, topic: offset.topic.slice(prefix.length) }))
    },
    commit: (offsets) => member.commit(prefixed(offsets, prefix)),
    leave: () => member.leave(),
    stopAll: async (reason) => member.stopAll?.(reason),
  }
}

function prefixed(offsets: readonly CommittedOffset[], prefix: string): readonly CommittedOffset[] {
  return offsets.map((offset) => ({ ...offset, topic: prefix + offset.topic }))
}

function renamedFetcher(fetcher: Fetcher, prefix: string): Fetcher {
  return {
    add: (topic, partition, offset) => fetcher.add(prefix + topic, partition, offset),
    remove: (topic, partition) => fetcher.remove(prefix + topic, partition),
    pause: (topic, partition) => fetcher.pause(prefix + topic, partition),
    resume: (topic, partition) => fetcher.resume(prefix + topic, partition),
    take: () => fetcher.take().map((fetched) => renamedFetched(fetched, prefix)),
    lag: (topic, partition) => fetcher.lag(prefix + topic, partition),
    arrived: (timeoutMs) => fetcher.arrived(timeoutMs),
    wake: () => fetcher.wake(),
    close: () => fetcher.close(),
  }
}

function renamedFetched(fetched: Fetched, prefix: string): Fetched {
  const topic = fetched.topic.slice(prefix.length)
  return fetched.kind === 'failed' ? { ...fetched, topic } : new RenamedBatch(fetched, topic)
}

class RenamedBatch implements FetchedBatch {
  readonly kind = 'records'
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly bytes: number
  readonly nextOffset: number
  readonly endOffset: number
  readonly #batch: FetchedBatch

  constructor(batch: FetchedBatch, topic: string) {
    this.#batch = batch
    this.topic = topic
    this.partition = batch.partition
    this.count = batch.count
    this.bytes = batch.bytes
    this.nextOffset = batch.nextOffset
    this.endOffset = batch.endOffset
  }

  offsetAt(index: number): number {
    return this.#batch.offsetAt(index)
  }

  timestampAt(index: number): number {
    return this.#batch.timestampAt(index)
  }

  keyAt(index: number): Bytes | null {
    return this.#batch.keyAt(index)
  }

  valueAt(index: number): Bytes | null {
    return this.#batch.valueAt(index)
  }

  headersAt(index: number): Headers {
    return this.#batch.headersAt(index)
  }
}

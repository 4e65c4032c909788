/**
 * A broker that is as unpleasant as a network: late, in pieces, unavailable, with lost replies. It wraps any broker and keeps
 * the contract of the port; it must never do what a real broker could not do.
 */
import type {
  Admin,
  Broker,
  CommittedOffset,
  GroupFence,
  GroupMember,
  JoinOptions,
  ProduceTarget,
  Producer,
  ProducerOptions,
  SendBuffer,
  SentPartition,
} from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import { hostileFetcher } from './hostile-fetcher.ts'
import { hostileMember } from './hostile-member.ts'
import type { HostileOptions } from './hostility.ts'
import { Hostility, unavailable } from './hostility.ts'

export type { HostileEvent, HostileFaults, HostileOptions } from './hostility.ts'

/** Wraps one connection. Closing the wrapper closes the connection. */
export function hostileBroker(broker: Broker, options: HostileOptions): Broker {
  const hostility = new Hostility(options)
  return {
    kind: broker.kind,
    admin: hostileAdmin(broker.admin, hostility),
    clusterId: () => hostility.read('clusterId', () => broker.clusterId()),
    fetcher: (fetcherOptions) => hostileFetcher(broker.fetcher(fetcherOptions), hostility),
    producer: (producerOptions) =>
      new HostileProducer(broker.producer(producerOptions), producerOptions, hostility),
    join: (joinOptions: JoinOptions): Promise<GroupMember> =>
      hostility.call('join', async () => hostileMember(await broker.join(joinOptions), hostility)),
    committedOffsets: (group) => hostility.read('committedOffsets', () => broker.committedOffsets(group)),
    close: () => hostility.call('close', () => broker.close()),
  }
}

function hostileAdmin(admin: Admin, hostility: Hostility): Admin {
  return {
    describeTopics: (names) => hostility.read('describeTopics', () => admin.describeTopics(names)),
    createTopic: (spec) => hostility.read('createTopic', () => admin.createTopic(spec)),
    deleteTopic: (topic) => hostility.read('deleteTopic', () => admin.deleteTopic(topic)),
    deleteRecords: (topic, partition, offset) =>
      hostility.read('deleteRecords', () => admin.deleteRecords(topic, partition, offset)),
    listOffset: (topic, partition, at, isolation) =>
      hostility.read('listOffset', () => admin.listOffset(topic, partition, at, isolation)),
    listGroups: () => hostility.read('listGroups', () => admin.listGroups()),
    describeGroup: (group) => hostility.read('describeGroup', () => admin.describeGroup(group)),
  }
}

/** After a lost reply the client knows no more than a real one: only abort, or after a commit only init, may follow. */
class HostileProducer implements Producer {
  readonly #inner: Producer
  readonly #transactionalId: string | undefined
  readonly #hostility: Hostility
  #lost: 'nothing' | 'send' | 'commit' = 'nothing'

  constructor(inner: Producer, { transactionalId }: ProducerOptions, hostility: Hostility) {
    this.#inner = inner
    this.#transactionalId = transactionalId
    this.#hostility = hostility
  }

  async init(): Promise<void> {
    await this.#hostility.call('init', () => this.#inner.init())
    this.#lost = 'nothing'
  }

  target(topic: string, partition: number): ProduceTarget {
    return this.#inner.target(topic, partition)
  }

  buffer(): SendBuffer {
    return this.#inner.buffer()
  }

  async send(buffer: SendBuffer): Promise<readonly SentPartition[]> {
    this.#check('send', 'nothing')
    const sent = await this.#hostility.call('send', () => this.#inner.send(buffer))
    if (this.#hostility.strikes('send', 'lostSend')) throw this.#lose('send')
    return sent
  }

  async sendOffsets(offsets: readonly CommittedOffset[], fence: GroupFence): Promise<void> {
    this.#check('sendOffsets', 'nothing')
    await this.#hostility.call('sendOffsets', () => this.#inner.sendOffsets(offsets, fence))
    if (this.#hostility.strikes('sendOffsets', 'lostOffsets')) throw this.#lose('sendOffsets')
  }

  async commit(): Promise<void> {
    this.#check('commit', 'nothing')
    if (!this.#hostility.strikes('commit', 'lostCommit')) {
      return this.#hostility.call('commit', () => this.#inner.commit())
    }
    const happens = this.#hostility.pick(2) === 1
    await this.#hostility.call('commit', () => (happens ? this.#inner.commit() : Promise.resolve()))
    this.#lost = 'commit'
    throw sluiceError('SLUICE_TXN_OUTCOME_UNKNOWN', { transactionalId: this.#transactionalId })
  }

  async abort(): Promise<void> {
    this.#check('abort', 'send')
    await this.#hostility.call('abort', () => this.#inner.abort())
    this.#lost = 'nothing'
  }

  close(): Promise<void> {
    return this.#hostility.call('close', () => this.#inner.close())
  }

  #lose(operation: string): Error {
    if (this.#transactionalId !== undefined) this.#lost = 'send'
    return unavailable(operation, 'the connection broke before the answer')
  }

  /** @param allowed the worst loss after which `operation` may follow */
  #check(operation: string, allowed: 'nothing' | 'send'): void {
    if (this.#lost === 'nothing' || this.#lost === allowed) return
    throw sluiceError('SLUICE_TXN_STATE', {
      transactionalId: this.#transactionalId,
      operation,
      problem:
        this.#lost === 'send' ? 'a send was not answered, only abort may follow' : 'only init may follow',
    })
  }
}

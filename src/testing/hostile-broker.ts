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
import type { Clock } from '../core/clock.ts'
import { sleep } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { sluiceError } from '../core/errors.ts'
import { hostileFetcher } from './hostile-fetcher.ts'
import { hostileMember } from './hostile-member.ts'

/** Probabilities from 0 to 1; all 0 by default. */
export interface HostileFaults {
  /** A call, or news of a change, is late by up to `maxDelayMs`. */
  readonly delay?: number
  /** Default 5. */
  readonly maxDelayMs?: number
  /** A fetched batch arrives in two pieces. */
  readonly split?: number
  /** A fetched batch, and what follows it in its partition, waits for a later `take`. */
  readonly hold?: number
  /** A read or an administrative call fails before it happened: SLUICE_BROKER_UNAVAILABLE. */
  readonly unavailable?: number
  /** No answer to a commit, of which half happened: SLUICE_TXN_OUTCOME_UNKNOWN. */
  readonly lostCommit?: number
  /** No answer to a send that happened: SLUICE_BROKER_UNAVAILABLE. */
  readonly lostSend?: number
  /** No answer to a sendOffsets that happened: SLUICE_BROKER_UNAVAILABLE. */
  readonly lostOffsets?: number
}

export interface HostileOptions {
  /** Delays go by it. */
  readonly clock: Clock
  readonly random: Random
  readonly faults: HostileFaults
  /** Told of every fault, for traces. */
  readonly log?: (event: HostileEvent) => void
}

export interface HostileEvent {
  readonly call: string
  readonly fault: keyof HostileFaults
  readonly detail?: string
}

/** Draws the faults. */
export class Hostility {
  readonly #clock: Clock
  readonly #random: Random
  readonly #faults: HostileFaults
  readonly #log: (event: HostileEvent) => void

  constructor({ clock, random, faults, log }: HostileOptions) {
    this.#clock = clock
    this.#random = random
    this.#faults = faults
    this.#log = log ?? (() => undefined)
  }

  /** True when this fault happens now. */
  strikes(call: string, fault: Exclude<keyof HostileFaults, 'maxDelayMs'>, detail?: string): boolean {
    if (this.#random.next() >= (this.#faults[fault] ?? 0)) return false
    this.#log(detail === undefined ? { call, fault } : { call, fault, detail })
    return true
  }

  /** A whole number from 1 to `most`. */
  pick(most: number): number {
    return 1 + Math.floor(this.#random.next() * most)
  }

  async late(call: string): Promise<void> {
    if (!this.strikes(call, 'delay')) return
    await sleep(this.#clock, this.#random.next() * (this.#faults.maxDelayMs ?? 5))
  }

  /** A call that may be late on its way there and back. */
  async call<T>(name: string, run: () => Promise<T>): Promise<T> {
    await this.late(name)
    const result = await run()
    await this.late(name)
    return result
  }

  /** A call that may also fail before it happened. */
  async read<T>(name: string, run: () => Promise<T>): Promise<T> {
    if (this.strikes(name, 'unavailable')) {
      await this.late(name)
      throw unavailable(name, 'the connection was refused')
    }
    return this.call(name, run)
  }
}

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
  }
}

function unavailable(operation: string, problem: string): Error {
  return sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation, problem })
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

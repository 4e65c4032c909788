/** The door of this adapter: one client's connection to a Kafka cluster, the port put together from its layers. */
import type {
  Admin,
  Broker,
  CommittedOffset,
  Fetcher,
  FetcherOptions,
  GroupMember,
  JoinOptions,
  Producer,
  ProducerOptions,
} from '../../core/broker.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Compression } from '../record-batch/compress.ts'
import { KafkaAdmin } from './admin/admin.ts'
import type { Parts } from './ask.ts'
import type { ClusterOptions } from './cluster/cluster.ts'
import { connectCluster } from './cluster/connect.ts'
import { KafkaFetcher } from './fetch/fetcher.ts'
import { joinKafka } from './group/join.ts'
import { Members } from './group/members.ts'
import { fetchOffsets } from './group/offsets.ts'
import { TopicLimits } from './produce/limits.ts'
import { KafkaProducer } from './produce/producer.ts'

export interface KafkaOptions extends ClusterOptions {
  /** Of what is produced. Default `none`. */
  readonly compression?: Compression
}

/**
 * Connects to a cluster by the first address that answers.
 * @throws SLUICE_CONFIG_INVALID, SLUICE_KAFKA_AUTHENTICATION, SLUICE_KAFKA_TLS, SLUICE_BROKER_UNAVAILABLE
 */
export async function connectKafka(options: KafkaOptions): Promise<KafkaBroker> {
  const { clock, random, log, compression = 'none' } = options
  const cluster = await connectCluster(options)
  const parts = { cluster, clock, random, log }
  return new KafkaConnection({ parts, compression, limits: new TopicLimits(clock), opened: 0 }, true)
}

/** A connection of which others may have a share. */
export interface KafkaBroker extends Broker {
  /** Another client over the same connections. Closing it ends what it opened; closing the first one ends all. */
  share(): Broker
}

/** What all clients of one cluster have in common. */
interface Shared {
  readonly parts: Parts
  readonly compression: Compression
  readonly limits: TopicLimits
  /** Fetchers and members so far: each has connections of its own. */
  opened: number
}

class KafkaConnection implements KafkaBroker {
  readonly kind = 'kafka'
  readonly admin: Admin
  readonly #shared: Shared
  readonly #parts: Parts
  readonly #first: boolean
  readonly #admin: KafkaAdmin
  readonly #memberships = new Members()
  readonly #fetchers: Fetcher[] = []
  readonly #producers: Producer[] = []
  readonly #members: GroupMember[] = []
  #closed = false

  constructor(shared: Shared, first: boolean) {
    this.#shared = shared
    this.#parts = shared.parts
    this.#first = first
    this.#admin = new KafkaAdmin(shared.parts, shared.limits, () => this.#checkOpen())
    this.admin = this.#admin
  }

  share(): Broker {
    this.#checkOpen()
    return new KafkaConnection(this.#shared, false)
  }

  async clusterId(): Promise<string> {
    this.#checkOpen()
    return this.#parts.cluster.clusterId
  }

  fetcher(options: FetcherOptions): Fetcher {
    this.#checkOpen()
    const services = {
      parts: this.#parts,
      missing: (topic: string) => this.#admin.missing(topic),
      outOfRange: (topic: string, partition: number, offset: number) =>
        this.#admin.outOfRange(topic, partition, offset),
    }
    const fetcher = new KafkaFetcher(services, String(this.#shared.opened++), options)
    this.#fetchers.push(fetcher)
    return fetcher
  }

  producer(options: ProducerOptions): Producer {
    this.#checkOpen()
    const services = {
      parts: this.#parts,
      limits: this.#shared.limits,
      members: this.#memberships,
      compression: this.#shared.compression,
      missing: (topic: string) => this.#admin.missing(topic),
    }
    const producer = new KafkaProducer(services, options)
    this.#producers.push(producer)
    return producer
  }

  async join(options: JoinOptions): Promise<GroupMember> {
    this.#checkOpen()
    const member = await joinKafka(this.#parts, this.#memberships, options, this.#shared.opened++)
    this.#members.push(member)
    return member
  }

  async committedOffsets(group: string): Promise<readonly CommittedOffset[]> {
    this.#checkOpen()
    return fetchOffsets(this.#parts, group, undefined, false)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const fetcher of this.#fetchers) fetcher.close()
    // Producers first: a member that left could not commit any more, an aborted transaction must not wait for a timeout.
    await Promise.all(this.#producers.map((producer) => producer.close()))
    await Promise.all(this.#members.map((member) => member.leave()))
    if (this.#first) await this.#parts.cluster.close()
  }

  #checkOpen(): void {
    if (this.#closed) throw sluiceError('SLUICE_CLOSED', { what: 'the connection to the broker' })
  }
}

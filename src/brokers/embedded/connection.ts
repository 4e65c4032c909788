/**
 * One client's connection to an embedded cluster. What the client does by itself (heartbeats, waiting) goes by its own clock,
 * so that a client may stand still while the cluster goes on.
 */
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
import type { Clock } from '../../core/clock.ts'
import { sluiceError } from '../../core/errors.ts'
import { EmbeddedAdmin } from './admin.ts'
import { EmbeddedFetcher } from './fetcher.ts'
import { EmbeddedMember } from './member.ts'
import type { ProducerServices } from './producer.ts'
import { EmbeddedProducer } from './producer.ts'

/** The cluster as a connection sees it. */
export interface ClusterServices extends ProducerServices {
  readonly clusterId: string
  closed(): boolean
}

export class EmbeddedConnection implements Broker {
  readonly kind = 'embedded'
  readonly admin: Admin
  readonly #services: ClusterServices
  readonly #clock: Clock
  readonly #fetchers: Fetcher[] = []
  readonly #producers: Producer[] = []
  readonly #members: GroupMember[] = []
  #closed = false

  constructor(services: ClusterServices, clock: Clock) {
    this.#services = services
    this.#clock = clock
    const { topics, groups, offsets } = services
    this.admin = new EmbeddedAdmin(topics, groups, offsets, () => this.#checkOpen())
  }

  async clusterId(): Promise<string> {
    this.#checkOpen()
    return this.#services.clusterId
  }

  fetcher(options: FetcherOptions): Fetcher {
    this.#checkOpen()
    const fetcher = new EmbeddedFetcher(this.#services.topics, this.#clock, options)
    this.#fetchers.push(fetcher)
    return fetcher
  }

  producer(options: ProducerOptions): Producer {
    this.#checkOpen()
    const producer = new EmbeddedProducer(this.#services, options)
    this.#producers.push(producer)
    return producer
  }

  async join(options: JoinOptions): Promise<GroupMember> {
    this.#checkOpen()
    const { group, member: membership } = this.#services.groups.join(options)
    const member = new EmbeddedMember(group, membership, this.#services.offsets, this.#clock, options)
    member.start()
    this.#members.push(member)
    return member
  }

  async committedOffsets(group: string): Promise<readonly CommittedOffset[]> {
    this.#checkOpen()
    return this.#services.offsets.all(group)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const fetcher of this.#fetchers) fetcher.close()
    // Producers first: a member that left could not commit any more, an aborted transaction must not wait for a timeout.
    await Promise.all(this.#producers.map((producer) => producer.close()))
    await Promise.all(this.#members.map((member) => member.leave()))
  }

  #checkOpen(): void {
    if (this.#closed) throw sluiceError('SLUICE_CLOSED', { what: 'the connection to the broker' })
    if (this.#services.closed()) throw sluiceError('SLUICE_CLOSED', { what: 'the embedded broker' })
  }
}

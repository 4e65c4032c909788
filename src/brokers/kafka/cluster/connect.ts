/** The cluster over real connections: bootstrap, requests by broker, metadata and coordinators put together. */
import { isSluiceError, sluiceError } from '../../../core/errors.ts'
import { parseAddress } from '../network/address.ts'
import type { Address } from '../network/address.ts'
import { repeat } from '../network/backoff.ts'
import type { Connection } from '../network/connection.ts'
import { Connections } from '../network/connections.ts'
import type { Features } from '../network/versions.ts'
import type { Api } from '../protocol/api.ts'
import { metadataApi } from '../protocol/messages/metadata.ts'
import type { MetadataResponse } from '../protocol/messages/metadata.ts'
import { BrokerList } from './broker-list.ts'
import type {
  Body,
  Cluster,
  ClusterOptions,
  CoordinatorKind,
  Leader,
  Purpose,
  RequestOptions,
  TopicMetadata,
} from './cluster.ts'
import { Coordinators, LOOKUP_PURPOSE, LOOKUP_TIMEOUT_MS } from './coordinators.ts'
import { errorKind, failure } from './error-codes.ts'
import { metadataRequest, missingPartition, missingTopic } from './metadata-request.ts'
import { Refresher } from './refresher.ts'
import { Topics, isGone, topicOf } from './topics.ts'

const REQUEST_TIMEOUT_MS = 30_000
const CONNECT_TIMEOUT_MS = 10_000
const METADATA_MAX_AGE_MS = 60_000
/** A topic just created is not known to every broker at once: of one broker, and of several. */
const MISSING_AFTER_MS = [1500, 3000] as const
const LOOKUP: RequestOptions = { timeoutMs: LOOKUP_TIMEOUT_MS }

/**
 * Connects to a cluster by the first address that answers.
 * @throws SLUICE_CONFIG_INVALID, SLUICE_KAFKA_AUTHENTICATION, SLUICE_KAFKA_TLS, SLUICE_KAFKA_MALFORMED;
 * SLUICE_BROKER_UNAVAILABLE when no address answers within the connect timeout
 */
export async function connectCluster(options: ClusterOptions): Promise<Cluster> {
  if (options.bootstrap.length === 0) parseAddress('')
  warnOfPlainSecrets(options)
  const cluster = new KafkaCluster(options, options.bootstrap.map(parseAddress))
  try {
    await cluster.bootstrap()
    return cluster
  } catch (error) {
    await cluster.close()
    throw error
  }
}

function warnOfPlainSecrets({ security, log }: ClusterOptions): void {
  const mechanism = security?.sasl?.mechanism
  if (security?.tls !== undefined || mechanism === undefined || mechanism.startsWith('SCRAM')) return
  log.warn({ mechanism }, 'the login to Kafka is sent unencrypted: use TLS, or SCRAM')
}

class KafkaCluster implements Cluster {
  readonly #options: ClusterOptions
  readonly #requestTimeoutMs: number
  readonly #connectTimeoutMs: number
  readonly #brokers: BrokerList
  readonly #connections: Connections
  readonly #topics = new Topics()
  /** Topics whose metadata is kept fresh. */
  readonly #used = new Set<string>()
  /** Topics of which somebody said that what is known of their leaders is wrong. */
  readonly #doubted = new Set<string>()
  readonly #asking = new Map<string, Promise<TopicMetadata | undefined>>()
  readonly #coordinators: Coordinators
  readonly #refresher: Refresher
  readonly #listeners = new Set<() => void>()
  readonly #closing = new AbortController()
  #features: Features = { epoch: -1, levels: new Map() }
  #clusterId = ''
  #controllerId = -1

  constructor(options: ClusterOptions, bootstrap: readonly Address[]) {
    const { clock, random, log, clientId, security = {} } = options
    this.#options = options
    this.#requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    this.#brokers = new BrokerList(bootstrap, random)
    this.#connections = new Connections({
      clock,
      random,
      log,
      clientId,
      security,
      connectTimeoutMs: this.#connectTimeoutMs,
      opened: (connection) => this.#opened(connection),
      down: (address) => this.#down(address),
    })
    this.#coordinators = new Coordinators(this.any.bind(this), (attempt) => this.#repeat(attempt))
    const maxAgeMs = options.metadataMaxAgeMs ?? METADATA_MAX_AGE_MS
    this.#refresher = new Refresher({ clock, random, log, maxAgeMs, ask: () => this.#askUsed() })
  }

  get clusterId(): string {
    return this.#clusterId
  }

  /** Asks until an address answers; what repeating cannot cure ends it at once. */
  async bootstrap(): Promise<void> {
    let last: unknown
    const done = await repeat(this.#options, this.#connectTimeoutMs, async () => {
      try {
        await this.#refresher.now()
        return true
      } catch (error) {
        if (!isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')) throw error
        last = error
        return undefined
      }
    })
    if (done === undefined) throw last
  }

  // ---- requests

  async request<RequestDraft, Response>(
    brokerId: number,
    purpose: Purpose,
    api: Api<RequestDraft, Response>,
    body: Body<RequestDraft>,
    options?: RequestOptions,
  ): Promise<Response> {
    return await this.#send(await this.#addressOf(brokerId, api.name), purpose, api, body, options)
  }

  async any<RequestDraft, Response>(
    purpose: Purpose,
    api: Api<RequestDraft, Response>,
    body: Body<RequestDraft>,
    options?: RequestOptions,
  ): Promise<Response> {
    const problems: string[] = []
    let sent = false
    for (const address of this.#brokers.candidates((one) => this.#connections.isOpen(one, purpose))) {
      try {
        return await this.#send(address, purpose, api, body, options)
      } catch (error) {
        if (!isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')) throw error
        problems.push(String(error.details['problem']))
        sent ||= error.details['sent'] === true
      }
    }
    throw sluiceError('SLUICE_BROKER_UNAVAILABLE', {
      operation: api.name,
      problem: problems.join('; '),
      sent,
    })
  }

  async controller<RequestDraft, Response>(
    purpose: Purpose,
    api: Api<RequestDraft, Response>,
    body: Body<RequestDraft>,
    options?: RequestOptions,
  ): Promise<Response> {
    if (this.#brokers.address(this.#controllerId) === undefined) await this.refresh()
    return await this.request(this.#controllerId, purpose, api, body, options)
  }

  async version(brokerId: number, purpose: Purpose, api: Api<never, unknown>): Promise<number | undefined> {
    const address = await this.#addressOf(brokerId, api.name)
    const connection = await this.#connections.get(address, purpose)
    return connection.versions.common(api)
  }

  feature(name: string): number | undefined {
    return this.#features.levels.get(name)
  }

  brokers(): readonly number[] {
    return this.#brokers.ids()
  }

  async #send<RequestDraft, Response>(
    address: Address,
    purpose: Purpose,
    api: Api<RequestDraft, Response>,
    body: Body<RequestDraft>,
    { timeoutMs = this.#requestTimeoutMs, maxVersion }: RequestOptions = {},
  ): Promise<Response> {
    const connection = await this.#connections.get(address, purpose)
    // A draft is never a function, which the type of a generic draft cannot say.
    const make = typeof body === 'function' ? (body as (version: number) => RequestDraft) : () => body
    return await connection.send(
      api,
      make,
      maxVersion === undefined ? { timeoutMs } : { timeoutMs, maxVersion },
    )
  }

  async #addressOf(brokerId: number, operation: string): Promise<Address> {
    if (this.#brokers.address(brokerId) === undefined) await this.refresh()
    const address = this.#brokers.address(brokerId)
    if (address !== undefined) return address
    throw sluiceError('SLUICE_BROKER_UNAVAILABLE', {
      operation,
      problem: `broker ${brokerId} is not in the cluster now`,
      sent: false,
    })
  }

  #opened({ versions, address }: Connection): void {
    this.#brokers.setDown(address, false)
    if (versions.features.epoch >= this.#features.epoch) this.#features = versions.features
  }

  /** Its partitions and groups move to others, or it comes back: metadata tells. */
  #down(address: Address): void {
    this.#brokers.setDown(address, true)
    this.#coordinators.forgetAt(address)
    this.#refresher.soon()
  }

  // ---- metadata

  async metadata(
    names: readonly string[],
    { fresh = false }: { readonly fresh?: boolean } = {},
  ): Promise<ReadonlyMap<string, TopicMetadata>> {
    for (const name of names) this.#used.add(name)
    const wanted = fresh ? names : names.filter((name) => this.#topics.get(name) === undefined)
    const answers = wanted.length === 0 ? [] : (await this.#ask(wanted)).topics
    const denied = answers.find(({ errorCode }) => errorKind(errorCode) === 'denied')
    if (denied !== undefined) throw failure(denied.errorCode, `Metadata of topic "${denied.name}"`)
    const gone = new Set(answers.filter(({ errorCode }) => isGone(errorCode)).map(({ name }) => name))
    const known = names.filter((name) => !gone.has(name)).map((name) => this.#topics.get(name))
    return new Map(known.filter((topic) => topic !== undefined).map((topic) => [topic.name, topic]))
  }

  async allTopics(): Promise<readonly TopicMetadata[]> {
    const { topics } = await this.#ask(null)
    return topics
      .filter(({ errorCode, name }) => errorCode === 0 && name !== null)
      .map((topic) => topicOf(topic.name!, topic, this.#topics.get(topic.name!)))
  }

  topicName(topicId: string): string | undefined {
    return this.#topics.nameOf(topicId)
  }

  refresh(): Promise<void> {
    return this.#refresher.now()
  }

  forgetTopics(names: readonly string[]): void {
    for (const name of names) {
      this.#used.delete(name)
      this.#topics.forget(name)
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #askUsed(): Promise<boolean> {
    await this.#ask([...this.#used])
    const lost = [...this.#topics.leaders()].filter((brokerId) => this.#brokers.isDown(brokerId))
    for (const brokerId of lost) this.#probe(brokerId)
    return lost.length === 0 && !this.#topics.incomplete
  }

  /** A leader that was lost is coming back, or the cluster has not noticed yet: it is asked until either shows. */
  #probe(brokerId: number): void {
    const address = this.#brokers.address(brokerId)
    if (address === undefined) return
    // Its outcome is told to `opened` and `down`.
    this.#connections.get(address, LOOKUP_PURPOSE).catch(() => undefined)
  }

  /** Asks any broker about topics (null: all), and takes over what it says. */
  async #ask(names: readonly string[] | null): Promise<MetadataResponse> {
    const response = await this.any(LOOKUP_PURPOSE, metadataApi, metadataRequest(names), LOOKUP)
    this.#takeOver(response)
    return response
  }

  #takeOver(response: MetadataResponse): void {
    this.#brokers.replace(response.brokers)
    this.#clusterId = response.clusterId ?? this.#clusterId
    this.#controllerId = response.controllerId
    const used = response.topics.filter(({ name }) => name !== null && this.#used.has(name))
    if (this.#topics.merge(used)) this.#changed()
  }

  // ---- leaders and coordinators

  leaderNow(topic: string, partition: number): Leader | undefined {
    return this.#topics.leader(topic, partition)
  }

  async leader(topic: string, partition: number): Promise<Leader> {
    const known = this.#topics.leader(topic, partition)
    if (known !== undefined && !this.#doubted.has(topic)) return known
    this.#doubted.delete(topic)
    const missingAt = this.#options.clock.monotonic() + MISSING_AFTER_MS[this.brokers().length === 1 ? 0 : 1]
    const found = await this.#repeat(async () => {
      const metadata = await this.#askTopic(topic)
      const isMissing = metadata?.partitions[partition] === undefined
      if (isMissing && this.#options.clock.monotonic() >= missingAt)
        await this.#checkMissing(topic, partition)
      return this.#topics.leader(topic, partition)
    })
    if (found !== undefined) return found
    throw sluiceError('SLUICE_BROKER_UNAVAILABLE', {
      operation: `leader of ${topic}-${partition}`,
      problem: 'none was elected in time',
      sent: false,
    })
  }

  moved(topic: string, partition: number, leader?: Pick<Leader, 'brokerId' | 'epoch'>): void {
    if (leader !== undefined && this.#topics.moved(topic, partition, leader)) {
      this.#changed()
      return
    }
    const known = this.#topics.leader(topic, partition)
    if (leader !== undefined && known !== undefined && known.epoch >= leader.epoch) return
    this.#doubted.add(topic)
    this.#refresher.soon()
  }

  async coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const { brokerId, host, port } = await this.#coordinators.find(kind, key)
    this.#brokers.add(brokerId, { host, port })
    return brokerId
  }

  lostCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.forget(kind, key)
  }

  /** Metadata of one topic, asked now; all who want the same at the same time share the answer. */
  #askTopic(topic: string): Promise<TopicMetadata | undefined> {
    const asking = this.#asking.get(topic)
    if (asking !== undefined) return asking
    const answer = this.metadata([topic], { fresh: true })
      .then((topics) => topics.get(topic))
      .finally(() => this.#asking.delete(topic))
    this.#asking.set(topic, answer)
    return answer
  }

  /**
   * A topic is missing when every broker that can be asked says so: some may not have heard of a new one yet.
   * @throws SLUICE_TOPIC_MISSING
   */
  async #checkMissing(topic: string, partition: number): Promise<void> {
    const answers = this.brokers().map((brokerId) =>
      this.request(brokerId, LOOKUP_PURPOSE, metadataApi, metadataRequest([topic]), LOOKUP).catch(
        () => undefined,
      ),
    )
    for (const answer of await Promise.all(answers)) if (answer !== undefined) this.#takeOver(answer)
    const partitions = this.#topics.get(topic)?.partitions
    if (partitions === undefined)
      throw missingTopic(
        topic,
        (await this.allTopics()).map(({ name }) => name),
      )
    if (partitions[partition] === undefined) throw missingPartition(topic, partition, partitions.length)
  }

  // ---- the end

  async #repeat<T>(attempt: () => Promise<T | undefined>): Promise<T | undefined> {
    const found = await repeat(this.#options, this.#requestTimeoutMs, attempt, this.#closing.signal)
    if (found === undefined && this.#closing.signal.aborted)
      throw sluiceError('SLUICE_CLOSED', { what: 'the connection to Kafka' })
    return found
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }

  release(purpose: Purpose): void {
    this.#connections.release(purpose)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#refresher.close()
    this.#connections.close()
    this.#listeners.clear()
  }
}

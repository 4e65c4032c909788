/** Administration of an embedded cluster: topics, offsets, groups. Thin; the work is done where the data is. */
import type { Admin, Isolation, MemberDescription, TopicDescription, TopicSpec } from '../../core/broker.ts'
import type { Groups } from './groups.ts'
import type { Offsets } from './offsets.ts'
import type { Topics } from './topics.ts'

export class EmbeddedAdmin implements Admin {
  readonly #topics: Topics
  readonly #groups: Groups
  readonly #offsets: Offsets
  readonly #checkOpen: () => void

  /** @param checkOpen throws once the connection or the cluster is closed */
  constructor(topics: Topics, groups: Groups, offsets: Offsets, checkOpen: () => void) {
    this.#topics = topics
    this.#groups = groups
    this.#offsets = offsets
    this.#checkOpen = checkOpen
  }

  async describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    this.#checkOpen()
    return this.#topics.describe(names)
  }

  async createTopic(spec: TopicSpec): Promise<void> {
    this.#checkOpen()
    await this.#topics.create(spec)
  }

  async deleteTopic(topic: string): Promise<void> {
    this.#checkOpen()
    await this.#topics.delete(topic, () => this.#offsets.forgetTopic(topic))
  }

  async deleteRecords(topic: string, partition: number, offset: number): Promise<void> {
    this.#checkOpen()
    await this.#topics.partition(topic, partition).deleteRecords(offset)
  }

  async listOffset(
    topic: string,
    partition: number,
    at: 'earliest' | 'latest' | number,
    isolation: Isolation,
  ): Promise<number> {
    this.#checkOpen()
    const { log } = this.#topics.partition(topic, partition)
    if (at === 'earliest') return log.startOffset
    const found = at === 'latest' ? undefined : await log.offsetOfTime(at)
    const latest = isolation === 'read_committed' ? log.stableOffset : log.highWatermark
    return found === undefined || found > latest ? latest : found
  }

  async listGroups(): Promise<readonly string[]> {
    this.#checkOpen()
    return [...new Set([...this.#groups.names(), ...this.#offsets.groups()])].sort()
  }

  async describeGroup(group: string): Promise<readonly MemberDescription[]> {
    this.#checkOpen()
    return this.#groups.describe(group)
  }
}

/**
 * The topics of an embedded cluster and their partitions: creating, finding, deleting, and what survives of it in a folder.
 * A topic exists from the moment its description is durable; a folder that no description names is removed on open.
 */
import type { TopicDescription, TopicSpec } from '../../core/broker.ts'
import type { Random } from '../../core/random.ts'
import { sluiceError } from '../../core/errors.ts'
import { checkTopicName } from '../../core/topic.ts'
import type { LogStorage } from './storage.ts'
import { Partition } from './partition.ts'
import { nearestFirst } from '../nearest.ts'

/** Topics the broker keeps for itself; not described, not deleted, not written by producers. */
export const OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTIONS_TOPIC = '__transaction_state'

/** Small segments, so that they are compacted and an open reads little. */
const INTERNAL_CONFIG = { 'cleanup.policy': 'compact', 'retention.ms': '-1', 'segment.bytes': '4194304' }

/** More than this is a typing mistake, and each partition of a folder holds open files. */
const MOST_PARTITIONS = 10_000

interface Topic {
  readonly description: TopicDescription
  readonly partitions: readonly Partition[]
}

export class Topics {
  readonly #storage: LogStorage
  readonly #random: Random
  readonly #defaults: Readonly<Record<string, string>>
  readonly #topics = new Map<string, Topic>()
  readonly #listeners: ((deleted: string | undefined) => void)[] = []
  /** Creations and deletions go one after the other: each replaces the whole description file. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(storage: LogStorage, random: Random, defaults: Readonly<Record<string, string>>) {
    this.#storage = storage
    this.#random = random
    this.#defaults = defaults
  }

  /** Opens the logs of all topics kept. */
  async open(): Promise<void> {
    const kept = await this.#storage.loadTopics()
    for (const description of kept) this.#topics.set(description.name, await this.#openTopic(description))
    await this.#internal(OFFSETS_TOPIC)
    await this.#internal(TRANSACTIONS_TOPIC)
  }

  /** Called after every change, with the name of a deleted topic. */
  onChange(listener: (deleted: string | undefined) => void): void {
    this.#listeners.push(listener)
  }

  describe(names?: readonly string[]): readonly TopicDescription[] {
    const all = [...this.#topics.values()].map(({ description }) => description)
    const known = all.filter(({ name }) => !isInternal(name))
    if (names !== undefined) return known.filter(({ name }) => names.includes(name))
    return known.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Number of partitions, or undefined when there is no such topic. */
  partitionCount(name: string): number | undefined {
    return this.#topics.get(name)?.partitions.length
  }

  config(name: string): Readonly<Record<string, string>> | undefined {
    return this.#topics.get(name)?.description.config
  }

  find(topic: string, partition: number): Partition | undefined {
    return this.#topics.get(topic)?.partitions[partition]
  }

  /** @throws SLUICE_TOPIC_MISSING */
  partition(topic: string, partition: number): Partition {
    const found = this.find(topic, partition)
    if (found === undefined) throw this.missing(topic, partition)
    return found
  }

  /** The error of a topic or partition that is not there; existing names most like it come first. */
  missing(topic: string, partition?: number): ReturnType<typeof sluiceError> {
    const count = this.partitionCount(topic)
    const outside = count !== undefined && partition !== undefined
    const names = this.describe().map(({ name }) => name)
    return sluiceError('SLUICE_TOPIC_MISSING', {
      topic,
      place: outside ? `: partition ${partition} (it has ${count}, from 0)` : '',
      existing: nearestFirst(topic, names).slice(0, 10).join(', ') || '(none)',
    })
  }

  /** @throws SLUICE_TOPIC_EXISTS, SLUICE_TOPIC_INVALID, SLUICE_CONFIG_INVALID, SLUICE_DISK */
  create(spec: TopicSpec): Promise<void> {
    checkTopicName(spec.name)
    if (!Number.isInteger(spec.partitions) || spec.partitions < 1 || spec.partitions > MOST_PARTITIONS) {
      throw sluiceError('SLUICE_CONFIG_INVALID', {
        place: `topic "${spec.name}": partitions`,
        expected: `a whole number from 1 to ${MOST_PARTITIONS}`,
        came: String(spec.partitions),
      })
    }
    return this.#inTurn(() => this.#create(spec))
  }

  /**
   * @param forget removes what others know of it, before a topic of the same name can be created
   * @throws SLUICE_TOPIC_MISSING, SLUICE_DISK
   */
  delete(name: string, forget: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const topic = this.#topics.get(name)
      if (topic === undefined || isInternal(name)) throw this.missing(name)
      this.#topics.delete(name)
      try {
        await this.#save()
      } catch (error) {
        this.#topics.set(name, topic)
        throw error
      }
      const closed = Promise.allSettled(topic.partitions.map((partition) => partition.delete()))
      this.#changed(name)
      await closed
      try {
        await forget()
      } finally {
        await this.#storage.removeTopic(topic.description)
      }
    })
  }

  /** One pass of retention and compaction over all partitions. */
  async clean(now: number): Promise<void> {
    await each(this.all(), async ({ deleted, log }) => (deleted ? undefined : log.clean(now)))
  }

  /** Every partition, internal ones included. */
  all(): readonly Partition[] {
    return [...this.#topics.values()].flatMap(({ partitions }) => partitions)
  }

  async close(): Promise<void> {
    await this.#last
    await each(this.all(), ({ log }) => log.close())
  }

  async #create(spec: TopicSpec): Promise<void> {
    if (this.#topics.has(spec.name)) throw sluiceError('SLUICE_TOPIC_EXISTS', { topic: spec.name })
    const config = Object.freeze({ ...this.#defaults, ...spec.config })
    const { name, partitions } = spec
    const description = Object.freeze({ name, partitions, config, topicId: this.#random.uuid() })
    const topic = await this.#openTopic(description)
    this.#topics.set(name, topic)
    try {
      await this.#save()
    } catch (error) {
      this.#topics.delete(name)
      throw error
    }
    this.#changed(undefined)
  }

  async #internal(name: string): Promise<void> {
    if (this.#topics.has(name)) return
    await this.#create({ name, partitions: 1, config: INTERNAL_CONFIG })
  }

  async #openTopic(description: TopicDescription): Promise<Topic> {
    const partitions: Partition[] = []
    try {
      for (let index = 0; index < description.partitions; index++) {
        partitions.push(new Partition(await this.#storage.openLog(description, index)))
      }
    } catch (error) {
      for (const { log } of partitions) await log.close()
      throw error
    }
    return { description, partitions }
  }

  #save(): Promise<void> {
    return this.#storage.saveTopics([...this.#topics.values()].map(({ description }) => description))
  }

  #changed(deleted: string | undefined): void {
    for (const listener of this.#listeners) listener(deleted)
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(run)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

/**
 * All of them, also after one failed; its error comes last. A log that was not closed would write on in a folder that was
 * given back, and one broken partition would end the cleaning of all others.
 */
async function each(
  partitions: readonly Partition[],
  run: (partition: Partition) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = []
  for (const partition of partitions) await run(partition).catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}

/** True for the broker's own topics. */
export function isInternal(topic: string): boolean {
  return topic === OFFSETS_TOPIC || topic === TRANSACTIONS_TOPIC
}

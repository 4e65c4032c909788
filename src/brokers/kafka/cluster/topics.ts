/**
 * What is known of topics, merged from the answers of brokers that may lag behind one another: an older leader epoch
 * never replaces a newer one. Pure memory; it asks nobody.
 */
import { ZERO_UUID } from '../protocol/api.ts'
import type { MetadataResponsePartition, MetadataResponseTopic } from '../protocol/messages/metadata.ts'
import type { Leader, PartitionMetadata, TopicMetadata } from './cluster.ts'
import { errorKind } from './error-codes.ts'

export class Topics {
  readonly #byName = new Map<string, TopicMetadata>()
  readonly #names = new Map<string, string>()
  /** Known topics of which the last answer said that they do not exist. */
  readonly #doubted = new Set<string>()

  get(name: string): TopicMetadata | undefined {
    return this.#byName.get(name)
  }

  nameOf(topicId: string): string | undefined {
    return this.#names.get(topicId)
  }

  /** True if a leader is missing somewhere, or a topic has only just gone: the answer may be that of a lagging broker. */
  get incomplete(): boolean {
    if (this.#doubted.size > 0) return true
    return [...this.#byName.values()].some(({ partitions }) => partitions.some(({ leader }) => leader === -1))
  }

  /** Brokers that lead something. */
  leaders(): ReadonlySet<number> {
    return new Set(
      [...this.#byName.values()].flatMap(({ partitions }) => partitions.map(({ leader }) => leader)),
    )
  }

  /** The leader of a partition; undefined if it is not known or there is none. */
  leader(topic: string, partition: number): Leader | undefined {
    const known = this.#byName.get(topic)
    const found = known?.partitions[partition]
    if (known === undefined || found === undefined || found.leader === -1) return undefined
    return { brokerId: found.leader, epoch: found.leaderEpoch, topicId: known.topicId }
  }

  /** Takes over an answer. @returns whether anything is different now */
  merge(answers: readonly MetadataResponseTopic[]): boolean {
    let changed = false
    for (const answer of answers) {
      // Topics asked for by name are answered by name, also in error.
      const name = answer.name
      if (name === null) continue
      if (answer.errorCode === 0)
        changed = this.#put(topicOf(name, answer, this.#byName.get(name))) || changed
      else if (isGone(answer.errorCode)) changed = this.#gone(name) || changed
    }
    return changed
  }

  /** A broker that lags behind does not know new topics yet: a topic is gone when it is missing twice in a row. */
  #gone(name: string): boolean {
    if (!this.#byName.has(name)) return false
    if (this.#doubted.has(name)) return this.forget(name)
    this.#doubted.add(name)
    return false
  }

  /** A broker said who leads. @returns whether that was news */
  moved(topic: string, partition: number, { brokerId, epoch }: Pick<Leader, 'brokerId' | 'epoch'>): boolean {
    const known = this.#byName.get(topic)
    const old = known?.partitions[partition]
    if (known === undefined || old === undefined || epoch <= old.leaderEpoch) return false
    const partitions = known.partitions.with(partition, { ...old, leader: brokerId, leaderEpoch: epoch })
    return this.#put({ ...known, partitions })
  }

  /** @returns whether it was known */
  forget(name: string): boolean {
    const known = this.#byName.get(name)
    if (known === undefined) return false
    this.#byName.delete(name)
    this.#doubted.delete(name)
    this.#names.delete(known.topicId)
    return true
  }

  #put(topic: TopicMetadata): boolean {
    const old = this.#byName.get(topic.name)
    this.#doubted.delete(topic.name)
    if (old !== undefined && old.topicId !== topic.topicId) this.#names.delete(old.topicId)
    this.#byName.set(topic.name, topic)
    if (topic.topicId !== ZERO_UUID) this.#names.set(topic.topicId, topic.name)
    return old === undefined || !sameTopic(old, topic)
  }
}

/** Whether an error of Metadata says that there is no such topic; others leave what is known as it is. */
export function isGone(errorCode: number): boolean {
  return errorKind(errorCode) === 'metadata' ? GONE.has(errorCode) : errorKind(errorCode) === 'fatal'
}

const GONE: ReadonlySet<number> = new Set([3, 100, 103])

/** A topic out of an answer, without going back behind what is known of the same topic. */
export function topicOf(name: string, answer: MetadataResponseTopic, known?: TopicMetadata): TopicMetadata {
  const before = known?.topicId === answer.topicId ? known.partitions : []
  const sorted = answer.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex)
  const partitions = sorted.map((partition) => partitionOf(partition, before[partition.partitionIndex]))
  return {
    name,
    topicId: answer.topicId,
    internal: answer.isInternal,
    // Partitions are never taken away; fewer than before is the answer of a broker that lags behind.
    partitions: [...partitions, ...before.slice(partitions.length)],
  }
}

function partitionOf(
  answer: MetadataResponsePartition,
  known: PartitionMetadata | undefined,
): PartitionMetadata {
  if (known !== undefined && answer.leaderEpoch < known.leaderEpoch) return known
  return {
    partition: answer.partitionIndex,
    leader: answer.leaderId,
    leaderEpoch: answer.leaderEpoch,
    replicas: answer.replicaNodes,
    inSyncReplicas: answer.isrNodes,
  }
}

/** Replicas in sync come and go without anybody here minding. */
function sameTopic(one: TopicMetadata, other: TopicMetadata): boolean {
  return (
    one.topicId === other.topicId &&
    one.partitions.length === other.partitions.length &&
    one.partitions.every((partition, index) => {
      const match = other.partitions[index]!
      return partition.leader === match.leader && partition.leaderEpoch === match.leaderEpoch
    })
  )
}

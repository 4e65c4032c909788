/**
 * Committed offsets of all groups, kept in a compacted log: committed ones, and those of open transactions, which nobody
 * sees until the transaction's marker is durable. Whoever asks for stable offsets waits for them (KIP-447).
 */
import type { CommittedOffset } from '../../core/broker.ts'
import type { Clock } from '../../core/clock.ts'
import type { Bytes, TopicPartition } from '../../core/record.ts'
import { partitionId } from '../../core/record.ts'
import { sluiceError } from '../../core/errors.ts'
import { BatchWriter } from '../record-batch/writer.ts'
import { decodeOffsetKey, decodeOffsetValue, encodeOffsetKey, encodeOffsetValue } from './internal-records.ts'
import type { Partition } from './partition.ts'

const MOST_METADATA_BYTES = 4096

/** A committed offset with its place in the offsets log: of two, the later one counts. */
interface Entry extends CommittedOffset {
  readonly at: number
}

interface GroupOffsets {
  readonly committed: Map<string, Entry>
  /** Per open transaction (by producer id). */
  readonly pending: Map<number, Map<string, Entry>>
}

export class Offsets {
  readonly #log: Partition
  readonly #clock: Clock
  readonly #groups = new Map<string, GroupOffsets>()
  /** Woken at every end of a transaction that held offsets. */
  #settled: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(log: Partition, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  groups(): readonly string[] {
    return [...this.#groups].filter(([, { committed }]) => committed.size > 0).map(([group]) => group)
  }

  /** Topics of which an offset is committed. */
  topics(): ReadonlySet<string> {
    const topics = new Set<string>()
    for (const { committed } of this.#groups.values())
      for (const { topic } of committed.values()) topics.add(topic)
    return topics
  }

  all(group: string): readonly CommittedOffset[] {
    return [...(this.#groups.get(group)?.committed.values() ?? [])].map(withoutPlace)
  }

  /** Stable offsets of these partitions; `stop` is asked at every wake-up and throws when nobody waits any more. */
  async stable(
    group: string,
    partitions: readonly TopicPartition[],
    stop: () => void,
  ): Promise<readonly CommittedOffset[]> {
    const keys = partitions.map(({ topic, partition }) => partitionId(topic, partition))
    while (this.#anyPending(group, keys)) {
      await this.#settled.promise
      stop()
    }
    const committed = this.#groups.get(group)?.committed
    return keys.flatMap((key) => {
      const entry = committed?.get(key)
      return entry === undefined ? [] : [withoutPlace(entry)]
    })
  }

  /** Wakes all who wait, so that they look at their `stop` again. */
  wake(): void {
    this.#settled.resolve()
    this.#settled = Promise.withResolvers()
  }

  /** Commits without a transaction; resolves when durable. */
  async commit(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    const entries = this.#append(group, offsets, (writer) => writer.finish())
    await this.#log.flushed()
    this.#apply(group, entries)
  }

  /** Writes offsets that wait for the marker of the producer's transaction. */
  async addPending(
    group: string,
    offsets: readonly CommittedOffset[],
    producerId: number,
    producerEpoch: number,
  ): Promise<void> {
    const stamp = { producerId, producerEpoch, baseSequence: -1, transactional: true }
    const entries = this.#append(group, offsets, (writer) => writer.finish(stamp))
    this.#addPending(group, producerId, entries)
    await this.#log.flushed()
  }

  /** The marker of a transaction is durable. */
  settle(producerId: number, outcome: 'commit' | 'abort'): void {
    for (const [group, { pending }] of this.#groups) {
      const entries = pending.get(producerId)
      if (entries === undefined) continue
      pending.delete(producerId)
      if (outcome === 'commit') this.#apply(group, entries.values())
    }
    this.wake()
  }

  /** Offsets of a deleted topic mean nothing to the next topic of that name. */
  async forgetTopic(topic: string): Promise<void> {
    const writer = new BatchWriter()
    for (const [group, offsets] of this.#groups) {
      // Those of open transactions too: once committed, the next open would find them in the log.
      const partitions = new Set<number>()
      for (const entries of [offsets.committed, ...offsets.pending.values()])
        for (const entry of entries.values()) if (entry.topic === topic) partitions.add(entry.partition)
      for (const partition of partitions)
        writer.append(encodeOffsetKey(group, topic, partition), null, this.#clock.now(), [])
      this.#forget(offsets, topic)
    }
    this.wake()
    if (writer.records === 0) return
    this.#log.appendOwn(writer.finish())
    await this.#log.flushed()
  }

  /** Replays one committed record of the offsets log on open. */
  replay(at: number, keyBytes: Bytes, value: Bytes | null): void {
    const key = decodeOffsetKey(keyBytes)
    if (key === undefined) return
    const { group, topic, partition } = key
    if (value === null) {
      this.#forgetPartition(this.#group(group), partitionId(topic, partition))
      return
    }
    const { offset, metadata } = decodeOffsetValue(value)
    this.#apply(group, [{ topic, partition, offset, metadata, at }])
  }

  #append(
    group: string,
    offsets: readonly CommittedOffset[],
    finish: (writer: BatchWriter) => Bytes,
  ): Entry[] {
    if (offsets.length === 0) return []
    const writer = new BatchWriter()
    const now = this.#clock.now()
    for (const offset of offsets) {
      checkMetadata(group, offset)
      writer.append(
        encodeOffsetKey(group, offset.topic, offset.partition),
        encodeOffsetValue(offset, now),
        now,
        [],
      )
    }
    const last = this.#log.appendOwn(finish(writer))
    const first = last - offsets.length + 1
    return offsets.map(({ topic, partition, offset, metadata }, i) => {
      return { topic, partition, offset, metadata, at: first + i }
    })
  }

  #anyPending(group: string, keys: readonly string[]): boolean {
    const pending = this.#groups.get(group)?.pending
    if (pending === undefined || pending.size === 0) return false
    for (const entries of pending.values()) if (keys.some((key) => entries.has(key))) return true
    return false
  }

  #addPending(group: string, producerId: number, entries: readonly Entry[]): void {
    const { pending } = this.#group(group)
    const known = pending.get(producerId) ?? new Map<string, Entry>()
    for (const entry of entries) known.set(partitionId(entry.topic, entry.partition), entry)
    pending.set(producerId, known)
  }

  #apply(group: string, entries: Iterable<Entry>): void {
    const { committed } = this.#group(group)
    for (const entry of entries) {
      const key = partitionId(entry.topic, entry.partition)
      const old = committed.get(key)
      if (old === undefined || old.at < entry.at) committed.set(key, entry)
    }
  }

  #forget(offsets: GroupOffsets, topic: string): void {
    for (const entries of [offsets.committed, ...offsets.pending.values()]) {
      for (const [key, entry] of entries) if (entry.topic === topic) entries.delete(key)
    }
  }

  #forgetPartition(offsets: GroupOffsets, key: string): void {
    for (const entries of [offsets.committed, ...offsets.pending.values()]) entries.delete(key)
  }

  #group(group: string): GroupOffsets {
    let offsets = this.#groups.get(group)
    if (offsets === undefined)
      this.#groups.set(group, (offsets = { committed: new Map(), pending: new Map() }))
    return offsets
  }
}

function withoutPlace({ topic, partition, offset, metadata }: Entry): CommittedOffset {
  return { topic, partition, offset, metadata }
}

function checkMetadata(group: string, { topic, partition, metadata }: CommittedOffset): void {
  const size = Buffer.byteLength(metadata)
  if (size <= MOST_METADATA_BYTES) return
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: `group ${group}: metadata of ${topic}-${partition}`,
    expected: `at most ${MOST_METADATA_BYTES} bytes`,
    came: `${size} bytes`,
  })
}

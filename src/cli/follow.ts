/** Reads a topic as it grows, for people and programs that look at results. It joins no group and commits nothing. */
import type { Broker, FetchedBatch, Fetcher } from '../core/broker.ts'
import type { Bytes, Headers } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import { sluiceError } from '../core/errors.ts'

export interface Followed<K, V> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Event time, ms since 1970. */
  readonly timestamp: number
  readonly headers: Headers
  readonly key: K | null
  readonly value: V | null
}

export interface FollowOptions<K, V> {
  readonly topic: string
  readonly key: Pick<Serde<K>, 'deserialize'>
  readonly value: Pick<Serde<V>, 'deserialize'>
  /** Where to start per partition, as `positionsOf` gave them; absent ones start at the beginning. Default: all there is. */
  readonly from?: readonly number[]
  /** Called once per committed record, in offset order per partition. */
  readonly each: (record: Followed<K, V>) => void
}

export interface Follower {
  /** Resolves when everything that was committed at the time of the call has been handed out. */
  caughtUp(): Promise<void>
  /** Resolves when stopped; rejects with what made reading impossible. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

/** The ends of a topic now: where a follower starts that wants only what is new. Empty when there is no such topic yet. */
export async function positionsOf(broker: Broker, topic: string): Promise<readonly number[]> {
  const [description] = await broker.admin.describeTopics([topic])
  const partitions = Array.from({ length: description?.partitions ?? 0 }, (_, at) => at)
  return Promise.all(partitions.map((at) => broker.admin.listOffset(topic, at, 'latest', 'read_committed')))
}

/**
 * Starts reading a topic: what is committed, as it comes.
 * @example
 * import { defineApp, json, string, topic } from 'sluice'
 * import { follow, openRuntime } from 'sluice/embed'
 *
 * const names = topic('names', { key: string, value: json<string>() })
 * const app = defineApp('copy', (flow) => {
 *   flow.stream(names).to(topic('copies', { key: string, value: json<string>() }))
 * })
 *
 * const runtime = await openRuntime()
 * await runtime.start(app)
 * const follower = await follow(runtime.connect(), {
 *   topic: 'copies',
 *   key: string,
 *   value: json<string>(),
 *   each: ({ key, value }) => console.log(key, value),
 * })
 * await follower.caughtUp()
 * await follower.close()
 * await runtime.close()
 * @throws SLUICE_TOPIC_MISSING
 */
export async function follow<K, V>(broker: Broker, options: FollowOptions<K, V>): Promise<Follower> {
  const { topic, from = [] } = options
  const [description] = await broker.admin.describeTopics([topic])
  if (description === undefined) {
    const existing = (await broker.admin.describeTopics()).map(({ name }) => name).join(', ') || 'none'
    throw sluiceError('SLUICE_TOPIC_MISSING', { topic, place: '', existing })
  }
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  const positions = Array.from({ length: description.partitions }, (_, at) => from[at] ?? 0)
  positions.forEach((offset, at) => fetcher.add(topic, at, offset))
  return new TopicFollower(broker, fetcher, positions, options)
}

/** What waits for a look at the positions. */
interface Waiting {
  readonly ends: readonly number[]
  readonly done: () => void
}

class TopicFollower<K, V> implements Follower {
  readonly ended: Promise<void>
  readonly #broker: Broker
  readonly #fetcher: Fetcher
  readonly #positions: number[]
  readonly #options: FollowOptions<K, V>
  #waiting: readonly Waiting[] = []
  #closed = false

  constructor(broker: Broker, fetcher: Fetcher, positions: number[], options: FollowOptions<K, V>) {
    this.#broker = broker
    this.#fetcher = fetcher
    this.#positions = positions
    this.#options = options
    this.ended = this.#run()
    this.ended.catch(() => {})
  }

  async caughtUp(): Promise<void> {
    const ends = await positionsOf(this.#broker, this.#options.topic)
    const reached = new Promise<void>((done) => {
      this.#waiting = [...this.#waiting, { ends, done }]
      this.#fetcher.wake()
    })
    await Promise.race([reached, this.ended])
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#fetcher.wake()
    await this.ended.catch(() => {})
  }

  async #run(): Promise<void> {
    try {
      while (!this.#closed) {
        for (const batch of this.#fetcher.take()) {
          if (batch.kind === 'failed') throw batch.error
          this.#hand(batch)
        }
        this.#answer()
        await this.#fetcher.arrived(1000)
      }
    } finally {
      this.#fetcher.close()
    }
  }

  #hand(batch: FetchedBatch): void {
    const { key, value, each } = this.#options
    const { topic, partition } = batch
    for (let at = 0; at < batch.count; at++) {
      each({
        topic,
        partition,
        offset: batch.offsetAt(at),
        timestamp: batch.timestampAt(at),
        headers: batch.headersAt(at),
        key: decode(key, batch.keyAt(at)),
        value: decode(value, batch.valueAt(at)),
      })
    }
    this.#positions[partition] = batch.nextOffset
  }

  #answer(): void {
    const reached = ({ ends }: Waiting): boolean => ends.every((end, at) => this.#positions[at]! >= end)
    for (const one of this.#waiting) if (reached(one)) one.done()
    this.#waiting = this.#waiting.filter((one) => !reached(one))
  }
}

function decode<T>(serde: Pick<Serde<T>, 'deserialize'>, bytes: Bytes | null): T | null {
  return bytes === null ? null : serde.deserialize(bytes)
}

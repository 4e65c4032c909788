/** A fetcher whose batches come in pieces and late, in order per partition, and never after their partition was removed. */
import type { Fetched, FetchedBatch, Fetcher } from '../core/broker.ts'
import { partitionId } from '../core/record.ts'
import type { Hostility } from './hostility.ts'

interface Held {
  readonly topic: string
  readonly partition: number
  paused: boolean
  queue: Fetched[]
}

/** Wraps one fetcher. */
export function hostileFetcher(inner: Fetcher, hostility: Hostility): Fetcher {
  return new HostileFetcher(inner, hostility)
}

class HostileFetcher implements Fetcher {
  readonly #inner: Fetcher
  readonly #hostility: Hostility
  readonly #held = new Map<string, Held>()

  constructor(inner: Fetcher, hostility: Hostility) {
    this.#inner = inner
    this.#hostility = hostility
  }

  add(topic: string, partition: number, offset: number): void {
    const paused = this.#held.get(partitionId(topic, partition))?.paused ?? false
    this.#held.set(partitionId(topic, partition), { topic, partition, paused, queue: [] })
    this.#inner.add(topic, partition, offset)
  }

  remove(topic: string, partition: number): void {
    this.#held.delete(partitionId(topic, partition))
    this.#inner.remove(topic, partition)
  }

  pause(topic: string, partition: number): void {
    this.#setPaused(topic, partition, true)
    this.#inner.pause(topic, partition)
  }

  resume(topic: string, partition: number): void {
    this.#setPaused(topic, partition, false)
    this.#inner.resume(topic, partition)
  }

  take(): readonly Fetched[] {
    for (const fetched of this.#inner.take()) {
      this.#held.get(partitionId(fetched.topic, fetched.partition))?.queue.push(...this.#pieces(fetched))
    }
    const taken: Fetched[] = []
    for (const held of this.#held.values()) {
      if (held.paused) continue
      const stop = held.queue.findIndex(({ topic }) => this.#hostility.strikes('take', 'hold', topic))
      taken.push(...held.queue.splice(0, stop < 0 ? held.queue.length : stop))
    }
    return taken
  }

  lag(topic: string, partition: number): number | undefined {
    const lag = this.#inner.lag(topic, partition)
    const queue = this.#held.get(partitionId(topic, partition))?.queue ?? []
    const batches = queue.filter((fetched) => fetched.kind === 'records')
    const [first] = batches
    if (first === undefined || lag === undefined) return lag
    const from = first.count > 0 ? first.offsetAt(0) : first.nextOffset - 1
    return lag + Math.max(1, batches.at(-1)!.nextOffset - from)
  }

  async arrived(timeoutMs: number): Promise<void> {
    const waits = [...this.#held.values()].some(({ paused, queue }) => !paused && queue.length > 0)
    await (waits ? this.#hostility.late('arrived') : this.#inner.arrived(timeoutMs))
  }

  wake(): void {
    this.#inner.wake()
  }

  close(): void {
    this.#held.clear()
    this.#inner.close()
  }

  #setPaused(topic: string, partition: number, paused: boolean): void {
    const held = this.#held.get(partitionId(topic, partition))
    if (held !== undefined) held.paused = paused
  }

  #pieces(fetched: Fetched): readonly Fetched[] {
    if (fetched.kind === 'failed' || fetched.count < 2) return [fetched]
    if (!this.#hostility.strikes('take', 'split', fetched.topic)) return [fetched]
    const cut = this.#hostility.pick(fetched.count - 1)
    const rest = slice(fetched, cut, fetched.count, fetched.nextOffset)
    return [slice(fetched, 0, cut, fetched.offsetAt(cut - 1) + 1), ...this.#pieces(rest)]
  }
}

/** Records `from` to `to` (exclusive) of a batch, as a batch. */
function slice(batch: FetchedBatch, from: number, to: number, nextOffset: number): FetchedBatch {
  const { kind, topic, partition, endOffset } = batch
  return {
    kind,
    topic,
    partition,
    endOffset,
    nextOffset,
    count: to - from,
    bytes: Math.ceil((batch.bytes * (to - from)) / batch.count),
    offsetAt: (index) => batch.offsetAt(from + index),
    timestampAt: (index) => batch.timestampAt(from + index),
    keyAt: (index) => batch.keyAt(from + index),
    valueAt: (index) => batch.valueAt(from + index),
    headersAt: (index) => batch.headersAt(from + index),
  }
}

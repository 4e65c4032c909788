/**
 * What topics take, learned whenever their configs are read: so a record that Kafka would refuse fails when it is appended,
 * alone. A topic never described has Kafka's defaults until it is.
 */
import type { Clock } from '../../../core/clock.ts'
import type { BatchLimits } from '../../record-batch/send-buffer.ts'

/** Kafka's default of max.message.bytes. */
const DEFAULT_BYTES = 1_048_588
const DEFAULT_LIMIT: TopicLimit = { bytes: DEFAULT_BYTES, aheadMs: Infinity, needsKey: false }

interface TopicLimit {
  readonly bytes: number
  /** How far ahead of the broker's clock a record's time may be. */
  readonly aheadMs: number
  readonly needsKey: boolean
}

export class TopicLimits {
  readonly #clock: Clock
  readonly #topics = new Map<string, TopicLimit>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  knows(topic: string): boolean {
    return this.#topics.has(topic)
  }

  /** @param config effective values by Kafka's names */
  learn(topic: string, config: Readonly<Record<string, string | undefined>>): void {
    const bytes = Number(config['max.message.bytes'])
    const ahead = Number(config['message.timestamp.after.max.ms'])
    // Before 3.6 there is no such limit; with the broker's time the record's own does not count.
    const any = config['message.timestamp.type'] === 'LogAppendTime' || !(ahead >= 0)
    this.#topics.set(topic, {
      bytes: bytes > 0 ? bytes : DEFAULT_BYTES,
      aheadMs: any ? Infinity : ahead,
      needsKey: (config['cleanup.policy'] ?? '').includes('compact'),
    })
  }

  of(topic: string): BatchLimits {
    const { bytes, aheadMs, needsKey } = this.#topics.get(topic) ?? DEFAULT_LIMIT
    return { bytes, latest: aheadMs === Infinity ? Infinity : this.#clock.now() + aheadMs, needsKey }
  }
}

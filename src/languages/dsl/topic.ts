/** topic(…): a topic with the serdes of its records. */
import type { Serde } from '../../core/serde.ts'
import { checkTopicName } from '../../core/topic.ts'
import type { TimestampExtractor, Topic } from '../../core/topic.ts'

export interface TopicOptions<K, V> {
  readonly key: Serde<K>
  readonly value: Serde<V>
  /**
   * The event time of a record, ms since 1970, when it is read; a negative one leaves the record out, counted as dropped.
   * Default: the timestamp the record came with. Tables of every instance (`globalTable`) go by that always.
   */
  readonly timestamp?: TimestampExtractor<K, V>
}

/**
 * Names a topic and says how its keys and values are read and written.
 * @example
 * import { json, string, topic } from 'sluice'
 *
 * const ratings = topic('ratings', { key: string, value: json<{ stars: number }>() })
 * @throws SLUICE_TOPIC_INVALID
 */
export function topic<K, V>(name: string, { key, value, timestamp }: TopicOptions<K, V>): Topic<K, V> {
  return Object.freeze({ name: checkTopicName(name), key, value, ...(timestamp && { timestamp }) })
}

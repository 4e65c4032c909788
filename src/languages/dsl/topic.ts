/** topic(…): a topic with the serdes of its records. */
import type { Serde } from '../../core/serde.ts'
import { checkTopicName } from '../../core/topic.ts'
import type { Topic } from '../../core/topic.ts'

/**
 * Names a topic and says how its keys and values are read and written.
 * @example
 * import { json, string, topic } from 'sluice'
 *
 * const ratings = topic('ratings', { key: string, value: json<{ stars: number }>() })
 * @throws SLUICE_TOPIC_INVALID
 */
export function topic<K, V>(
  name: string,
  serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
): Topic<K, V> {
  return Object.freeze({ name: checkTopicName(name), key: serdes.key, value: serdes.value })
}

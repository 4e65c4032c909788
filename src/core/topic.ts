/** Topics as an application names them, and the rules for their names. Existence and partition counts are the broker's business. */
import type { Serde } from './serde.ts'
import { sluiceError } from './errors.ts'

/** A topic with the serdes of its records; made by `topic(name, { key, value })`. */
export interface Topic<K, V> {
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
}

/** Kafka's rule: 1 to 249 of `a-z A-Z 0-9 . _ -`, not `.` or `..`. @throws SLUICE_TOPIC_INVALID */
export function checkTopicName(name: string): string {
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
    throw sluiceError('SLUICE_TOPIC_INVALID', { topic: name })
  }
  return name
}

/** Topics as an application names them, and the rules for their names. Existence and partition counts are the broker's business. */
import type { FlowRecord } from './record.ts'
import type { Serde } from './serde.ts'
import { sluiceError } from './errors.ts'

/** A topic with the serdes of its records; made by `topic(name, { key, value })`. */
export interface Topic<K, V> {
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  /** Says when a record happened. Default: the record's own timestamp. */
  timestamp?(record: FlowRecord<K, V>, partitionTime: number): number
}

/**
 * The event time of a record read from a topic, ms since 1970; negative: the record is left out, counted as dropped.
 * @param record with the timestamp it came with @param partitionTime the latest event time of its partition so far, -1 before the first
 * @example topic('orders', { key: string, value: json<Order>(), timestamp: ({ value }) => value.placedAt })
 */
export type TimestampExtractor<K, V> = (record: FlowRecord<K, V>, partitionTime: number) => number

/** Kafka's rule: 1 to 249 of `a-z A-Z 0-9 . _ -`, not `.` or `..`. @throws SLUICE_TOPIC_INVALID */
export function checkTopicName(name: string): string {
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name) || name === '.' || name === '..') {
    throw sluiceError('SLUICE_TOPIC_INVALID', { topic: name })
  }
  return name
}

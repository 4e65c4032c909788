/** Records for tests: a sound default per topic, of which a test states only what it is about. It never touches a broker. */
import type { Clock } from '../core/clock.ts'
import type { Headers } from '../core/record.ts'
import type { InputRecord } from './driver.ts'

/** What the records of a topic look like unless a test says otherwise. */
export interface RecordBuilderOptions<K, V> {
  /** The value every record starts from; as a function it is given the number of the record, counted from 1. */
  readonly value: V | ((number: number) => V)
  /** The key; as a function it is given the number of the record and its value. Default null: no key. */
  readonly key?: K | ((number: number, value: V) => K)
  /** Where timestamps come from, for instance `driver.clock`. Default: `startTime` if given, else the driver's clock at `pipe`. */
  readonly clock?: Pick<Clock, 'now'>
  /** Timestamp of the first record, ms since 1970. Ignored with `clock`. */
  readonly startTime?: number
  /** Milliseconds of event time from one record to the next. Default 0. */
  readonly stepMs?: number
  /** Headers of every record. Default none. */
  readonly headers?: Headers
}

/** What a single record may state besides its value. */
export type RecordParts<K> = Partial<Omit<InputRecord<K, unknown>, 'value'>>

/** Makes the records of one topic, numbered from 1. */
export interface RecordBuilder<K, V> {
  /** The next record. Fields given replace those of the default; a value that is no plain object is replaced as a whole. */
  next(fields?: Partial<V>, parts?: RecordParts<K>): InputRecord<K, V>
  /** So many records, each with these fields. */
  many(count: number, fields?: Partial<V>): readonly InputRecord<K, V>[]
  /** A record without a value, which deletes its key from a table. */
  tombstone(key: K, parts?: RecordParts<K>): InputRecord<K, V>
}

/** The topic whose types the records have; only its types are used. */
interface TypedTopic<K, V> {
  readonly key: { serialize(value: K): unknown; deserialize(bytes: Uint8Array): K }
  readonly value: { serialize(value: V): unknown; deserialize(bytes: Uint8Array): V }
}

/**
 * A builder of records for a topic; key and value have the topic's types.
 * @param _topic as `topic(…)` makes it
 * @example
 * import assert from 'node:assert/strict'
 * import { json, string, topic } from 'sluice'
 * import { recordBuilder } from 'sluice/testing'
 *
 * const orders = topic('orders', { key: string, value: json<{ customer: string; total: number }>() })
 * const order = recordBuilder(orders, {
 *   key: (number) => `o${number}`,
 *   value: { customer: 'ada', total: 10 },
 *   startTime: 0,
 *   stepMs: 1000,
 * })
 * assert.deepEqual(order.next({ total: 5 }), {
 *   key: 'o1',
 *   value: { customer: 'ada', total: 5 },
 *   timestamp: 0,
 * })
 * assert.equal(order.next().timestamp, 1000)
 */
export function recordBuilder<K, V>(
  _topic: TypedTopic<K, V>,
  options: RecordBuilderOptions<K, V>,
): RecordBuilder<K, V> {
  let made = 0
  const stamp = stampOf(options)
  const rest = options.headers === undefined ? {} : { headers: options.headers }
  const record = (number: number, key: K | null, value: V | null): InputRecord<K, V> => ({
    key,
    value,
    ...stamp(number),
    ...rest,
  })
  const next: RecordBuilder<K, V>['next'] = (fields, parts) => {
    const number = ++made
    const value = merged(of(options.value, number), fields)
    return { ...record(number, keyOf(options, number, value), value), ...parts }
  }
  return {
    next,
    many: (count, fields) => Array.from({ length: count }, () => next(fields)),
    tombstone: (key, parts) => ({ ...record(++made, key, null), ...parts }),
  }
}

function of<T>(given: T | ((number: number) => T), number: number): T {
  return typeof given === 'function' ? (given as (number: number) => T)(number) : given
}

function keyOf<K, V>({ key }: RecordBuilderOptions<K, V>, number: number, value: V): K | null {
  if (key === undefined) return null
  return typeof key === 'function' ? (key as (number: number, value: V) => K)(number, value) : key
}

function merged<V>(value: V, fields: Partial<V> | undefined): V {
  if (fields === undefined) return value
  const objects = [value, fields].every((part) => isPlain(part))
  return objects ? { ...value, ...fields } : (fields as V)
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}

/** Without a clock and a start the driver stamps the record when it is piped. */
function stampOf<K, V>(
  options: RecordBuilderOptions<K, V>,
): (number: number) => { readonly timestamp?: number } {
  const { clock, startTime, stepMs = 0 } = options
  if (clock !== undefined) return (number) => ({ timestamp: clock.now() + (number - 1) * stepMs })
  if (startTime === undefined && stepMs === 0) return () => ({})
  return (number) => ({ timestamp: (startTime ?? 0) + (number - 1) * stepMs })
}

/**
 * Key-value stores as operators and users see them (`context.store(…)`): plain values, or values with the event time of
 * their last update. A value put into a store is owned by it and must not be changed afterwards, nor one read from it.
 */
import type { FetchedBatch } from '../../core/broker.ts'
import type { Bytes, FlowRecord } from '../../core/record.ts'
import type { StoreEntry, TaskStorage } from '../../core/store.ts'
import type { Serde } from '../../core/serde.ts'
import { expectKind } from './spec.ts'
import type { StateSpec } from './spec.ts'
import { plainCodec, timestampedCodec, withTimestamp } from './codec.ts'
import type { Timestamped } from './codec.ts'
import { LayeredStore } from './layered-store.ts'
import type { ManagedStore } from './managed.ts'
import type { StateOptions } from './options.ts'

/**
 * What every store of keys can do. `R` is what a read gives. Reads see all updates made before, committed or not;
 * iterators show the content as of their call. Ranges are in the unsigned byte order of the serialised keys.
 *
 * `keyBytes` is an optional memo: the serialised form of exactly this key, if the caller has it.
 */
export interface ReadableStore<K, R> {
  readonly name: string
  /** Undefined when there is none. @throws SLUICE_STORE_READ when what is kept can't be read by the serde */
  get(key: K, keyBytes?: Bytes | null): R | undefined
  /** Entries with from <= key <= to, ascending; an absent bound is open. */
  range(from?: K, to?: K): IterableIterator<[K, R]>
  /** The same, descending. */
  reverseRange(from?: K, to?: K): IterableIterator<[K, R]>
  all(): IterableIterator<[K, R]>
  /** Entries whose serialised key starts with these bytes (text stands for its UTF-8), ascending. */
  prefix(start: Bytes | string): IterableIterator<[K, R]>
  /** As `range`, with serialised bounds, for composite keys. */
  scan(from: Bytes | undefined, to: Bytes | undefined, reverse?: boolean): IterableIterator<[K, R]>
  /** Number of keys, exact; reads the storage once per uncommitted key. */
  count(): number
}

/**
 * A store of plain values.
 * @example
 * const seen = context.store<KeyValueStore<string, number>>('seen')
 * seen.put(record.key, (seen.get(record.key) ?? 0) + 1)
 */
export interface KeyValueStore<K, V> extends ReadableStore<K, V> {
  /**
   * Sets a key; null or undefined deletes it. The value is serialised at the commit: should its serde refuse it then, the
   * update is taken back with SLUICE_SERIALIZE naming the record.
   * @param record the record that causes the update (its time is the changelog's); default: the one being processed
   */
  put(key: K, value: V | null | undefined, record?: FlowRecord, keyBytes?: Bytes | null): void
  delete(key: K, record?: FlowRecord, keyBytes?: Bytes | null): void
}

/** A store of values with the event time of their last update (tables, aggregates); the time is stored with the value. */
export interface TimestampedStore<K, V> extends ReadableStore<K, Timestamped<V>> {
  /** Sets a key; null or undefined deletes it. @param timestamp event time in ms */
  put(
    key: K,
    value: V | null | undefined,
    timestamp: number,
    record?: FlowRecord,
    keyBytes?: Bytes | null,
  ): void
  delete(key: K, record?: FlowRecord, keyBytes?: Bytes | null): void
}

/** For operators that emit once per key and commit. One operator per store may drain. */
export interface ChangeTracking<K, V> {
  /**
   * Starts keeping what changes; called when the operator is built, before the first update.
   * @param options.keepOld also the value before the first change since the last drain (costs a read of uncached keys). Default false.
   */
  trackChanges(options?: { readonly keepOld?: boolean }): void
  /**
   * Hands out every key updated since the last drain once, in the order of its last update, and forgets it. Both values
   * may be undefined (put and deleted in between). Returns false when `shouldYield()` asked to stop: call again.
   */
  drainChanges(shouldYield: () => boolean, forEach: OnChange<K, V>): boolean
}

/**
 * @param oldValue the value before the first of these updates; always undefined without `keepOld`
 * @param timestamp of the new value; of a deletion: of the record that deleted
 * @param record the record that caused the last update, when known
 */
export type OnChange<K, V> = (
  key: K,
  newValue: V | undefined,
  oldValue: V | undefined,
  timestamp: number,
  record: FlowRecord | undefined,
) => void

export type ManagedKeyValueStore<K, V> = KeyValueStore<K, V> & ChangeTracking<K, V> & ManagedStore
export type ManagedTimestampedStore<K, V> = TimestampedStore<K, V> & ChangeTracking<K, V> & ManagedStore

/** A store of kind `key-value` over a task's storage. */
export function createKeyValueStore<K, V>(
  spec: StateSpec,
  storage: TaskStorage,
  options: StateOptions = {},
): ManagedKeyValueStore<K, V> {
  expectKind(spec, 'key-value')
  return new PlainStore<K, V>(spec, plainCodec(spec.value as Serde<V>), storage, options)
}

/** A store of kind `timestamped` over a task's storage. */
export function createTimestampedStore<K, V>(
  spec: StateSpec,
  storage: TaskStorage,
  options: StateOptions = {},
): ManagedTimestampedStore<K, V> {
  expectKind(spec, 'timestamped')
  return new TimedStore<K, V>(spec, timestampedCodec(spec.value as Serde<V>), storage, options)
}

class PlainStore<K, V> extends LayeredStore<K, V> implements KeyValueStore<K, V>, ChangeTracking<K, V> {
  put(key: K, value: V | null | undefined, record?: FlowRecord, keyBytes?: Bytes | null): void {
    this.update(key, value ?? undefined, undefined, record, keyBytes)
  }

  drainChanges(shouldYield: () => boolean, forEach: OnChange<K, V>): boolean {
    return this.drain(shouldYield, ({ key, held, old, timestamp, record }) =>
      forEach(key, held, old, timestamp, record),
    )
  }
  restored(batch: FetchedBatch): readonly StoreEntry[] {
    return restoredEntries(this.name, batch, (value) => value)
  }
}

class TimedStore<K, V>
  extends LayeredStore<K, Timestamped<V>>
  implements TimestampedStore<K, V>, ChangeTracking<K, V>
{
  put(
    key: K,
    value: V | null | undefined,
    timestamp: number,
    record?: FlowRecord,
    keyBytes?: Bytes | null,
  ): void {
    const held = value === null || value === undefined ? undefined : { value, timestamp }
    this.update(key, held, timestamp, record, keyBytes)
  }

  drainChanges(shouldYield: () => boolean, forEach: OnChange<K, V>): boolean {
    return this.drain(shouldYield, ({ key, held, old, timestamp, record }) =>
      forEach(key, held?.value, old?.value, timestamp, record),
    )
  }
  restored(batch: FetchedBatch): readonly StoreEntry[] {
    return restoredEntries(this.name, batch, (value, timestamp) => withTimestamp(timestamp, value))
  }
}

/** Entries of the storage that changelog records of a key-value store stand for. */
export function restoredEntries(
  store: string,
  batch: FetchedBatch,
  stored: (value: Bytes, timestamp: number) => Bytes,
): readonly StoreEntry[] {
  const entries: StoreEntry[] = []
  for (let index = 0; index < batch.count; index++) {
    const key = batch.keyAt(index)
    if (key === null) continue
    const value = batch.valueAt(index)
    entries.push({ store, key, value: value === null ? null : stored(value, batch.timestampAt(index)) })
  }
  return entries
}

/**
 * A key-value store of at most `capacity` keys: a put beyond it deletes the key used least recently, in the changelog too. It must
 * be small: all its keys are in memory. A restart forgets the order of use, then keys go in their own order first.
 */
import type { FetchedBatch } from '../../core/broker.ts'
import { latin1Of } from '../../core/ordered-map.ts'
import type { Bytes, FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { StoreEntry, TaskStorage } from '../../core/store.ts'
import { plainCodec } from './codec.ts'
import { restoredEntries } from './key-value.ts'
import type { ChangeTracking, KeyValueStore, ManagedKeyValueStore, OnChange } from './key-value.ts'
import { LayeredStore } from './layered-store.ts'
import type { StateOptions } from './options.ts'
import { expectKind } from './spec.ts'
import type { StateSpec } from './spec.ts'

/** A store of kind `key-value` with a capacity, over a task's storage. */
export function createLruStore<K, V>(
  spec: StateSpec,
  storage: TaskStorage,
  options: StateOptions = {},
): ManagedKeyValueStore<K, V> {
  expectKind(spec, 'key-value')
  return new LruStore<K, V>(spec, storage, options)
}

class LruStore<K, V> extends LayeredStore<K, V> implements KeyValueStore<K, V>, ChangeTracking<K, V> {
  readonly #capacity: number
  /** Keys from the least to the most recently used; made at the first use. */
  #used: Map<string, K> | undefined

  constructor(spec: StateSpec, storage: TaskStorage, options: StateOptions) {
    super(spec, plainCodec(spec.value as Serde<V>), storage, options)
    this.#capacity = spec.capacity ?? Infinity
  }

  override get(key: K, keyBytes?: Bytes | null): V | undefined {
    const value = super.get(key, keyBytes)
    if (value !== undefined) this.#use(key)
    return value
  }

  put(key: K, value: V | null | undefined, record?: FlowRecord, keyBytes?: Bytes | null): void {
    if (value === null || value === undefined) return this.delete(key, record, keyBytes)
    const used = this.#use(key)
    // More than one when the capacity was larger before a restart.
    while (used.size > this.#capacity) {
      // First, as Kafka Streams logs it.
      const [oldest] = used.values()
      this.delete(oldest as K, record)
    }
    this.update(key, value, undefined, record, keyBytes)
  }

  override delete(key: K, record?: FlowRecord, keyBytes?: Bytes | null): void {
    this.#order().delete(this.#idOf(key))
    this.update(key, undefined, undefined, record, keyBytes)
  }

  drainChanges(shouldYield: () => boolean, forEach: OnChange<K, V>): boolean {
    return this.drain(shouldYield, ({ key, held, old, timestamp, record }) =>
      forEach(key, held, old, timestamp, record),
    )
  }

  override forget(): void {
    super.forget()
    this.#used = undefined
  }

  restored(batch: FetchedBatch): readonly StoreEntry[] {
    this.#used = undefined
    return restoredEntries(this.name, batch, (value) => value)
  }

  #use(key: K): Map<string, K> {
    const used = this.#order()
    const id = this.#idOf(key)
    used.delete(id)
    return used.set(id, key)
  }

  #order(): Map<string, K> {
    if (this.#used === undefined) {
      this.#used = new Map()
      for (const [key] of this.all()) this.#used.set(this.#idOf(key), key)
    }
    return this.#used
  }

  #idOf(key: K): string {
    return typeof key === 'string' ? key.toWellFormed() : latin1Of(this.serializedKey(key))
  }
}

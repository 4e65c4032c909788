/**
 * The store behind a global table: the last value of each key over all partitions of its topic, decoded once and held in
 * memory. Operators only read it; it must never be written from a task, since every instance has a copy of its own.
 */
import type { FetchedBatch } from '../../core/broker.ts'
import { OrderedMap, latin1Of } from '../../core/ordered-map.ts'
import type { Bytes } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { Timestamped } from './codec.ts'
import { deepFreeze } from './freeze.ts'
import type { ReadableStore } from './key-value.ts'
import { BEYOND_BYTES } from './overlay.ts'

/** What a task sees of a global table (`context.store(table.name)`): reads only. */
export type GlobalTableStore<K, V> = ReadableStore<K, Timestamped<V>>

/** The serde of one side threw. */
export class UnreadableGlobal {
  readonly side: 'key' | 'value'
  readonly cause: unknown

  constructor(side: 'key' | 'value', cause: unknown) {
    this.side = side
    this.cause = cause
  }
}

export interface GlobalStoreSpec {
  readonly name: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
}

interface Held<K, V> {
  readonly key: K
  readonly value: V
  readonly timestamp: number
}

export class GlobalStore<K = unknown, V = unknown> implements ReadableStore<K, Timestamped<V>> {
  readonly name: string
  readonly #key: Serde<unknown>
  readonly #value: Serde<unknown>
  readonly #freeze: boolean
  readonly #entries = new OrderedMap<Held<K, V>>()

  /** @param freeze freezes values deeply, so that a joiner that changes one throws where it does */
  constructor({ name, key, value }: GlobalStoreSpec, freeze: boolean) {
    this.name = name
    this.#key = key
    this.#value = value
    this.#freeze = freeze
  }

  /**
   * Takes over one record: a null value deletes its key.
   * @returns `null-key` for a record that cannot be kept, or what made it unreadable; then the store is as it was
   */
  apply(batch: FetchedBatch, index: number): 'applied' | 'null-key' | UnreadableGlobal {
    const keyBytes = batch.keyAt(index)
    if (keyBytes === null) return 'null-key'
    const id = latin1Of(keyBytes)
    const valueBytes = batch.valueAt(index)
    if (valueBytes === null) {
      this.#entries.delete(id)
      return 'applied'
    }
    const key = decoded(this.#key, 'key', keyBytes)
    if (key instanceof UnreadableGlobal) return key
    const value = decoded(this.#value, 'value', valueBytes)
    if (value instanceof UnreadableGlobal) return value
    if (this.#freeze) deepFreeze(value)
    this.#entries.set(id, { key: key as K, value: value as V, timestamp: batch.timestampAt(index) })
    return 'applied'
  }

  get(key: K, keyBytes?: Bytes | null): Timestamped<V> | undefined {
    return this.#entries.get(keyBytes ? latin1Of(keyBytes) : this.#idOf(key))
  }

  range(from?: K, to?: K): IterableIterator<[K, Timestamped<V>]> {
    return pairs(this.#entries.range(this.#bound(from), this.#bound(to)))
  }

  reverseRange(from?: K, to?: K): IterableIterator<[K, Timestamped<V>]> {
    return pairs(this.#entries.range(this.#bound(from), this.#bound(to), true))
  }

  all(): IterableIterator<[K, Timestamped<V>]> {
    return pairs(this.#entries.range())
  }

  prefix(start: Bytes | string): IterableIterator<[K, Timestamped<V>]> {
    const id = latin1Of(encodedBytes(start))
    return pairs(this.#entries.range(id, id + BEYOND_BYTES))
  }

  scan(
    from: Bytes | undefined,
    to: Bytes | undefined,
    reverse: boolean = false,
  ): IterableIterator<[K, Timestamped<V>]> {
    return pairs(this.#entries.range(from && latin1Of(from), to && latin1Of(to), reverse))
  }

  count(): number {
    return this.#entries.size
  }

  #bound(key: K | undefined): string | undefined {
    return key === undefined ? undefined : this.#idOf(key)
  }

  /** The bytes of plain ASCII text are its characters: most look-ups then cost no copy. */
  #idOf(key: K): string {
    const encoded = this.#key.serialize(key)
    return typeof encoded === 'string' && isAscii(encoded) ? encoded : latin1Of(encodedBytes(encoded))
  }
}

function decoded(serde: Serde<unknown>, side: 'key' | 'value', bytes: Bytes): unknown {
  try {
    const value = serde.deserialize(bytes)
    // Bytes as such are views of a whole fetched batch, which must not be kept alive by one record of it.
    return value instanceof Uint8Array ? Buffer.from(value) : value
  } catch (error) {
    return new UnreadableGlobal(side, error)
  }
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false
  return true
}

function* pairs<K, V>(
  entries: IterableIterator<[string, Held<K, V>]>,
): IterableIterator<[K, Timestamped<V>]> {
  for (const [, held] of entries) yield [held.key, held]
}

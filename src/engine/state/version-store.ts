/** Versioned stores over `VersionRows`: what was true when, back to the history retention. */
import type { FetchedBatch } from '../../core/broker.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { StoreEntry, TaskStorage } from '../../core/store.ts'
import type { LogUpdate, ManagedStore } from './managed.ts'
import type { StateOptions } from './options.ts'
import { expectKind } from './spec.ts'
import type { StateSpec } from './spec.ts'
import { VersionRows } from './version-rows.ts'
import type { Version } from './version-keys.ts'
import type { Versioned, VersionedStore } from './versioned-store.ts'

export type ManagedVersionedStore<K, V> = VersionedStore<K, V> & ManagedStore

/** A store of kind `versioned` over a task's storage. */
export function createVersionedStore<K, V>(
  spec: StateSpec,
  storage: TaskStorage,
  options: StateOptions = {},
): ManagedVersionedStore<K, V> {
  expectKind(spec, 'versioned')
  return new Versions<K, V>(new VersionRows(spec, storage, options), options)
}

class Versions<K, V> implements VersionedStore<K, V>, ManagedStore {
  readonly name: string
  readonly #rows: VersionRows<K, V>
  readonly #options: StateOptions

  constructor(rows: VersionRows<K, V>, options: StateOptions) {
    this.name = rows.name
    this.#rows = rows
    this.#options = options
  }

  get(key: K): Versioned<V> | undefined {
    return latestOf(this.#rows.latest(this.#rows.keys.wellFormed(key)))
  }

  getAsOf(key: K, asOf: number): Versioned<V> | undefined {
    const rows = this.#rows
    const own = rows.keys.wellFormed(key)
    const latest = rows.latest(own)
    if (latest !== undefined && latest.validFrom <= asOf) return latestOf(latest)
    if (asOf < this.#earliest || asOf > rows.observed) return undefined
    for (const [{ kind, time }, version] of rows.past(own, asOf + 1)) {
      return kind === 'past' && version.validFrom <= asOf ? versioned(version, time) : undefined
    }
    return undefined
  }

  *history(key: K, from: number, to: number, ascending: boolean = false): IterableIterator<Versioned<V>> {
    const rows = this.#rows
    const own = rows.keys.wellFormed(key)
    const found: Versioned<V>[] = []
    if (to >= this.#earliest) {
      for (const [{ kind, time }, version] of rows.past(own, from + 1)) {
        if (kind === 'past' && version.validFrom <= to) found.push(versioned(version, time))
      }
    }
    const latest = latestOf(rows.latest(own))
    if (latest !== undefined && latest.validFrom <= to) found.push(latest)
    yield* ascending ? found : found.toReversed()
  }

  put(
    key: K,
    value: V | null | undefined,
    validFrom: number,
    record?: FlowRecord,
  ): number | undefined | 'rejected' {
    const until = this.#rows.put(this.#rows.keys.wellFormed(key), value ?? undefined, validFrom, record)
    if (until === 'rejected') this.#options.expired?.(record ?? this.#options.current?.(), this.name)
    return until
  }

  delete(key: K, validFrom: number, record?: FlowRecord): Versioned<V> | undefined {
    const before = this.getAsOf(key, validFrom)
    this.put(key, undefined, validFrom, record)
    return before
  }

  *range(from?: K, to?: K, reverse: boolean = false): IterableIterator<[K, Versioned<V>]> {
    const { keys } = this.#rows
    const low = keys.latestBound(from, false)
    const high = keys.latestBound(to, true)
    for (const [{ key }, version] of this.#rows.scan(low, high, reverse)) yield [key, latestOf(version)!]
  }

  count(): number {
    let count = 0
    for (const _ of this.range()) count++
    return count
  }

  get #earliest(): number {
    return this.#rows.observed - this.#rows.retentionMs
  }

  // ---- for the runtime (managed.ts)

  get dirtyBytes(): number {
    return this.#rows.dirtyBytes
  }

  seal(log: LogUpdate, shouldYield: () => boolean): boolean {
    return this.#rows.seal(log, shouldYield)
  }

  takeCommitted(limit: number): readonly StoreEntry[] {
    return this.#rows.takeCommitted(limit)
  }

  written(): void {
    this.#rows.written()
  }

  forget(): void {
    this.#rows.forget()
  }

  restored(batch: FetchedBatch): readonly StoreEntry[] {
    return this.#rows.restored(batch)
  }
}

function latestOf<V>(version: Version<V> | undefined): Versioned<V> | undefined {
  return version === undefined ? undefined : versioned(version, undefined)
}

function versioned<V>({ value, validFrom }: Version<V>, validTo: number | undefined): Versioned<V> {
  return { value: value as V, validFrom, validTo }
}

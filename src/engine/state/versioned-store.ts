/**
 * Versioned stores (KIP-889) as operators and users see them: for each key its values over event time, back to the
 * history retention. Each version is one changelog record whose time is the version's `validFrom`.
 */
import type { FlowRecord } from '../../core/record.ts'

/** A value and when it was true: from `validFrom` on, up to (not including) `validTo`; `undefined` = it still is. */
export interface Versioned<V> {
  readonly value: V
  readonly validFrom: number
  readonly validTo: number | undefined
}

export interface VersionedStore<K, V> {
  readonly name: string
  /** The latest version. */
  get(key: K): Versioned<V> | undefined
  /** The version that was true at that event time; undefined when there was none, or when it is older than the history retention. */
  getAsOf(key: K, asOf: number): Versioned<V> | undefined
  /** Versions true at some time in [from, to], the latest first unless `ascending`. */
  history(key: K, from: number, to: number, ascending?: boolean): IterableIterator<Versioned<V>>
  /**
   * Adds a version (null: a deletion) at an event time.
   * @returns `validTo` of the version just put: undefined when it is the latest; `'rejected'` when it was too old for the history retention
   */
  put(
    key: K,
    value: V | null | undefined,
    validFrom: number,
    record?: FlowRecord,
  ): number | undefined | 'rejected'
  /** Puts a deletion; returns the version that was true at that time before. */
  delete(key: K, validFrom: number, record?: FlowRecord): Versioned<V> | undefined
  /** Latest versions of keys in order (absent bounds open). */
  range(from?: K, to?: K, reverse?: boolean): IterableIterator<[K, Versioned<V>]>
  /** Keys with a latest version. */
  count(): number
}

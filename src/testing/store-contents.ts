/** What a store of a driven application holds, whatever its kind, as plain entries for tests to compare. */
import type { Timestamped } from '../engine/state/codec.ts'
import type { ReadableStore } from '../engine/state/key-value.ts'
import type { StateSpec, StoreKind } from '../engine/state/spec.ts'
import type { VersionedStore } from '../engine/state/versioned-store.ts'
import type { ReadableWindowStore, SessionStore } from '../engine/state/windowed-store.ts'

export interface StoreContents {
  readonly kind: StoreKind
  /** In the order of the store: by key, windows by segment and key. Expired windows are left out; of versions the latest is shown. */
  readonly entries: readonly StoredEntry[]
  /** Of window and session stores: windows that begin (sessions: end) earlier are behind the retention. */
  readonly shownFrom?: number
}

export interface StoredEntry {
  /** With its window in window and session stores. */
  readonly key: unknown
  readonly value: unknown
  /** Where the store keeps one: the event time of the last update, or since when a version is true. */
  readonly timestamp?: number
}

/** @param store of that kind */
export function contentsOf({ kind }: Pick<StateSpec, 'kind'>, store: unknown): StoreContents {
  const shownFrom = (store as { shownFrom?(): number }).shownFrom?.()
  return { kind, entries: [...entriesOf(kind, store)], ...(shownFrom === undefined ? {} : { shownFrom }) }
}

function entriesOf(kind: StoreKind, store: unknown): Iterable<StoredEntry> {
  switch (kind) {
    case 'key-value':
      return plain((store as ReadableStore<unknown, unknown>).all())
    case 'timestamped':
      return timestamped((store as ReadableStore<unknown, Timestamped<unknown>>).all())
    case 'window':
      return plain((store as ReadableWindowStore<unknown, unknown>).all())
    case 'timestamped-window':
      return timestamped((store as ReadableWindowStore<unknown, Timestamped<unknown>>).all())
    case 'session':
      return plain((store as SessionStore<unknown, unknown>).all())
    case 'versioned':
      return versions(store as VersionedStore<unknown, unknown>)
  }
}

function* plain(entries: Iterable<[unknown, unknown]>): Iterable<StoredEntry> {
  for (const [key, value] of entries) yield { key, value }
}

function* timestamped(entries: Iterable<[unknown, Timestamped<unknown>]>): Iterable<StoredEntry> {
  for (const [key, { value, timestamp }] of entries) yield { key, value, timestamp }
}

function* versions(store: VersionedStore<unknown, unknown>): Iterable<StoredEntry> {
  for (const [key, { value, validFrom }] of store.range()) yield { key, value, timestamp: validFrom }
}

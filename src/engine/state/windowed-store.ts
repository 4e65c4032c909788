/**
 * Window and session stores as operators and users see them: values by key and window, forgotten behind the retention.
 * A read never shows what retention says is gone, whether or not it was removed from the storage yet.
 *
 * Retention is by the store's own stream time: the latest window start (sessions: end) ever put. What is older than
 * `stream time - retention + 1` is invisible, a put of it is dropped and counted, and it leaves the storage in whole
 * segments of `max(retention / 2, 60 s)`, as in Kafka Streams' persistent stores. Fetches over several keys come in
 * that store's order: by segment, in a segment by serialised key, for one key by time.
 */
import type { FlowRecord } from '../../core/record.ts'
import type { Windowed } from '../../core/windowed.ts'
import type { Timestamped } from './codec.ts'

/** `R` is what a read gives: a value, or (kind `timestamped-window`) a `Timestamped`. Times are window starts in ms, bounds inclusive. */
export interface ReadableWindowStore<K, R> {
  readonly name: string
  /** The value of exactly this window; with duplicates the first one. */
  fetch(key: K, start: number): R | undefined
  /** The windows of one key with from <= start <= to, ascending by start (with duplicates: in the order of their puts). */
  fetchRange(key: K, from: number, to: number, reverse?: boolean): IterableIterator<[number, R]>
  /** The windows of the keys from <= key <= to (absent: open) with from <= start <= to. */
  fetchKeys(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    from: number,
    to: number,
    reverse?: boolean,
  ): IterableIterator<[Windowed<K>, R]>
  all(reverse?: boolean): IterableIterator<[Windowed<K>, R]>
  /** Number of windows kept, retention not considered; reads the storage once per uncommitted key. */
  count(): number
}

/** Kind `window`. With `retainDuplicates` each put adds an entry, and a put of null only uses up a sequence number. */
export interface WindowStore<K, V> extends ReadableWindowStore<K, V> {
  /** Sets a window's value; null or undefined deletes it. @param record causes the update; default the one being processed */
  put(key: K, value: V | null | undefined, start: number, record?: FlowRecord): void
}

/** Kind `timestamped-window`: windowed aggregates. */
export interface TimestampedWindowStore<K, V> extends ReadableWindowStore<K, Timestamped<V>> {
  put(key: K, value: V | null | undefined, start: number, timestamp: number, record?: FlowRecord): void
}

/** Kind `session`. Sessions have `start` and `end` inclusive. */
export interface SessionStore<K, V> {
  readonly name: string
  /** The value of exactly this session. */
  fetchSession(key: K, start: number, end: number): V | undefined
  /** Sessions of a key that reach into the time: end >= earliestEnd and start <= latestStart; ascending by end, then start. */
  findSessions(
    key: K,
    earliestEnd: number,
    latestStart: number,
    reverse?: boolean,
  ): IterableIterator<[Windowed<K>, V]>
  /** The same over a range of keys (absent: open). */
  findSessionsOfKeys(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    earliestEnd: number,
    latestStart: number,
    reverse?: boolean,
  ): IterableIterator<[Windowed<K>, V]>
  /** Sessions whose end lies in [from, to], of all keys, in order of segment and key: what closes when stream time passes. */
  findSessionsEnding(from: number, to: number): IterableIterator<[Windowed<K>, V]>
  put(session: Windowed<K>, value: V | null | undefined, record?: FlowRecord): void
  remove(session: Windowed<K>, record?: FlowRecord): void
  all(reverse?: boolean): IterableIterator<[Windowed<K>, V]>
  count(): number
}

/** For windowed operators that emit once per window and commit; as `ChangeTracking` of key-value stores, by windowed key. */
export interface WindowChangeTracking<K, V> {
  trackChanges(options?: { readonly keepOld?: boolean }): void
  /** Each window updated since the last drain once, in the order of its last update. */
  drainChanges(shouldYield: () => boolean, forEach: OnWindowChange<K, V>): boolean
}

export type OnWindowChange<K, V> = (
  window: Windowed<K>,
  newValue: V | undefined,
  oldValue: V | undefined,
  timestamp: number,
  record: FlowRecord | undefined,
) => void

/**
 * For operators that need windows behind the retention too, as long as the storage has them: to emit one after it has closed, or to
 * see what Kafka Streams would find in its record cache.
 * `time` and `minor` are a window's start and 0, a session's end and start.
 */
export interface ClosingWindows<K, R> {
  /** Windows of an earlier time leave the storage with the next commit. */
  readonly goneBefore: number
  kept(key: K, time: number, minor: number): R | undefined
  /** Those of one key with from <= time <= to, in order of time. */
  keptOf(key: K, from: number, to: number, reverse?: boolean): IterableIterator<[Windowed<K>, R]>
  /**
   * Deletes a window, as Kafka Streams' record cache does: when it was behind the retention at the last commit already, the changelog
   * does not learn of it. A restore brings it back then, so who reads `kept` windows must know a deleted one when it sees it.
   */
  forgetWindow(key: K, time: number, minor: number, record?: FlowRecord): void
  /** The latest time ever put. */
  readonly observed: number
  /** Windows of an earlier time are behind the retention once a time was put: other reads do not show them. Default: the observed. */
  shownFrom(observed?: number): number
  /** All that do not leave with the next commit, in no order that means anything. */
  allKept(): IterableIterator<{ readonly key: K; readonly time: number; readonly minor: number }>
}

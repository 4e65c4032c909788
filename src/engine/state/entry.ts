/**
 * One key of a store's cache, and the two intrusive lists entries stand in: clean ones by last use, changed ones by last
 * update. Being members of lists costs an entry no allocation and no search.
 */
import type { Bytes, FlowRecord } from '../../core/record.ts'

export class Entry<K, H> {
  /** Key in the cache's Map: the key itself for text keys, otherwise its bytes as latin1 text. */
  readonly id: string
  readonly key: K
  /** The current value; undefined = deleted. */
  held: H | undefined
  /** Time of the changelog record. */
  timestamp = 0
  /** The record that wrote `held` last; only while dirty or changed, since it keeps a fetched batch alive. */
  record: FlowRecord | undefined
  keyBytes: Bytes | undefined
  /** Estimated bytes in memory. */
  bytes = 0
  /** Updated since the last seal. */
  dirty = false
  /** Updated since the last drain of changes. */
  changed = false
  /** Value before the first update since the last drain, when it was asked for. */
  old: H | undefined
  older: Entry<K, H> | undefined
  newer: Entry<K, H> | undefined
  earlier: Entry<K, H> | undefined
  later: Entry<K, H> | undefined

  constructor(id: string, key: K, held: H | undefined) {
    this.id = id
    this.key = key
    this.held = held
  }
}

/** Clean entries from the least to the most recently used. */
export class CleanEntries<K, H> {
  count = 0
  bytes = 0
  oldest: Entry<K, H> | undefined
  #newest: Entry<K, H> | undefined

  add(entry: Entry<K, H>): void {
    this.count++
    this.bytes += entry.bytes
    this.#append(entry)
  }

  remove(entry: Entry<K, H>): void {
    this.count--
    this.bytes -= entry.bytes
    this.#unlink(entry)
  }

  touch(entry: Entry<K, H>): void {
    if (entry === this.#newest) return
    this.#unlink(entry)
    this.#append(entry)
  }

  clear(): void {
    this.count = 0
    this.bytes = 0
    this.oldest = undefined
    this.#newest = undefined
  }

  #append(entry: Entry<K, H>): void {
    const newest = this.#newest
    entry.older = newest
    if (newest === undefined) this.oldest = entry
    else newest.newer = entry
    this.#newest = entry
  }

  #unlink(entry: Entry<K, H>): void {
    const { older, newer } = entry
    if (older === undefined) this.oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    entry.older = undefined
    entry.newer = undefined
  }
}

/** Entries updated since the last drain, in the order of their last update (the order in which Kafka Streams flushes). */
export class ChangedEntries<K, H> {
  first: Entry<K, H> | undefined
  #last: Entry<K, H> | undefined

  /** Puts the entry last; `old` counts for its first update only. */
  add(entry: Entry<K, H>, old: H | undefined): void {
    if (!entry.changed) {
      entry.changed = true
      entry.old = old
    } else {
      if (entry === this.#last) return
      this.#unlink(entry)
    }
    entry.earlier = this.#last
    if (this.#last === undefined) this.first = entry
    else this.#last.later = entry
    this.#last = entry
  }

  remove(entry: Entry<K, H>): void {
    this.#unlink(entry)
    entry.changed = false
    entry.old = undefined
  }

  clear(): void {
    this.first = undefined
    this.#last = undefined
  }

  #unlink(entry: Entry<K, H>): void {
    const { earlier, later } = entry
    if (earlier === undefined) this.first = later
    else earlier.later = later
    if (later === undefined) this.#last = earlier
    else later.earlier = earlier
    entry.earlier = undefined
    entry.later = undefined
  }
}

/** What a drain hands out of a changed entry; the entry may change afterwards. */
export function changeOf<K, H>({ key, held, old, timestamp, record }: Entry<K, H>): DrainedChange<K, H> {
  return { key, held, old, timestamp, record }
}

export interface DrainedChange<K, H> {
  readonly key: K
  readonly held: H | undefined
  readonly old: H | undefined
  readonly timestamp: number
  readonly record: FlowRecord | undefined
}

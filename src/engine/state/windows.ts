/**
 * The machine under window and session stores: windows of keys over `LayeredStore`, forgotten behind the retention. What
 * has expired is never shown and leaves the storage in whole segments, after commits, without tombstones in the changelog.
 *
 * Observed time, the latest window ever put, is kept in a row of the storage behind all segments, so that a restart drops and
 * shows what a straight run would.
 */
import type { FetchedBatch } from '../../core/broker.ts'
import { latin1Of } from '../../core/ordered-map.ts'
import type { Bytes, FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { StoreEntry, TaskStorage } from '../../core/store.ts'
import { withTimestamp } from './codec.ts'
import type { HeldCodec } from './codec.ts'
import { Entry } from './entry.ts'
import type { DrainedChange } from './entry.ts'
import { LayeredStore } from './layered-store.ts'
import type { LogUpdate } from './managed.ts'
import type { StateOptions } from './options.ts'
import { RecentWindows } from './recent-windows.ts'
import type { StateSpec } from './spec.ts'
import { WindowKeys, readLong, segmentStart, writeLong } from './window-keys.ts'
import type { WindowKey } from './window-keys.ts'

/** Behind every segment in byte order; its value: observed time and last sequence number. */
const OBSERVED = Buffer.of(0xff)
/** As in Kafka Streams' persistent stores. */
const MIN_SEGMENT_MS = 60_000
const DEFAULT_CACHE_BYTES = 16 * 1024 * 1024
/** What an entry costs beside its value, about. */
const ENTRY_BYTES = 200

type Found<K, H> = [WindowKey<K>, H]

export class Windows<K, H> extends LayeredStore<WindowKey<K>, H> {
  readonly keys: WindowKeys<K>
  readonly #retentionMs: number
  readonly #timestamped: boolean
  readonly #duplicates: boolean
  readonly #expired: ((record: FlowRecord | undefined, store: string) => void) | undefined
  readonly #writer: (() => FlowRecord | undefined) | undefined
  /** Made by the first fetch of a key: most windowed aggregates never fetch one. */
  #recent: RecentWindows<K, H> | undefined
  readonly #cacheBytes: number
  readonly #isUncommitted = (entry: Entry<WindowKey<K>, H>): boolean => this.isUncommitted(entry)
  /** The latest time ever put; -1 before the first. */
  #observed = -1
  /** The last sequence number given to a duplicate. */
  #sequence = 0
  /** Nothing later is in the storage or on its way there. */
  #sealed = -1
  #sealedSequence = 0
  /** Observed time and sequence of the storage's row. */
  #kept = { observed: -1, sequence: 0 }
  /** Keys of the changelog whose deletion is not written there. */
  readonly #unlogged = new Set<string>()
  /** Segments before it have been removed from the storage. */
  #removedBefore = 0

  constructor(spec: StateSpec, codec: HeldCodec<H>, storage: TaskStorage, options: StateOptions) {
    const retentionMs = spec.retentionMs ?? Number.MAX_SAFE_INTEGER
    const segmentMs = Math.max(Math.floor(retentionMs / 2), MIN_SEGMENT_MS)
    const kind = spec.kind === 'session' ? 'session' : 'window'
    const keys = new WindowKeys<K>(spec.key as Serde<K>, kind, segmentMs, spec.retainDuplicates === true)
    super(spec, codec, storage, options, keys)
    this.keys = keys
    this.#retentionMs = retentionMs
    this.#timestamped = spec.kind === 'timestamped-window'
    this.#duplicates = spec.retainDuplicates === true
    this.#expired = options.expired
    this.#cacheBytes = options.maxCacheBytes ?? DEFAULT_CACHE_BYTES
    this.#writer = options.current
    this.#readObserved()
  }

  /** Windows before it are not shown any more. */
  get earliest(): number {
    return this.shownFrom(this.#observed)
  }

  get observed(): number {
    return this.#observed
  }

  shownFrom(observed: number): number {
    return Math.max(0, observed - this.#retentionMs + 1)
  }

  /** Windows before it leave the storage with the next commit. */
  get goneBefore(): number {
    return this.keys.segmentBegin(this.#firstSegment(this.#observed))
  }

  find(key: WindowKey<K>): H | undefined {
    return key.time < this.earliest ? undefined : this.get(key)
  }

  /** Deletes a window, in the changelog only when it was not behind the retention at the last commit. */
  forgetWindow(key: WindowKey<K>, record: FlowRecord | undefined): void {
    if (key.time < this.shownFrom(this.#sealed)) {
      const stored = this.keys.stored(key.key, key.time, key.minor)
      this.#unlogged.add(latin1Of(stored.subarray(this.keys.prefix)))
    }
    this.set(key, undefined, undefined, record)
  }

  nextSequence(): number {
    this.#sequence = (this.#sequence + 1) & 0x7fff_ffff
    return this.#sequence
  }

  /** Sets or (undefined) deletes a window; one whose segment has expired is dropped and counted. */
  set(
    key: WindowKey<K>,
    held: H | undefined,
    timestamp: number | undefined,
    record: FlowRecord | undefined,
  ): void {
    if (key.time > this.#observed) this.#observed = key.time
    else if (this.keys.segmentOf(key.time) < this.#firstSegment(this.#observed)) {
      this.#expired?.(record ?? this.#writer?.(), this.name)
      return
    }
    this.update(key, held, timestamp, record, undefined)
  }

  /**
   * The windows of one key with from <= time <= to in order of time, as of the call.
   * @param shownFrom earlier ones are not shown; default: those behind the retention
   */
  ofKey(key: K, from: number, to: number, shownFrom: number = this.earliest): Found<K, H>[] {
    const earliest = Math.max(from, shownFrom, this.#storedFrom)
    const latest = Math.min(to, this.#observed)
    if (earliest > latest) return []
    const recent = (this.#recent ??= this.#makeRecent())
    const id = this.keys.baseId(key)
    const inMemory = recent.between(id, earliest, latest)
    if (inMemory.complete || earliest > this.#sealed) return shown(inMemory.windows)
    recent.complete(id, earliest, this.#storedOf(key, earliest))
    const { windows } = recent.between(id, earliest, latest)
    recent.makeRoom(this.#isUncommitted)
    return shown(windows)
  }

  /** The windows of the keys from <= key <= to (absent: open) in a time, by segment and in it by key. */
  *ofKeys(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    from: number,
    to: number,
    reverse: boolean,
  ): IterableIterator<Found<K, H>> {
    const earliest = Math.max(from, this.earliest)
    const latest = Math.min(to, this.#observed)
    if (earliest > latest) return
    const first = this.keys.segmentOf(earliest)
    const last = this.keys.segmentOf(latest)
    const low = keyFrom === undefined ? undefined : this.keys.baseBytes(keyFrom)
    const high = keyTo === undefined ? undefined : this.keys.baseBytes(keyTo)
    const begin = low === undefined ? segmentStart(first) : this.keys.bound(first, low, 0, false)
    const end = segmentStart(last + 1)
    for (const found of this.scan(begin, end, reverse)) {
      const { time, key } = found[0]
      if (time < earliest || time > latest) continue
      if ((low !== undefined || high !== undefined) && !isBetween(this.keys.baseBytes(key), low, high))
        continue
      yield found
    }
  }

  /** What does not leave with the next commit, behind the retention or not. */
  *allKept(): IterableIterator<WindowKey<K>> {
    const first = this.#firstSegment(this.#observed)
    const end = segmentStart(this.keys.segmentOf(Math.max(0, this.#observed)) + 1)
    for (const [key] of this.scan(segmentStart(first), end)) yield key
  }

  /** `drain`, for who stands in front of these windows. */
  drainWindows(shouldYield: () => boolean, each: (change: DrainedChange<WindowKey<K>, H>) => void): boolean {
    return this.drain(shouldYield, each)
  }

  override count(): number {
    return super.count() - (this.#kept.observed < 0 ? 0 : 1)
  }

  // ---- what LayeredStore tells of keys

  protected override mayBeStored({ time }: WindowKey<K>): boolean {
    return time <= this.#sealed
  }

  protected override becameUncommitted(entry: Entry<WindowKey<K>, H>): void {
    this.#recent?.add(this.keys.baseId(entry.key.key), entry)
  }

  protected override tookBack(entry: Entry<WindowKey<K>, H>): void {
    this.#recent?.remove(this.keys.baseId(entry.key.key), entry)
  }

  protected override becameStored(key: WindowKey<K>): void {
    if (this.#recent === undefined) return
    const from = this.keys.segmentBegin(this.#removedBefore)
    this.#recent.committed(this.keys.baseId(key.key), from, this.#isUncommitted)
  }

  // ---- for the runtime (managed.ts)

  override seal(log: LogUpdate, shouldYield: () => boolean): boolean {
    if (this.#observed > this.#sealed) this.#sealed = this.#observed
    this.#sealedSequence = this.#sequence
    if (this.#unlogged.size === 0) return super.seal(log, shouldYield)
    const some: LogUpdate = (key, value, timestamp) => {
      if (!this.#unlogged.delete(latin1Of(key)) || value !== null) log(key, value, timestamp)
    }
    return super.seal(some, shouldYield)
  }

  /** Behind the updates come the observed time and, segment by segment, what has expired. */
  override takeCommitted(limit: number): readonly StoreEntry[] {
    const entries = super.takeCommitted(limit)
    if (entries.length > 0) return entries
    const kept = this.#keepObserved(this.#sealed, this.#sealedSequence)
    return kept === undefined ? this.#takeExpired(limit) : [kept]
  }

  override written(): void {
    super.written()
    this.#recent?.makeRoom(this.#isUncommitted)
  }

  override forget(): void {
    super.forget()
    this.#unlogged.clear()
    this.#recent?.clear()
    this.#readObserved()
  }

  override restored(batch: FetchedBatch): readonly StoreEntry[] {
    const entries: StoreEntry[] = []
    for (let index = 0; index < batch.count; index++) {
      const logged = batch.keyAt(index)
      if (logged === null) continue
      const entry = this.#restoredEntry(logged, batch.valueAt(index), batch.timestampAt(index))
      if (entry !== undefined) entries.push(entry)
    }
    this.#sealed = this.#observed
    this.#sealedSequence = this.#sequence
    const kept = this.#keepObserved(this.#observed, this.#sequence)
    if (kept !== undefined) entries.push(kept)
    this.#recent?.clear()
    // A stand-by never commits: without this it would keep every window there ever was.
    entries.push(...this.#takeExpired(batch.count + 1))
    return entries
  }

  // ---- reading

  #makeRecent(): RecentWindows<K, H> {
    const recent = new RecentWindows<K, H>(this.#cacheBytes)
    for (const entry of this.uncommitted()) recent.add(this.keys.baseId(entry.key.key), entry)
    return recent
  }

  /**
   * Nothing before it is in the storage, or it is on its way out. After a restart nothing was removed yet: a single record of
   * time 0 would otherwise look into each of the millions of segments since.
   */
  get #storedFrom(): number {
    return this.keys.segmentBegin(Math.max(this.#removedBefore, this.#firstSegment(this.#sealed)))
  }

  /** What the storage has of one key; segments are few, since no time lies before retention or behind the last seal. */
  #storedOf(key: K, earliest: number): Entry<WindowKey<K>, H>[] {
    const { keys } = this
    const base = keys.baseBytes(key)
    const length = keys.lengthOf(base.length)
    const found: Entry<WindowKey<K>, H>[] = []
    const last = keys.segmentOf(this.#sealed)
    for (let segment = keys.segmentOf(earliest); segment <= last; segment++) {
      const from = keys.bound(segment, base, earliest, false)
      const to = keys.bound(segment, base, Number.MAX_SAFE_INTEGER, true)
      for (const [stored, value] of this.storage.range(from, to)) {
        if (stored.length !== length) continue
        const window = { key, time: keys.timeOf(stored), minor: keys.minorOf(stored) }
        const entry = new Entry<WindowKey<K>, H>('', window, this.read(value))
        entry.bytes = ENTRY_BYTES + value.length
        found.push(entry)
      }
    }
    return found
  }

  // ---- observed time and expiry

  #firstSegment(observed: number): number {
    return this.keys.segmentOf(Math.max(0, observed - this.#retentionMs))
  }

  #readObserved(): void {
    const row = this.storage.get(OBSERVED)
    const kept =
      row === undefined
        ? { observed: -1, sequence: 0 }
        : { observed: readLong(row, 0), sequence: readLong(row, 8) }
    this.#kept = kept
    this.#observed = kept.observed
    this.#sealed = kept.observed
    this.#sequence = kept.sequence
    this.#sealedSequence = kept.sequence
    this.#removedBefore = 0
  }

  /** The row of observed time, when the storage's is another one. */
  #keepObserved(observed: number, sequence: number): StoreEntry | undefined {
    if (observed === this.#kept.observed && sequence === this.#kept.sequence) return undefined
    this.#kept = { observed, sequence }
    const value = Buffer.allocUnsafe(16)
    writeLong(value, observed, 0)
    writeLong(value, sequence, 8)
    return { store: this.name, key: OBSERVED, value }
  }

  /** Deletions of up to `limit` entries of expired segments. */
  #takeExpired(limit: number): readonly StoreEntry[] {
    const first = this.#firstSegment(this.#sealed)
    if (first <= this.#removedBefore) return []
    const entries: StoreEntry[] = []
    const expired = this.storage.range(undefined, segmentStart(first))
    for (const [key] of expired) {
      entries.push({ store: this.name, key, value: null })
      if (entries.length === limit) {
        expired.return?.()
        return entries
      }
    }
    this.#removedBefore = first
    return entries
  }

  /** @returns undefined for what has expired already: it need not reach the storage */
  #restoredEntry(logged: Bytes, value: Bytes | null, timestamp: number): StoreEntry | undefined {
    const { keys } = this
    const key = keys.restored(logged)
    if (key === undefined) return undefined
    const time = keys.timeOf(key)
    if (time > this.#observed) this.#observed = time
    if (this.#duplicates) this.#sequence = Math.max(this.#sequence, keys.minorOf(key))
    if (keys.segmentOf(time) < this.#firstSegment(this.#observed)) return undefined
    const stored = value !== null && this.#timestamped ? withTimestamp(timestamp, value) : value
    return { store: this.name, key, value: stored }
  }
}

/** Copies, since an entry may be updated while somebody walks over them. */
function shown<K, H>(windows: readonly Entry<WindowKey<K>, H>[]): Found<K, H>[] {
  const found: Found<K, H>[] = []
  for (const { key, held } of windows) if (held !== undefined) found.push([key, held])
  return found
}

function isBetween(key: Bytes, low: Bytes | undefined, high: Bytes | undefined): boolean {
  return (
    (low === undefined || Buffer.compare(key, low) >= 0) &&
    (high === undefined || Buffer.compare(key, high) <= 0)
  )
}

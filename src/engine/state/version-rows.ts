/**
 * The machine under versioned stores: rows of latest and past versions over `LayeredStore`. Each put is one changelog record of
 * its own, whatever rows it changes, so rows are never logged; a restore puts the records again.
 *
 * The rows of one generation hang together: when they take more than one write, a mark stands in the storage meanwhile, and a
 * storage found with it is rebuilt from the changelog.
 */
import type { Bytes, FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { OrderedStore, StoreEntry, TaskStorage } from '../../core/store.ts'
import type { FetchedBatch } from '../../core/broker.ts'
import { LayeredStore } from './layered-store.ts'
import type { LogUpdate } from './managed.ts'
import type { StateOptions } from './options.ts'
import type { StateSpec } from './spec.ts'
import { putVersion } from './put-version.ts'
import { VersionKeys, loggedVersion, storedVersion, versionCodec } from './version-keys.ts'
import type { Version, VersionKey } from './version-keys.ts'
import { readLong, writeLong } from './window-keys.ts'

const OBSERVED = Buffer.of(0xff)
const TORN = Buffer.of(0xfe)
/** Puts logged between two looks at the clock. */
const STEP = 32
/** Rows of a restored batch that are surely written in one step. */
const ONE_WRITE = 500
/** Expired rows removed with a batch of a restore. */
const RESTORED_EXPIRY = 1_000

interface LoggedPut {
  readonly key: Bytes
  readonly value: Bytes | null
  readonly validFrom: number
}

/** Whether a crash fell between two writes of one generation. */
export function isTorn(storage: OrderedStore): boolean {
  return storage.get(TORN) !== undefined
}

export class VersionRows<K, V> extends LayeredStore<VersionKey<K>, Version<V>> {
  readonly keys: VersionKeys<K>
  readonly retentionMs: number
  /** The latest time ever put; -1 before the first. */
  observed = -1
  #puts: LoggedPut[] = []
  #logged = 0
  #sealed = -1
  #kept = -1
  #removedBefore = 0
  #torn = false
  /** Rows of a restore are sealed but not yet known to be written. */
  #restoring = false

  constructor(spec: StateSpec, storage: TaskStorage, options: StateOptions) {
    const retentionMs = spec.retentionMs ?? Number.MAX_SAFE_INTEGER
    const keys = new VersionKeys<K>(spec.key as Serde<K>, retentionMs)
    super(spec, versionCodec(spec.value as Serde<V>), storage, options, keys)
    this.keys = keys
    this.retentionMs = retentionMs
    this.#readObserved()
  }

  override get dirtyBytes(): number {
    return super.dirtyBytes + 100 * this.#puts.length
  }

  latest(key: K): Version<V> | undefined {
    return this.get({ kind: 'latest', key, time: 0 })
  }

  /** Past versions and deletions of a key with time >= from, by time; a deletion behind the value it ended. */
  *past(key: K, from: number): IterableIterator<[VersionKey<K>, Version<V>]> {
    const { keys } = this
    const last = keys.segmentOf(this.observed)
    const live = Math.max(from, this.observed - this.retentionMs)
    for (let segment = Math.max(0, keys.segmentOf(live)); segment <= last; segment++) {
      const [low, high] = keys.pastBounds(segment, key, from)
      for (const row of this.scan(low, high, false)) if (keys.isSame(row[0].key, key)) yield row
    }
  }

  /**
   * Puts a version and notes its changelog record.
   * @returns until when it is true; undefined: it is the latest; `rejected`: too old for the history
   * @throws SLUICE_SERIALIZE
   */
  put(
    key: K,
    value: V | undefined,
    validFrom: number,
    record: FlowRecord | undefined,
  ): number | undefined | 'rejected' {
    const stored = this.serialized({ value, validFrom }, record)
    const logged = this.serializedKey({ kind: 'latest', key, time: 0 }).subarray(this.keys.prefix)
    // Kafka Streams logs what it rejects, too; a restore rejects it again.
    this.#puts.push({ key: logged, value: loggedVersion(stored), validFrom })
    if (validFrom < this.observed - this.retentionMs) return 'rejected'
    return this.#put(key, { value, validFrom, stored })
  }

  set(kind: VersionKey<K>['kind'], key: K, time: number, version: Version<V> | undefined): void {
    this.update({ kind, key, time }, version, version?.validFrom, undefined, undefined)
  }

  // ---- for the runtime (managed.ts)

  override seal(log: LogUpdate, shouldYield: () => boolean): boolean {
    this.#endRestored()
    while (this.#logged < this.#puts.length) {
      const { key, value, validFrom } = this.#puts[this.#logged++]!
      log(key, value, validFrom)
      if (this.#logged % STEP === 0 && shouldYield()) return false
    }
    this.#sealed = this.observed
    if (!super.seal(NOT_LOGGED, shouldYield)) return false
    this.#puts = []
    this.#logged = 0
    return true
  }

  override takeCommitted(limit: number): readonly StoreEntry[] {
    const entries = super.takeCommitted(limit)
    if (entries.length === limit && !this.#torn) {
      this.#torn = true
      return [this.#row(TORN, 1), ...entries]
    }
    return entries.length > 0 ? entries : this.#takeRest(limit)
  }

  override forget(): void {
    super.forget()
    this.#puts = []
    this.#logged = 0
    this.#torn = false
    this.#restoring = false
    this.#readObserved()
  }

  /** Puts the records again; the rows count as sealed until the next batch or seal, by when they have been written. */
  restored(batch: FetchedBatch): readonly StoreEntry[] {
    this.#endRestored()
    for (let index = 0; index < batch.count; index++) {
      const key = batch.keyAt(index)
      const validFrom = batch.timestampAt(index)
      if (key === null || validFrom < this.observed - this.retentionMs) continue
      this.#put(this.keys.logged(key), this.read(storedVersion(batch.valueAt(index), validFrom)))
    }
    super.seal(NOT_LOGGED, () => false)
    this.#sealed = this.observed
    this.#restoring = true
    const entries = [...super.takeCommitted(Infinity)]
    for (
      let rest = this.#takeRest(RESTORED_EXPIRY);
      rest.length > 0;
      rest = this.#takeExpired(RESTORED_EXPIRY)
    ) {
      entries.push(...rest)
      if (entries.length > RESTORED_EXPIRY) break
    }
    if (entries.length < ONE_WRITE) return entries
    return [this.#row(TORN, 1), ...entries, { store: this.name, key: TORN, value: null }]
  }

  #put(key: K, version: Version<V>): number | undefined {
    const before = this.observed
    if (version.validFrom > before) this.observed = version.validFrom
    return putVersion(this, key, version, version.validFrom > before)
  }

  #endRestored(): void {
    if (this.#restoring) super.written()
    this.#restoring = false
  }

  // ---- observed time and expiry

  #readObserved(): void {
    const row = this.storage.get(OBSERVED)
    this.observed = row === undefined ? -1 : readLong(row, 0)
    this.#sealed = this.observed
    this.#kept = this.observed
    this.#removedBefore = 0
  }

  #takeRest(limit: number): readonly StoreEntry[] {
    const entries: StoreEntry[] = []
    if (this.#torn) entries.push({ store: this.name, key: TORN, value: null })
    if (this.#kept !== this.#sealed) entries.push(this.#row(OBSERVED, this.#sealed))
    this.#torn = false
    this.#kept = this.#sealed
    return entries.length > 0 ? entries : this.#takeExpired(limit)
  }

  #row(key: Bytes, value: number): StoreEntry {
    const bytes = Buffer.allocUnsafe(8)
    writeLong(bytes, value, 0)
    return { store: this.name, key, value: bytes }
  }

  #takeExpired(limit: number): readonly StoreEntry[] {
    const first = this.keys.segmentOf(Math.max(0, this.#sealed - this.retentionMs))
    if (first <= this.#removedBefore) return []
    const entries: StoreEntry[] = []
    const expired = this.storage.range(...this.keys.expiredBounds(first))
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
}

/** Rows are made anew from the puts. */
function NOT_LOGGED(): void {}

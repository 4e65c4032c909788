/**
 * The machine under every typed store: a write-back cache of objects over the sealed generation over the storage.
 * `get` of a cached key is one Map look-up; nothing is serialised before `seal`. An object that was never committed must
 * not survive `forget`.
 */
import type { FetchedBatch } from '../../core/broker.ts'
import type { Bytes, FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { OrderedStore, StoreEntry, TaskStorage } from '../../core/store.ts'
import { sluiceError } from '../../core/errors.ts'
import { OrderedMap, latin1Of } from '../../core/ordered-map.ts'
import type { StateSpec } from './spec.ts'
import type { HeldCodec } from './codec.ts'
import { ChangedEntries, CleanEntries, Entry, changeOf } from './entry.ts'
import type { DrainedChange } from './entry.ts'
import type { LogUpdate, ManagedStore } from './managed.ts'
import { BEYOND_BYTES, boundText, mergedRange, startingWith } from './overlay.ts'
import type { StateOptions } from './options.ts'
import type { Overlaid } from './overlay.ts'
import { SealedGeneration } from './sealed.ts'
import { StoreSerializer, writtenBy } from './serializer.ts'
import { KeyIds } from './stored-keys.ts'
import type { StoredKeys } from './stored-keys.ts'

/** Estimated bytes an entry costs beside its key and value. */
const ENTRY_BYTES = 200
/** Entries sealed or drained between two looks at the clock. */
const STEP = 32

export abstract class LayeredStore<K, H> implements ManagedStore {
  readonly name: string
  readonly #serializer: StoreSerializer<K, H>
  protected readonly storage: OrderedStore
  readonly #current: (() => FlowRecord | undefined) | undefined
  readonly #maxEntries: number
  readonly #maxBytes: number
  #track: boolean
  #keepOld: boolean
  /** Text keys are their own ids: no serialisation on the hot path. */
  readonly #textKeys: boolean
  readonly #keys: KeyIds<K>

  #entries = new Map<string, Entry<K, H>>()
  readonly #clean = new CleanEntries<K, H>()
  readonly #changes = new ChangedEntries<K, H>()
  readonly #sealed = new SealedGeneration<K>()
  #dirty: Entry<K, H>[] = []
  #dirtyBytes = 0
  #sealAt = 0
  /** Uncommitted keys in byte order; made by the first range after a commit, kept up to date until the next. */
  #overlay: OrderedMap<Overlaid<K, H>> | undefined
  /** Id of the last key found nowhere: a get that is followed by a put (every aggregate) then reads the storage once. */
  #missed: string | undefined

  constructor(
    spec: StateSpec,
    codec: HeldCodec<H>,
    storage: TaskStorage,
    options: StateOptions,
    keys?: StoredKeys<K>,
  ) {
    this.name = spec.name
    this.#serializer = new StoreSerializer(
      spec.name,
      options.node ?? `store ${spec.name}`,
      keys?.serde ?? (spec.key as Serde<K>),
      codec,
      options.freeze ?? false,
    )
    this.storage = storage.store(spec.name)
    this.#current = options.current
    this.#maxEntries = options.maxCacheEntries ?? 100_000
    this.#maxBytes = options.maxCacheBytes ?? 16 * 1024 * 1024
    this.#track = options.trackChanges ?? false
    this.#keepOld = this.#track && (options.keepOld ?? false)
    this.#textKeys = keys === undefined && spec.key.format === 'string'
    this.#keys = new KeyIds(spec, keys, this.#serializer, options.current)
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes
  }

  // ---- for operators and users (key-value.ts)

  get(key: K, keyBytes?: Bytes | null): H | undefined {
    const entry = this.#entries.get(this.#textKeys ? (key as string) : this.#keys.id(key, keyBytes))
    if (entry === undefined) return this.#load(key, keyBytes)?.held
    if (!entry.dirty && !entry.changed) this.#clean.touch(entry)
    return entry.held
  }

  trackChanges(options: { readonly keepOld?: boolean } = {}): void {
    this.#track = true
    this.#keepOld ||= options.keepOld ?? false
  }

  delete(key: K, record?: FlowRecord, keyBytes?: Bytes | null): void {
    this.update(key, undefined, undefined, record, keyBytes)
  }

  range(from?: K, to?: K): IterableIterator<[K, H]> {
    return this.scan(this.#bound(from), this.#bound(to))
  }

  reverseRange(from?: K, to?: K): IterableIterator<[K, H]> {
    return this.scan(this.#bound(from), this.#bound(to), true)
  }

  all(): IterableIterator<[K, H]> {
    return this.scan(undefined, undefined)
  }

  prefix(start: Bytes | string): IterableIterator<[K, H]> {
    const bytes = encodedBytes(start)
    const text = latin1Of(bytes)
    const stored = startingWith(this.storage.range(bytes, undefined), bytes)
    const above = this.#freshOverlay()?.range(text, text + BEYOND_BYTES)
    return mergedRange(stored, above, false, this.#serializer)
  }

  scan(from: Bytes | undefined, to: Bytes | undefined, reverse: boolean = false): IterableIterator<[K, H]> {
    const above = this.#freshOverlay()?.range(boundText(from), boundText(to), reverse)
    return mergedRange(this.storage.range(from, to, reverse), above, reverse, this.#serializer)
  }

  /** Sets or (undefined) deletes a key. */
  protected update(
    key: K,
    held: H | undefined,
    timestamp: number | undefined,
    record: FlowRecord | undefined,
    keyBytes: Bytes | null | undefined,
  ): void {
    const writer = record ?? this.#current?.()
    const entry = this.#entryToUpdate(key, keyBytes)
    if (this.#track) this.#changes.add(entry, this.#keepOld ? entry.held : undefined)
    entry.held = held === undefined ? undefined : this.#serializer.own(held)
    entry.timestamp = timestamp ?? writer?.timestamp ?? 0
    entry.record = writer
    if (keyBytes !== undefined && keyBytes !== null) entry.keyBytes = keyBytes
    this.#countDirty(entry)
    this.#overlay?.set(latin1Of(this.#keyBytesOf(entry)), { key: entry.key, held: entry.held })
  }

  /** Walks over the changes since the last drain; each is forgotten before `each` is called, which may update the store. */
  protected drain(shouldYield: () => boolean, each: (entry: DrainedChange<K, H>) => void): boolean {
    for (let step = 1; ; step++) {
      const entry = this.#changes.first
      if (entry === undefined) return true
      const change = changeOf(entry)
      this.#changes.remove(entry)
      if (!entry.dirty) this.#settle(entry)
      each(change)
      if (step % STEP === 0 && this.#changes.first !== undefined && shouldYield()) return false
    }
  }

  /** Exact, with one storage read per uncommitted key. */
  count(): number {
    let count = this.storage.count()
    const adjust = (bytes: Bytes, present: boolean): void => {
      const stored = this.storage.get(bytes) !== undefined
      if (stored !== present) count += present ? 1 : -1
    }
    for (const sealed of this.#sealed.all()) {
      if (this.#entries.get(sealed.id)?.dirty !== true) adjust(sealed.key, sealed.value !== null)
    }
    for (const entry of this.#dirty)
      if (entry.dirty) adjust(this.#keyBytesOf(entry), entry.held !== undefined)
    return count
  }

  /** False spares the storage a look-up. */
  protected mayBeStored(_key: K): boolean {
    return true
  }

  /** Told when a key is updated that was not since the last seal. */
  protected becameUncommitted(_entry: Entry<K, H>): void {}

  /** Told when an update could not be serialised and was undone. */
  protected tookBack(_entry: Entry<K, H>): void {}

  /** Told of each sealed key that the storage has now. */
  protected becameStored(_key: K): void {}

  /** @throws SLUICE_STORE_READ */
  protected read(stored: Bytes): H {
    return this.#serializer.held(stored)
  }

  /** @throws SLUICE_SERIALIZE */
  protected serialized(held: H, record: FlowRecord | undefined): Bytes {
    return this.#serializer.stored(held, record ?? this.#current?.())
  }

  /** @throws SLUICE_SERIALIZE */
  protected serializedKey(key: K): Bytes {
    return this.#keys.bytes(key)
  }

  /** What the storage does not have yet; of the same key the last one counts. */
  protected *uncommitted(): IterableIterator<Entry<K, H>> {
    for (const { id, typedKey, value } of this.#sealed.all()) {
      const held = value === null ? undefined : this.read(value)
      yield this.#entries.get(id) ?? new Entry(id, typedKey, held)
    }
    for (const entry of this.#dirty) if (entry.dirty) yield entry
  }

  /** Whether the storage does not have this update yet. */
  protected isUncommitted(entry: Entry<K, H>): boolean {
    return entry.dirty || this.#sealed.get(entry.id) !== undefined
  }

  // ---- for the runtime (managed.ts)

  seal(log: LogUpdate, shouldYield: () => boolean): boolean {
    if (this.#sealAt === 0 && this.#dirty.length > 0 && this.#sealed.size > 0) {
      const problem = 'a generation is sealed before the last one was written'
      throw sluiceError('SLUICE_INTERNAL', { place: `store ${this.name}`, problem })
    }
    while (this.#sealAt < this.#dirty.length) {
      const entry = this.#dirty[this.#sealAt++]!
      this.#sealEntry(entry, log)
      if (this.#sealAt % STEP === 0 && this.#sealAt < this.#dirty.length && shouldYield()) return false
    }
    this.#dirty = []
    this.#sealAt = 0
    this.#dirtyBytes = 0
    this.#evict()
    return true
  }

  takeCommitted(limit: number): readonly StoreEntry[] {
    return this.#sealed.take(limit)
  }

  written(): void {
    this.#sealed.written((sealed) => this.becameStored(sealed.typedKey))
    this.#overlay = undefined
    this.#missed = undefined
  }

  forget(): void {
    this.#entries = new Map()
    this.#clean.clear()
    this.#changes.clear()
    this.#sealed.clear()
    this.#dirty = []
    this.#dirtyBytes = 0
    this.#sealAt = 0
    this.#overlay = undefined
    this.#missed = undefined
  }

  abstract restored(batch: FetchedBatch): readonly StoreEntry[]

  // ---- reading

  /** Looks below the cache and caches what it finds. */
  #load(key: K, keyBytes: Bytes | null | undefined): Entry<K, H> | undefined {
    if (this.#textKeys && !(key as string).isWellFormed()) return this.#loadWellFormed(key)
    const id = this.#keys.id(key, keyBytes)
    const sealed = this.#sealed.get(id)
    const stored = sealed === undefined ? this.#stored(id, key, keyBytes) : (sealed.value ?? undefined)
    if (stored === undefined) {
      this.#missed = id
      return undefined
    }
    const entry = new Entry(id, key, this.#serializer.held(stored))
    entry.bytes = ENTRY_BYTES + id.length + stored.length
    this.#entries.set(id, entry)
    this.#clean.add(entry)
    this.#evict()
    return entry
  }

  #stored(id: string, key: K, keyBytes: Bytes | null | undefined): Bytes | undefined {
    return this.mayBeStored(key) ? this.storage.get(keyBytes ?? this.#keys.bytesOf(id, key)) : undefined
  }

  /** Text with lone surrogates is written as U+FFFD, so it is the same key as the text with those. */
  #loadWellFormed(key: K): Entry<K, H> | undefined {
    const text = (key as string).toWellFormed()
    return this.#entries.get(text) ?? this.#load(text as K, undefined)
  }

  #bound(key: K | undefined): Bytes | undefined {
    return key === undefined ? undefined : this.#keys.bytes(key)
  }

  #keyBytesOf(entry: Entry<K, H>): Bytes {
    entry.keyBytes ??= this.#keys.bytesOf(entry.id, entry.key, entry.record)
    return entry.keyBytes
  }

  /** The uncommitted keys in order; undefined when there are none. */
  #freshOverlay(): OrderedMap<Overlaid<K, H>> | undefined {
    if (this.#dirty.length === 0 && this.#sealed.size === 0) return undefined
    this.#overlay ??= this.#makeOverlay()
    return this.#overlay
  }

  #makeOverlay(): OrderedMap<Overlaid<K, H>> {
    const overlay = new OrderedMap<Overlaid<K, H>>()
    for (const { key, typedKey, value } of this.#sealed.all()) {
      overlay.set(latin1Of(key), { key: typedKey, held: undefined, stored: value })
    }
    for (const entry of this.#dirty) {
      if (entry.dirty) overlay.set(latin1Of(this.#keyBytesOf(entry)), { key: entry.key, held: entry.held })
    }
    return overlay
  }

  // ---- writing

  #entryToUpdate(key: K, keyBytes: Bytes | null | undefined): Entry<K, H> {
    const id = this.#keys.id(key, keyBytes)
    const known = this.#entries.get(id)
    if (known !== undefined) {
      if (!known.dirty && !known.changed) this.#clean.remove(known)
      return known
    }
    if (this.#textKeys && !id.isWellFormed()) return this.#entryToUpdate(id.toWellFormed() as K, undefined)
    if (this.#keepOld && id !== this.#missed) {
      const loaded = this.#load(key, keyBytes)
      if (loaded !== undefined) {
        // A cache with no room drops what it loaded at once: the update makes it a member again.
        if (this.#entries.get(id) === loaded) this.#clean.remove(loaded)
        else this.#entries.set(id, loaded)
        return loaded
      }
    }
    this.#missed = undefined
    const entry = new Entry<K, H>(id, key, undefined)
    this.#entries.set(id, entry)
    return entry
  }

  #countDirty(entry: Entry<K, H>): void {
    const { held } = entry
    const size = held === undefined ? 0 : this.#serializer.estimate(held)
    const bytes = ENTRY_BYTES + entry.id.length + size
    const wasDirty = entry.dirty
    this.#dirtyBytes += wasDirty ? bytes - entry.bytes : bytes
    entry.dirty = true
    entry.bytes = bytes
    if (wasDirty) return
    this.#dirty.push(entry)
    this.becameUncommitted(entry)
  }

  /** Serialises and logs one update; on failure the key shows its committed value again. */
  #sealEntry(entry: Entry<K, H>, log: LogUpdate): void {
    const serializer = this.#serializer
    try {
      const key = this.#keyBytesOf(entry)
      const value = entry.held === undefined ? null : serializer.stored(entry.held, entry.record)
      const logged = value === null ? null : serializer.logged(value)
      log(this.#keys.logged(key), logged, entry.timestamp, entry.record)
      this.#sealed.add(this.name, entry.id, entry.key, key, value)
      entry.bytes = ENTRY_BYTES + key.length + (value?.length ?? 0)
    } catch (error) {
      this.#takeBack(entry)
      throw writtenBy(error, this.name, entry.record)
    }
    entry.dirty = false
    if (!entry.changed) this.#settle(entry)
  }

  /** An entry that is neither dirty nor changed lets go of its record and becomes evictable; a deleted one leaves. */
  #settle(entry: Entry<K, H>): void {
    entry.record = undefined
    entry.keyBytes = undefined
    if (entry.held === undefined || this.#keys.askedOnce) this.#entries.delete(entry.id)
    else this.#clean.add(entry)
  }

  #takeBack(entry: Entry<K, H>): void {
    if (entry.changed) this.#changes.remove(entry)
    entry.dirty = false
    this.#entries.delete(entry.id)
    this.tookBack(entry)
    this.#overlay = undefined
    this.#missed = undefined
  }

  #evict(): void {
    const clean = this.#clean
    while (clean.count > this.#maxEntries || clean.bytes > this.#maxBytes) {
      const oldest = clean.oldest!
      clean.remove(oldest)
      this.#entries.delete(oldest.id)
    }
  }
}

/**
 * All stores of one task over one storage, with what proves that the storage belongs to this cluster, these changelogs
 * and this boot of the machine. What cannot be proved is wiped and restored from the changelogs, with one log line.
 */
import type { Logger } from '../../core/log.ts'
import type { StoreBackend, StoreEntry, TaskStorage } from '../../core/store.ts'
import { isSluiceError, sluiceError } from '../../core/errors.ts'
import type { TaskStoreSpec } from './spec.ts'
import { createKeyValueStore, createTimestampedStore } from './key-value.ts'
import { createLruStore } from './lru-store.ts'
import type { ManagedStore } from './managed.ts'
import type { StateOptions } from './options.ts'
import { createSessionStore } from './session-store.ts'
import { isTorn } from './version-rows.ts'
import { createVersionedStore } from './version-store.ts'
import { createTimestampedWindowStore, createWindowStore } from './window-store.ts'

export interface TaskStateOptions {
  readonly backend: StoreBackend
  /** Absolute path `<stateDir>/<application>/<task>`. */
  readonly folder: string
  /** Name of the task, for log lines. */
  readonly task: string
  readonly stores: readonly TaskStoreSpec[]
  readonly clusterId: string
  /** Ids of topics by name; changelogs among them. */
  readonly topicIds: ReadonlyMap<string, string>
  /** `Disk.bootId()`. */
  readonly bootId: string
  /** `Disk.remove`: wipes by removing the folder, which also cures a storage that can't be opened. Absent: content is cleared. */
  readonly removeFolder?: (path: string) => Promise<void>
  /** Cached objects per store. Default 100,000. */
  readonly cacheEntries?: number
  /** Estimated bytes of cached objects per store. Default 16 MiB. */
  readonly cacheBytes?: number
  /** Freezes values deeply (tests, development). Default false. */
  readonly freeze?: boolean
  /** The record being processed, for updates made without one. */
  readonly current?: StateOptions['current']
  /** Told of each put that was dropped since it is past retention. */
  readonly expired?: StateOptions['expired']
  readonly log: Logger
}

export interface TaskState {
  /** By name; each is also the typed store of its kind (key-value.ts). */
  readonly stores: ReadonlyMap<string, ManagedStore>
  /**
   * The same store as `stores` has, but showing only what was committed and written: for queries. Of the store's own kind, to be
   * read only, and made anew for each query.
   * @throws SLUICE_INTERNAL for a name the task does not have
   */
  committed<S>(store: string): S
  /** Changelog position up to which a store is complete; undefined: restore it from the start of its changelog. */
  position(store: string): number | undefined
  /** Writes entries of any of the stores, atomically. @throws SLUICE_STORE_WRITE */
  write(entries: readonly StoreEntry[]): void
  /** Changelog positions that the content now stands for: after everything before them was written. */
  writePositions(positions: ReadonlyMap<string, number>): void
  /** Empties a store and forgets its position and objects; logs `reason`. */
  wipe(store: string, reason: string): void
  /** Everything committed has been written and nothing will be written any more. Survives the process, not a power cut. */
  markClean(): void
  /** `markClean` that also survives a power cut, so that a reboot does not cost a restore; then closes. */
  closeClean(): Promise<void>
  close(): void
}

const META = { cluster: 'cluster', boot: 'boot', clean: 'clean' } as const
/** `synced` is said only of content that was synced to disk before and after. */
const CLEAN = { no: 'no', yes: 'yes', synced: 'synced' } as const
const DELETES_PER_WRITE = 512

/** Opens the storage of a task, checks whose it is, and puts typed stores over it. @throws SLUICE_STORE_OPEN, SLUICE_STORE_WRITE */
export async function openTaskState(options: TaskStateOptions): Promise<TaskState> {
  let storage = await openStorage(options)
  try {
    const reason = distrust(storage, options)
    if (reason !== undefined) storage = await wiped(storage, options, reason)
    for (const store of options.stores) checkStore(storage, store, options)
    const wasSynced = storage.meta(META.clean) === CLEAN.synced
    storage.write({ entries: [], meta: ownership(options) })
    // The mark must be gone from the disk before anything else is written: a power cut might keep later writes and lose this one.
    if (wasSynced) await storage.sync?.()
    return new OpenTaskState(storage, options)
  } catch (error) {
    storage.close()
    throw error
  }
}

function openStorage(options: TaskStateOptions): Promise<TaskStorage> {
  const { backend, folder, stores, removeFolder } = options
  const names = stores.map((store) => store.name)
  return backend.open(folder, names).catch(async (error: unknown) => {
    if (removeFolder === undefined || !isSluiceError(error, 'SLUICE_STORE_OPEN')) throw error
    logWipe(options, `it cannot be opened: ${error.message}`)
    await removeFolder(folder)
    return backend.open(folder, names)
  })
}

/** Why nothing in the storage can be trusted, or undefined. */
function distrust(storage: TaskStorage, options: TaskStateOptions): string | undefined {
  const cluster = storage.meta(META.cluster)
  if (cluster === undefined) return undefined
  if (cluster !== options.clusterId) return `it belongs to cluster ${cluster}, this is ${options.clusterId}`
  const volatile = options.backend.persistent && options.backend.durable !== true
  const rebooted = storage.meta(META.boot) !== options.bootId
  if (volatile && rebooted && storage.meta(META.clean) !== CLEAN.synced) {
    return 'the machine was restarted before everything written had reached the disk'
  }
  return undefined
}

async function wiped(storage: TaskStorage, options: TaskStateOptions, reason: string): Promise<TaskStorage> {
  logWipe(options, reason)
  if (options.removeFolder === undefined) {
    storage.clear()
    return storage
  }
  storage.close()
  await options.removeFolder(options.folder)
  return options.backend.open(
    options.folder,
    options.stores.map((store) => store.name),
  )
}

/** Empties a store whose changelog is another one, or that has none and may have been written by halves. */
function checkStore(storage: TaskStorage, store: TaskStoreSpec, options: TaskStateOptions): void {
  const reason = distrustStore(storage, store, options)
  if (reason === undefined) return
  if (storage.store(store.name).count() > 0) logWipe(options, reason, store.name)
  empty(storage, store.name)
}

function distrustStore(
  storage: TaskStorage,
  store: TaskStoreSpec,
  options: TaskStateOptions,
): string | undefined {
  if (store.changelogTopic === undefined) {
    const clean = storage.meta(META.clean)
    const unclean = clean === undefined || clean === CLEAN.no
    return unclean ? 'it has no changelog and the last run ended without closing it' : undefined
  }
  if (positionOf(storage, store.name) === undefined) return 'its restore was never completed'
  if ((storage.meta(layoutMeta(store.name)) ?? '') !== layoutOf(store)) {
    return 'it was laid out for another kind or retention'
  }
  if (store.kind === 'versioned' && isTorn(storage.store(store.name))) return 'its last write was cut short'
  const kept = storage.meta(topicMeta(store.name))
  const topicId = options.topicIds.get(store.changelogTopic) ?? ''
  if (kept === topicId) return undefined
  return `its changelog ${store.changelogTopic} was deleted and made anew (was ${kept}, is ${topicId})`
}

function ownership({ clusterId, bootId, stores, topicIds }: TaskStateOptions): Record<string, string> {
  const meta: Record<string, string> = {
    [META.cluster]: clusterId,
    [META.boot]: bootId,
    [META.clean]: CLEAN.no,
  }
  for (const store of stores) {
    const { name, changelogTopic } = store
    meta[layoutMeta(name)] = layoutOf(store)
    if (changelogTopic !== undefined) meta[topicMeta(name)] = topicIds.get(changelogTopic) ?? ''
  }
  return meta
}

/** What decides how windows and versions lie in the storage; stores of one value a key have no choice. */
function layoutOf({ kind, retentionMs }: TaskStoreSpec): string {
  return kind === 'key-value' || kind === 'timestamped' ? '' : `${kind} ${retentionMs ?? 'unbounded'}`
}

class OpenTaskState implements TaskState {
  readonly stores: ReadonlyMap<string, ManagedStore>
  readonly #storage: TaskStorage
  readonly #options: TaskStateOptions

  constructor(storage: TaskStorage, options: TaskStateOptions) {
    this.#storage = storage
    this.#options = options
    const stateOptions = stateOptionsOf(options)
    this.stores = new Map(
      options.stores.map((store) => [store.name, typedStore(store, storage, stateOptions)]),
    )
  }

  committed<S>(name: string): S {
    const spec = this.#options.stores.find((store) => store.name === name)
    if (spec === undefined)
      throw sluiceError('SLUICE_INTERNAL', { place: 'query', problem: `no store ${name}` })
    // Without a cache it holds nothing of its own: every read goes to the storage, which never has anything uncommitted.
    return typedStore(spec, this.#storage, { maxCacheEntries: 0 }) as S
  }

  position(store: string): number | undefined {
    return positionOf(this.#storage, store)
  }

  write(entries: readonly StoreEntry[]): void {
    if (entries.length > 0) this.#storage.write({ entries })
  }

  writePositions(positions: ReadonlyMap<string, number>): void {
    if (positions.size === 0) return
    const meta: Record<string, string> = {}
    for (const [store, position] of positions) meta[positionMeta(store)] = String(position)
    this.#storage.write({ entries: [], meta })
  }

  wipe(store: string, reason: string): void {
    logWipe(this.#options, reason, store)
    empty(this.#storage, store)
    this.stores.get(store)?.forget()
  }

  markClean(): void {
    this.#storage.write({ entries: [], meta: { [META.clean]: CLEAN.yes } })
  }

  async closeClean(): Promise<void> {
    try {
      await this.#storage.sync?.()
      this.#storage.write({ entries: [], meta: { [META.clean]: CLEAN.synced } })
      await this.#storage.sync?.()
    } finally {
      // Nobody holds it any more: left open, it could never be closed, nor its folder be used again.
      this.close()
    }
  }

  close(): void {
    this.#storage.close()
  }
}

function stateOptionsOf(options: TaskStateOptions): StateOptions {
  return {
    ...(options.cacheEntries === undefined ? {} : { maxCacheEntries: options.cacheEntries }),
    ...(options.cacheBytes === undefined ? {} : { maxCacheBytes: options.cacheBytes }),
    ...(options.freeze === undefined ? {} : { freeze: options.freeze }),
    ...(options.current === undefined ? {} : { current: options.current }),
    ...(options.expired === undefined ? {} : { expired: options.expired }),
  }
}

function typedStore(store: TaskStoreSpec, storage: TaskStorage, options: StateOptions): ManagedStore {
  switch (store.kind) {
    case 'key-value':
      if (store.capacity !== undefined) return createLruStore(store, storage, options)
      return createKeyValueStore(store, storage, options)
    case 'timestamped':
      return createTimestampedStore(store, storage, options)
    case 'window':
      return createWindowStore(store, storage, options)
    case 'timestamped-window':
      return createTimestampedWindowStore(store, storage, options)
    case 'session':
      return createSessionStore(store, storage, options)
    case 'versioned':
      return createVersionedStore(store, storage, options)
  }
}

/** The position goes first: a crash in between then means restoring an empty or half empty store from the start. */
function empty(storage: TaskStorage, store: string): void {
  storage.write({ entries: [], meta: { [positionMeta(store)]: '' } })
  for (;;) {
    const entries: StoreEntry[] = []
    for (const [key] of storage.store(store).range(undefined, undefined)) {
      entries.push({ store, key, value: null })
      if (entries.length === DELETES_PER_WRITE) break
    }
    if (entries.length === 0) return
    storage.write({ entries })
  }
}

function positionOf(storage: TaskStorage, store: string): number | undefined {
  const text = storage.meta(positionMeta(store))
  return text === undefined || text === '' ? undefined : Number(text)
}

function positionMeta(store: string): string {
  return `position:${store}`
}

function layoutMeta(store: string): string {
  return `layout:${store}`
}

function topicMeta(store: string): string {
  return `topic:${store}`
}

function logWipe({ log, task, folder }: TaskStateOptions, reason: string, store?: string): void {
  const what = store === undefined ? 'local state' : `store ${store}`
  log.warn({ task, folder, store }, `${what} of task ${task} is wiped and rebuilt: ${reason}`)
}

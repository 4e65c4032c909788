/**
 * Interactive queries: what the stores of a running application hold, by key, range, window or version. Only what was
 * committed is ever shown, key by key as it reaches the local storage: a query never sees what an abort would take back.
 */
import { sluiceError } from '../../core/errors.ts'
import { partitionOf } from '../../core/partitioner.ts'
import { type TaskId, taskName } from '../../core/record.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { Windowed } from '../../core/windowed.ts'
import type { Timestamped } from '../state/codec.ts'
import type { ReadableStore } from '../state/key-value.ts'
import type { TaskState } from '../state/task-state.ts'
import type { Versioned, VersionedStore } from '../state/versioned-store.ts'
import type { ReadableWindowStore, SessionStore } from '../state/windowed-store.ts'
import type { Plan, PlanStore } from '../topology/plan.ts'

/** One entry of a store. */
export interface QueryEntry<K = unknown, V = unknown> {
  readonly key: K
  readonly value: V
  /** Event time of the last update (tables, aggregates), or from when on a version is valid. Ms since 1970. */
  readonly timestamp?: number
  /** Versions: until when, exclusive; absent for the latest. */
  readonly validTo?: number
  /** Window and session stores; ends as in `Windowed`. */
  readonly window?: { readonly start: number; readonly end: number }
}

export interface QueryOptions {
  /** Also ask stand-bys, which may be a little behind. Default false. */
  readonly stale?: boolean
  /** Only this partition. Default: that of the key, or all that are here. */
  readonly partition?: number
  /**
   * Answer only when the results of this input show: offsets by source partition (`orders-0`), each the next one after the last
   * record that must count. Partitions of other tasks are not looked at; stand-bys do not know. Kafka Streams: PositionBound.
   */
  readonly atLeast?: Readonly<Record<string, number>>
}

export interface RangeOptions<K> extends QueryOptions {
  /** Bounds, both inclusive, in the order of the serialised keys. Default: open. */
  readonly from?: K
  readonly to?: K
  /** Default false. */
  readonly reverse?: boolean
  /** Most entries. Default 1,000. */
  readonly limit?: number
}

export interface TimeOptions extends QueryOptions {
  /** Event times in ms, both inclusive. Default: all. */
  readonly from?: number
  readonly to?: number
  readonly reverse?: boolean
  /** Most entries. Default 1,000. */
  readonly limit?: number
}

export interface StoreInfo {
  readonly name: string
  readonly kind: PlanStore['kind'] | 'global'
  readonly partitions: number
  /** Partitions this instance processes, and those it keeps as stand-by. */
  readonly active: readonly number[]
  readonly standby: readonly number[]
}

/** Where the states are at the moment of a query. */
export interface QueryParts {
  readonly plan: Plan
  readonly counts: ReadonlyMap<string, number>
  readonly held: () => HeldStates
}

/** The state of an active task and the input it shows. */
export interface HeldTask {
  readonly state: TaskState
  readonly visible: ReadonlyMap<string, number>
}

/** The states of one worker; by task name, and the stores of global tables by theirs. */
export interface HeldStates {
  readonly active: ReadonlyMap<string, HeldTask>
  readonly standby: ReadonlyMap<string, TaskState>
  readonly globals: ReadonlyMap<string, unknown>
}

export const NOTHING_HELD: HeldStates = { active: new Map(), standby: new Map(), globals: new Map() }

const DEFAULT_LIMIT = 1_000

const WINDOWED: ReadonlySet<string> = new Set(['window', 'timestamped-window', 'session'])

export class StoreQueries {
  readonly #parts: QueryParts
  readonly #stores: ReadonlyMap<string, PlanStore>

  constructor(parts: QueryParts) {
    this.#parts = parts
    const stores = parts.plan.subtopologies.flatMap((subtopology) => subtopology.stores)
    this.#stores = new Map(
      stores.filter(({ ledgerOf }) => ledgerOf === undefined).map((store) => [store.name, store]),
    )
  }

  /** All stores of the application and where they are. */
  list(): readonly StoreInfo[] {
    const { active, standby, globals: tables } = this.#parts.held()
    const stores = [...this.#stores.values()].map((store) => ({
      name: store.name,
      kind: store.kind,
      partitions: this.#partitions(store),
      active: this.#here(store, active),
      standby: this.#here(store, standby),
    }))
    const globals = this.#parts.plan.globals.map(({ name }) => ({
      name,
      kind: 'global' as const,
      partitions: 1,
      active: tables.has(name) ? [0] : [],
      standby: [],
    }))
    return [...stores, ...globals]
  }

  /**
   * The entry of a key in a store of keys; of versions the latest, or the one of `asOf`.
   * @param options.asOf event time in ms, for versioned stores
   * @throws SLUICE_QUERY_STORE, SLUICE_QUERY_ELSEWHERE, SLUICE_STORE_READ
   */
  get(
    name: string,
    key: unknown,
    options: QueryOptions & { readonly asOf?: number } = {},
  ): QueryEntry | undefined {
    const global = this.#parts.held().globals.get(name)
    if (global !== undefined) return entryOf(key, (global as ReadableStore<unknown, unknown>).get(key), true)
    const spec = this.#spec(name, 'keys', (kind) => !WINDOWED.has(kind))
    const state = this.#stateOf(spec, key, options)
    if (spec.kind !== 'versioned') {
      const held = state.committed<ReadableStore<unknown, unknown>>(name).get(key)
      return entryOf(key, held, spec.kind === 'timestamped')
    }
    const store = state.committed<VersionedStore<unknown, unknown>>(name)
    const version = options.asOf === undefined ? store.get(key) : store.getAsOf(key, options.asOf)
    return version === undefined ? undefined : versionEntry(key, version)
  }

  /** Entries of a store of keys in the order of keys within each partition, partition by partition. @throws as `get` */
  range(name: string, options: RangeOptions<unknown> = {}): readonly QueryEntry[] {
    const { from, to, reverse = false, limit = DEFAULT_LIMIT } = options
    const global = this.#parts.held().globals.get(name)
    if (global !== undefined) return taken(keyEntries(global, from, to, reverse, true), limit)
    const spec = this.#spec(name, 'keys', (kind) => !WINDOWED.has(kind))
    const found: QueryEntry[] = []
    for (const state of this.#states(spec, options)) {
      const entries =
        spec.kind === 'versioned'
          ? versionEntries(state.committed(name), from, to, reverse)
          : keyEntries(state.committed(name), from, to, reverse, spec.kind === 'timestamped')
      found.push(...taken(entries, limit - found.length))
      if (found.length >= limit) break
    }
    return found
  }

  /** The windows or sessions of a key that begin (sessions: overlap) in the time given, by time. @throws as `get` */
  windows(name: string, key: unknown, options: TimeOptions = {}): readonly QueryEntry[] {
    const { from = 0, to = Number.MAX_SAFE_INTEGER, reverse = false, limit = DEFAULT_LIMIT } = options
    const spec = this.#spec(name, 'windows', (kind) => WINDOWED.has(kind))
    const state = this.#stateOf(spec, key, options)
    if (spec.kind === 'session') {
      const sessions = state.committed<SessionStore<unknown, unknown>>(name)
      return taken(windowEntries(sessions.findSessions(key, from, to, reverse), false), limit)
    }
    const store = state.committed<ReadableWindowStore<unknown, unknown>>(name)
    const size = spec.windowSizeMs ?? 0
    const entries = [...store.fetchRange(key, from, to, reverse)].map(
      ([start, held]): [Windowed<unknown>, unknown] => [{ key, start, end: start + size }, held],
    )
    return taken(windowEntries(entries, spec.kind === 'timestamped-window'), limit)
  }

  /** All windows or sessions of all keys here. @throws as `get` */
  allWindows(name: string, options: TimeOptions = {}): readonly QueryEntry[] {
    const { from = 0, to = Number.MAX_SAFE_INTEGER, reverse = false, limit = DEFAULT_LIMIT } = options
    const spec = this.#spec(name, 'windows', (kind) => WINDOWED.has(kind))
    const found: QueryEntry[] = []
    for (const state of this.#states(spec, options)) {
      const windows =
        spec.kind === 'session'
          ? state
              .committed<SessionStore<unknown, unknown>>(name)
              .findSessionsOfKeys(undefined, undefined, from, to, reverse)
          : state
              .committed<ReadableWindowStore<unknown, unknown>>(name)
              .fetchKeys(undefined, undefined, from, to, reverse)
      found.push(...taken(windowEntries(windows, spec.kind === 'timestamped-window'), limit - found.length))
      if (found.length >= limit) break
    }
    return found
  }

  /** The versions of a key, the latest first unless `reverse`. @throws as `get` */
  history(name: string, key: unknown, options: TimeOptions = {}): readonly QueryEntry[] {
    const { from = 0, to = Number.MAX_SAFE_INTEGER, reverse = false, limit = DEFAULT_LIMIT } = options
    const spec = this.#spec(name, 'versions', (kind) => kind === 'versioned')
    const store = this.#stateOf(spec, key, options).committed<VersionedStore<unknown, unknown>>(name)
    const versions = [...store.history(key, from, to, reverse)].map((version) => versionEntry(key, version))
    return taken(versions, limit)
  }

  /** The task that has a key: of the default partitioner. @throws SLUICE_QUERY_STORE */
  placeOf(name: string, key: unknown): TaskId {
    const spec = this.#spec(name, 'any kind', () => true)
    const partition = partitionOf(encodedBytes(spec.key.serialize(key)), this.#partitions(spec))
    return { subtopology: spec.subtopology, partition }
  }

  /** @throws SLUICE_QUERY_STORE */
  #spec(name: string, wanted: string, fits: (kind: PlanStore['kind']) => boolean): PlanStore {
    const store = this.#stores.get(name)
    if (store !== undefined && fits(store.kind)) return store
    const problem =
      store === undefined ? 'there is no such store' : `it is ${store.kind}, not one of ${wanted}`
    const stores = this.list().map((info) => `${info.name} (${info.kind})`)
    throw sluiceError('SLUICE_QUERY_STORE', { store: name, problem, stores: stores.join(', ') || 'none' })
  }

  #stateOf(spec: PlanStore, key: unknown, options: QueryOptions): TaskState {
    const partition = options.partition ?? this.placeOf(spec.name, key).partition
    const [state] = this.#states(spec, { ...options, partition })
    return state!
  }

  /** States of the partitions asked for. @throws SLUICE_QUERY_ELSEWHERE when none, or not the one asked for, is here; SLUICE_QUERY_BEHIND */
  #states(spec: PlanStore, { partition, stale = false, atLeast }: QueryOptions): readonly TaskState[] {
    const { active, standby } = this.#parts.held()
    const count = this.#partitions(spec)
    const wanted = partition === undefined ? Array.from({ length: count }, (_, at) => at) : [partition]
    const states = wanted.flatMap((at) => {
      const task = taskName({ subtopology: spec.subtopology, partition: at })
      const held = active.get(task)
      const state = held?.state ?? (stale ? standby.get(task) : undefined)
      if (state !== undefined && atLeast !== undefined) checkShows(spec.name, task, held, atLeast)
      return state ?? []
    })
    if (states.length === 0) {
      throw sluiceError('SLUICE_QUERY_ELSEWHERE', { store: spec.name, partition: wanted.join(', ') })
    }
    return states
  }

  #here(spec: PlanStore, states: ReadonlyMap<string, unknown>): readonly number[] {
    return Array.from({ length: this.#partitions(spec) }, (_, partition) => partition).filter((partition) =>
      states.has(taskName({ subtopology: spec.subtopology, partition })),
    )
  }

  #partitions(spec: PlanStore): number {
    const { sourceTopics } = this.#parts.plan.subtopologies.find(({ id }) => id === spec.subtopology)!
    return Math.max(1, ...sourceTopics.map((topic) => this.#parts.counts.get(topic) ?? 0))
  }
}

/** @throws SLUICE_QUERY_BEHIND */
function checkShows(
  store: string,
  task: string,
  held: HeldTask | undefined,
  atLeast: Readonly<Record<string, number>>,
): void {
  if (held === undefined) {
    const problem = `the stand-by of task ${task} does not know what input it shows`
    throw sluiceError('SLUICE_QUERY_BEHIND', { store, problem })
  }
  for (const [partition, offset] of Object.entries(atLeast)) {
    const shows = held.visible.get(partition)
    if (shows === undefined || shows >= offset) continue
    const problem = `it shows ${partition} up to offset ${shows}, asked for was ${offset}`
    throw sluiceError('SLUICE_QUERY_BEHIND', { store, problem })
  }
}

function entryOf(key: unknown, held: unknown, timestamped: boolean): QueryEntry | undefined {
  if (held === undefined) return undefined
  if (!timestamped) return { key, value: held }
  const { value, timestamp } = held as Timestamped<unknown>
  return { key, value, timestamp }
}

function versionEntry(key: unknown, { value, validFrom, validTo }: Versioned<unknown>): QueryEntry {
  return { key, value, timestamp: validFrom, ...(validTo === undefined ? {} : { validTo }) }
}

function* keyEntries(
  store: unknown,
  from: unknown,
  to: unknown,
  reverse: boolean,
  timestamped: boolean,
): Generator<QueryEntry> {
  const readable = store as ReadableStore<unknown, unknown>
  const entries = reverse ? readable.reverseRange(from, to) : readable.range(from, to)
  for (const [key, held] of entries) yield entryOf(key, held, timestamped)!
}

function* versionEntries(
  store: VersionedStore<unknown, unknown>,
  from: unknown,
  to: unknown,
  reverse: boolean,
): Generator<QueryEntry> {
  for (const [key, version] of store.range(from, to, reverse)) yield versionEntry(key, version)
}

function* windowEntries(
  windows: Iterable<[Windowed<unknown>, unknown]>,
  timestamped: boolean,
): Generator<QueryEntry> {
  for (const [{ key, start, end }, held] of windows) {
    yield { ...entryOf(key, held, timestamped)!, window: { start, end } }
  }
}

function taken(entries: Iterable<QueryEntry>, limit: number): QueryEntry[] {
  const found: QueryEntry[] = []
  for (const entry of entries) {
    if (found.length >= limit) break
    found.push(entry)
  }
  return found
}

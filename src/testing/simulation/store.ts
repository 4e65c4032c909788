/**
 * Local state of the processes of one simulated machine: it outlives kills, and a power cut makes an inconsistent mix of
 * it, so that only an engine that distrusts it after a reboot stays right.
 */
import { problemOf, sluiceError } from '../../core/errors.ts'
import { latin1Of, OrderedMap } from '../../core/ordered-map.ts'
import type { Bytes } from '../../core/record.ts'
import type { OrderedStore, StoreBackend, StoreBatch, StoreEntry, TaskStorage } from '../../core/store.ts'
import { drawFates } from './power-cut.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

/** Faults and speed; fields may be changed at any time. */
export interface StoreFaults {
  /** `open` and `sync` take up to this many ms. Default 1. */
  latencyMs: number
  /** Probability that a write throws SLUICE_STORE_WRITE and applies nothing. Default 0. */
  writeFailure: number
  /** Whether closing makes durable what was written. LMDB without sync does not. Default true. */
  closeSyncs: boolean
}

export interface SimulatedStoresOptions {
  /** Tells the machines of one world apart: seeds its chance. Default 'stores'. */
  readonly name?: string
  readonly faults?: Partial<StoreFaults>
}

/** The storages of a machine, empty. */
export function createSimulatedStores(world: World, options: SimulatedStoresOptions = {}): SimulatedStores {
  return new SimulatedStores(world, options)
}

export class SimulatedStores {
  readonly faults: StoreFaults
  readonly #world: World
  readonly #random: SeededRandom
  readonly #folders = new Map<string, FolderState>()
  readonly #owners = new Map<string, Owner>()

  constructor(world: World, options: SimulatedStoresOptions) {
    this.faults = { latencyMs: 1, writeFailure: 0, closeSyncs: true, ...options.faults }
    this.#world = world
    this.#random = world.random.fork(options.name ?? 'stores')
  }

  /** The backend as a process sees it; after its kill the same name is a new process. */
  backend(name: string): StoreBackend {
    const owner = this.#owners.get(name) ?? { name, alive: true }
    this.#owners.set(name, owner)
    return {
      kind: 'simulated',
      persistent: true,
      open: (folder, stores) => this.#open(owner, folder, stores),
    }
  }

  /** Kill -9: all that was written stays, what the process still does has no effect, its storages can be opened. */
  kill(name: string): void {
    const owner = this.#owners.get(name)
    if (owner === undefined) return
    owner.alive = false
    this.#owners.delete(name)
    for (const state of this.#folders.values()) {
      if (state.owner === owner) state.free()
    }
  }

  /** All processes die; each batch that was not made durable is kept or lost, whatever became of the others. */
  powerCut(random: SeededRandom = this.#random): void {
    for (const name of this.#owners.keys()) this.kill(name)
    for (const state of this.#folders.values()) state.powerCut(random)
  }

  /** Forgets the storages in and below a folder: what `Disk.remove` does to the files of a real one. */
  removed(path: string): void {
    for (const folder of this.#folders.keys()) {
      if (folder === path || folder.startsWith(`${path}/`)) this.#folders.delete(folder)
    }
  }

  async #open(owner: Owner, folder: string, stores: readonly string[]): Promise<TaskStorage> {
    await this.#pass(owner)
    const state = this.#folders.get(folder) ?? new FolderState()
    this.#folders.set(folder, state)
    if (state.owner !== undefined && state.owner !== owner) {
      const problem = `it is open in the process ${state.owner.name}`
      throw sluiceError('SLUICE_STORE_OPEN', { folder, problem })
    }
    state.opened(owner)
    return new SimulatedStorage(folder, state, owner, stores, {
      faults: this.faults,
      random: this.#random,
      pass: () => this.#pass(owner),
    })
  }

  /** Lets time pass; a dead process never comes back. */
  async #pass(owner: Owner): Promise<void> {
    await this.#world.sleep(this.#random.next() * this.faults.latencyMs)
    if (!owner.alive) await new Promise<never>(() => {})
  }
}

interface Owner {
  readonly name: string
  alive: boolean
}

type Change = { readonly map: string; readonly key: string; readonly value: Bytes | null }
/** What one write did, or a removal of everything. */
type Batch =
  | 'clear'
  | { readonly changes: readonly Change[]; readonly meta: readonly (readonly [string, string])[] }

class Content {
  readonly maps = new Map<string, OrderedMap<Bytes>>()
  readonly meta = new Map<string, string>()

  map(name: string): OrderedMap<Bytes> {
    let map = this.maps.get(name)
    if (map === undefined) this.maps.set(name, (map = new OrderedMap()))
    return map
  }

  apply(batch: Batch): void {
    if (batch === 'clear') {
      for (const map of this.maps.values()) map.clear()
      this.meta.clear()
      return
    }
    for (const { map, key, value } of batch.changes) {
      if (value === null) this.map(map).delete(key)
      else this.map(map).set(key, value)
    }
    for (const [name, text] of batch.meta) this.meta.set(name, text)
  }

  copy(): Content {
    const copy = new Content()
    for (const [name, map] of this.maps)
      for (const [key, value] of map.range()) copy.map(name).set(key, value)
    for (const [name, text] of this.meta) copy.meta.set(name, text)
    return copy
  }
}

/** One task's folder on the machine. */
class FolderState {
  content = new Content()
  readonly #durable = new Content()
  #unsynced: Batch[] = []
  #opened = 0
  owner: Owner | undefined

  write(batch: Batch): void {
    this.content.apply(batch)
    this.#unsynced.push(batch)
  }

  sync(): void {
    for (const batch of this.#unsynced) this.#durable.apply(batch)
    this.#unsynced = []
  }

  powerCut(random: SeededRandom): void {
    const fates = drawFates(this.#unsynced.length, random)
    this.#unsynced = this.#unsynced.filter((_, at) => fates[at] === 'kept')
    this.sync()
    this.content = this.#durable.copy()
  }

  opened(owner: Owner): void {
    this.owner = owner
    this.#opened++
  }

  closed(): void {
    if (--this.#opened === 0) this.owner = undefined
  }

  free(): void {
    this.#opened = 0
    this.owner = undefined
  }
}

interface StorageTools {
  readonly faults: StoreFaults
  readonly random: SeededRandom
  readonly pass: () => Promise<void>
}

class SimulatedStorage implements TaskStorage {
  readonly #folder: string
  readonly #state: FolderState
  readonly #owner: Owner
  readonly #stores: ReadonlyMap<string, OrderedStore>
  readonly #tools: StorageTools
  #closed = false

  constructor(
    folder: string,
    state: FolderState,
    owner: Owner,
    stores: readonly string[],
    tools: StorageTools,
  ) {
    this.#folder = folder
    this.#state = state
    this.#owner = owner
    this.#stores = new Map(stores.map((name) => [name, new SimulatedStore(state.content.map(name))]))
    this.#tools = tools
  }

  store(name: string): OrderedStore {
    const store = this.#stores.get(name)
    if (store !== undefined) return store
    throw sluiceError('SLUICE_INTERNAL', {
      place: 'testing/simulation/store',
      problem: `store "${name}" was not opened`,
    })
  }

  write(batch: StoreBatch): void {
    const isFailing = this.#tools.random.chance(this.#tools.faults.writeFailure)
    if (!this.#mayWrite()) return
    if (isFailing) throw this.#refused('injected')
    const changes = batch.entries.map((entry) => this.#changeOf(entry))
    this.#state.write({ changes, meta: Object.entries(batch.meta ?? {}) })
  }

  meta(name: string): string | undefined {
    return this.#state.content.meta.get(name)
  }

  clear(): void {
    if (this.#mayWrite()) this.#state.write('clear')
  }

  async sync(): Promise<void> {
    await this.#tools.pass()
    if (!this.#closed) this.#state.sync()
  }

  close(): void {
    if (this.#closed || !this.#owner.alive) return
    this.#closed = true
    if (this.#tools.faults.closeSyncs) this.#state.sync()
    this.#state.closed()
  }

  /** False for a dead process: its code may run on until it waits for something, without effect. */
  #mayWrite(): boolean {
    if (this.#closed) throw sluiceError('SLUICE_CLOSED', { what: `the storage in ${this.#folder}` })
    return this.#owner.alive
  }

  #changeOf({ store, key, value }: StoreEntry): Change {
    this.store(store)
    try {
      return { map: store, key: latin1Of(key), value: value === null ? null : Buffer.from(value) }
    } catch (error) {
      throw this.#refused(problemOf(error), error)
    }
  }

  #refused(problem: string, cause?: unknown): Error {
    return sluiceError('SLUICE_STORE_WRITE', { task: this.#folder, problem }, cause)
  }
}

class SimulatedStore implements OrderedStore {
  readonly #map: OrderedMap<Bytes>

  constructor(map: OrderedMap<Bytes>) {
    this.#map = map
  }

  get(key: Bytes): Bytes | undefined {
    return this.#map.get(latin1Of(key))
  }

  range(
    from: Bytes | undefined,
    to: Bytes | undefined,
    reverse: boolean = false,
  ): IterableIterator<[Bytes, Bytes]> {
    const low = from === undefined ? undefined : latin1Of(from)
    const high = to === undefined ? undefined : latin1Of(to)
    return asBytes(this.#map.range(low, high, reverse))
  }

  count(): number {
    return this.#map.size
  }
}

function* asBytes(entries: IterableIterator<[string, Bytes]>): IterableIterator<[Bytes, Bytes]> {
  for (const [key, value] of entries) yield [Buffer.from(key, 'latin1'), value]
}

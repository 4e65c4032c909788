/**
 * The storage on LMDB (npm package `lmdb`, optional): one environment per task folder, one named database per store and
 * one for meta. Only synchronous transactions are used: lmdb's asynchronous ones neither isolate nor roll back.
 */
import { basename } from 'node:path'
import type { Database, DatabaseOptions, Key, RootDatabase } from 'lmdb'
import type { Bytes } from '../core/record.ts'
import type { OrderedStore, StoreBackend, StoreBatch, StoreEntry, TaskStorage } from '../core/store.ts'
import { isSluiceError, problemOf, sluiceError } from '../core/errors.ts'
import {
  KEY_ENCODER,
  entryOf,
  isLong,
  lowerEdge,
  sameHead,
  storedKey,
  upperEdge,
  withKey,
} from './lmdb-keys.ts'
import { OpenRanges } from './paged-range.ts'
import type { Page } from './paged-range.ts'

export interface LmdbOptions {
  /**
   * Syncs the disk at every write. Default false: survives the death of the process but not a power cut, after which the
   * state is rebuilt (the engine compares boot ids).
   */
  readonly durable?: boolean
}

/** What lmdb has and its types lack: a forced sync, and key encoders of named databases. */
type Environment = Omit<RootDatabase, 'openDB'> & {
  sync(done: (error: unknown) => void): void
  openDB<V, K extends Key>(options: DatabaseOptions & { name: string; keyEncoder: unknown }): Database<V, K>
}

type Table = Database<Bytes, Bytes>
type Lmdb = typeof import('lmdb')

/**
 * A backend on LMDB; the package is loaded by the first `open`.
 * `open` throws SLUICE_DEPENDENCY_MISSING when it is not installed, SLUICE_STORE_OPEN when the folder can't be opened.
 */
export function lmdbBackend(options: LmdbOptions = {}): StoreBackend {
  const durable = options.durable ?? false
  return {
    kind: 'lmdb',
    persistent: true,
    durable,
    async open(folder, stores) {
      const lmdb = await loadLmdb()
      if (lmdb === undefined) {
        throw sluiceError('SLUICE_DEPENDENCY_MISSING', { what: 'the store backend "lmdb"', package: 'lmdb' })
      }
      try {
        return new LmdbStorage(lmdb, folder, stores, durable)
      } catch (error) {
        throw sluiceError('SLUICE_STORE_OPEN', { folder, problem: problemOf(error) }, error)
      }
    },
  }
}

/** The package, or undefined when it is not installed or has no build for this machine. */
export async function loadLmdb(): Promise<Lmdb | undefined> {
  try {
    return await import('lmdb')
  } catch {
    return undefined
  }
}

class LmdbStorage implements TaskStorage {
  readonly #root: Environment
  readonly #meta: Table
  readonly #stores = new Map<string, LmdbStore>()
  readonly #ranges = new OpenRanges()
  readonly #task: string
  #closed = false

  constructor(lmdb: Lmdb, folder: string, stores: readonly string[], durable: boolean) {
    this.#task = basename(folder)
    this.#root = lmdb.open({
      path: folder,
      noSubdir: false,
      noSync: !durable,
      overlappingSync: false,
      // Tables of stores that a former version of the application had stay in the file and count too.
      maxDbs: 2 * stores.length + 64,
    }) as unknown as Environment
    try {
      this.#meta = this.#table('meta')
      for (const name of stores)
        this.#stores.set(name, new LmdbStore(this.#table(`store:${name}`), this.#ranges))
    } catch (error) {
      this.close()
      throw error
    }
  }

  store(name: string): LmdbStore {
    const store = this.#stores.get(name)
    if (store !== undefined) return store
    throw sluiceError('SLUICE_INTERNAL', { place: 'stores/lmdb', problem: `store "${name}" was not opened` })
  }

  write(batch: StoreBatch): void {
    this.#transact(() => {
      for (const entry of batch.entries) this.store(entry.store).apply(entry)
      for (const [name, text] of Object.entries(batch.meta ?? {})) {
        this.#meta.putSync(Buffer.from(name), Buffer.from(text))
      }
    })
  }

  meta(name: string): string | undefined {
    const bytes = this.#meta.getBinary(Buffer.from(name))
    return bytes === undefined ? undefined : Buffer.from(bytes).toString()
  }

  clear(): void {
    this.#transact(() => {
      for (const store of this.#stores.values()) store.clear()
      this.#meta.clearSync()
    })
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#root.sync((error: unknown) => {
        if (error === undefined || error === null) resolve()
        else reject(sluiceError('SLUICE_STORE_WRITE', { task: this.#task, problem: problemOf(error) }, error))
      })
    })
  }

  /** Nothing is pending after synchronous transactions, so lmdb closes within this call. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#root.close().catch(() => undefined)
  }

  #table(name: string): Table {
    return this.#root.openDB<Bytes, Bytes>({ name, encoding: 'binary', keyEncoder: KEY_ENCODER })
  }

  #transact(change: () => void): void {
    if (this.#closed) throw sluiceError('SLUICE_CLOSED', { what: `the storage of task ${this.#task}` })
    this.#ranges.beforeWrite()
    try {
      this.#root.transactionSync(change)
    } catch (error) {
      if (isSluiceError(error)) throw error
      throw sluiceError('SLUICE_STORE_WRITE', { task: this.#task, problem: problemOf(error) }, error)
    }
  }
}

class LmdbStore implements OrderedStore {
  readonly #table: Table
  readonly #ranges: OpenRanges

  constructor(table: Table, ranges: OpenRanges) {
    this.#table = table
    this.#ranges = ranges
  }

  /** The bytes lie in lmdb's shared read buffer until the next read. */
  get(key: Bytes): Bytes | undefined {
    const found = this.#table.getBinaryFast(storedKey(key))
    if (found === undefined) return undefined
    // lmdb shadows `length` of its buffer, which only methods of Buffer respect: hand out an honest view.
    const value = found.subarray(0, found.length)
    return isLong(key) ? value.subarray(4 + key.length) : value
  }

  range(
    from: Bytes | undefined,
    to: Bytes | undefined,
    reverse: boolean = false,
  ): IterableIterator<[Bytes, Bytes]> {
    return this.#ranges.open((after, limit) => this.#page(from, to, reverse, after, limit))
  }

  count(): number {
    const stats = this.#table.getStats() as { readonly entryCount: number }
    return stats.entryCount
  }

  /** Within a transaction of the storage. */
  apply(entry: StoreEntry): void {
    const { key, value } = entry
    if (value === null) this.#table.removeSync(storedKey(key))
    else this.#table.putSync(storedKey(key), isLong(key) ? withKey(key, value) : value)
  }

  clear(): void {
    this.#table.clearSync()
  }

  #page(
    from: Bytes | undefined,
    to: Bytes | undefined,
    reverse: boolean,
    after: Bytes | undefined,
    limit: number,
  ): Page {
    const low = from === undefined ? Buffer.alloc(0) : lowerEdge(from)
    const high = to === undefined ? undefined : upperEdge(to)
    const raw: [Bytes, Bytes][] = []
    let next: Bytes | undefined
    for (const { key, value } of this.#stored(low, high, reverse, after)) {
      const last = raw.at(-1)?.[0]
      if (raw.length >= limit && last !== undefined && !sameHead(last, key)) {
        next = last
        break
      }
      raw.push([key, value])
    }
    const long = raw.some(([key]) => isLong(key)) || (from !== undefined && isLong(from))
    return { entries: long ? sorted(raw, from, to, reverse) : raw, next }
  }

  #stored(
    low: Bytes,
    high: Bytes | undefined,
    reverse: boolean,
    after: Bytes | undefined,
  ): Iterable<{ key: Bytes; value: Bytes }> {
    const start = after ?? (reverse ? high : low)
    const end = reverse ? low : high
    return this.#table.getRange({
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end, inclusiveEnd: true }),
      exclusiveStart: after !== undefined,
      reverse,
      snapshot: false,
    })
  }
}

/** A page with long keys: whole keys, in their order, within the bounds. */
function sorted(
  raw: readonly [Bytes, Bytes][],
  from: Bytes | undefined,
  to: Bytes | undefined,
  reverse: boolean,
): [Bytes, Bytes][] {
  return raw
    .map(([key, value]) => entryOf(key, value))
    .filter(([key]) => from === undefined || Buffer.compare(key, from) >= 0)
    .filter(([key]) => to === undefined || Buffer.compare(key, to) <= 0)
    .sort(([a], [b]) => (reverse ? Buffer.compare(b, a) : Buffer.compare(a, b)))
}

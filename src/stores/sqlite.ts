/**
 * The storage on SQLite as it comes with Node (`node:sqlite`): one file per task, one table per store. For machines
 * without a build of lmdb. It must never let SQL text depend on anything but the quoted store name.
 */
import { basename, join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Bytes } from '../core/record.ts'
import type { Disk } from '../core/disk.ts'
import type { OrderedStore, StoreBackend, StoreBatch, TaskStorage } from '../core/store.ts'
import { isSluiceError, problemOf, sluiceError } from '../core/errors.ts'
import { OpenRanges } from './paged-range.ts'
import type { Page } from './paged-range.ts'

export interface SqliteOptions {
  /** Makes the task's folder, which SQLite does not. */
  readonly disk: Pick<Disk, 'makeFolder'>
  /** Syncs the disk at every write. Default false: survives the death of the process but not a power cut. */
  readonly durable?: boolean
}

const EMPTY: Bytes = Buffer.alloc(0)

/** A backend on `node:sqlite`; `open` throws SLUICE_STORE_OPEN when the folder or file can't be opened. */
export function sqliteBackend(options: SqliteOptions): StoreBackend {
  const durable = options.durable ?? false
  return {
    kind: 'sqlite',
    persistent: true,
    durable,
    async open(folder, stores) {
      try {
        await options.disk.makeFolder(folder)
        const { DatabaseSync: Database } = await import('node:sqlite')
        return openStorage(
          new Database(join(folder, 'state.sqlite'), { timeout: 1000 }),
          folder,
          stores,
          durable,
        )
      } catch (error) {
        throw sluiceError('SLUICE_STORE_OPEN', { folder, problem: problemOf(error) }, error)
      }
    },
  }
}

function openStorage(
  database: DatabaseSync,
  folder: string,
  stores: readonly string[],
  durable: boolean,
): SqliteStorage {
  try {
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durable ? 'FULL' : 'OFF'}`)
    return new SqliteStorage(database, basename(folder), stores)
  } catch (error) {
    database.close()
    throw error
  }
}

class SqliteStorage implements TaskStorage {
  readonly #database: DatabaseSync
  readonly #task: string
  readonly #stores = new Map<string, SqliteStore>()
  readonly #ranges = new OpenRanges()
  readonly #getMeta: StatementSync
  readonly #putMeta: StatementSync
  #closed = false

  constructor(database: DatabaseSync, task: string, stores: readonly string[]) {
    this.#database = database
    this.#task = task
    database.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID')
    this.#getMeta = database.prepare('SELECT text FROM meta WHERE name = ?')
    this.#putMeta = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
    for (const name of stores) this.#stores.set(name, new SqliteStore(database, name, this.#ranges))
  }

  store(name: string): SqliteStore {
    const store = this.#stores.get(name)
    if (store !== undefined) return store
    throw sluiceError('SLUICE_INTERNAL', {
      place: 'stores/sqlite',
      problem: `store "${name}" was not opened`,
    })
  }

  write(batch: StoreBatch): void {
    this.#transact(() => {
      for (const { store, key, value } of batch.entries) this.store(store).apply(key, value)
      for (const [name, text] of Object.entries(batch.meta ?? {})) this.#putMeta.run(name, text)
    })
  }

  meta(name: string): string | undefined {
    return this.#getMeta.get(name)?.['text'] as string | undefined
  }

  clear(): void {
    this.#transact(() => {
      for (const store of this.#stores.values()) store.clear()
      this.#database.exec('DELETE FROM meta')
    })
  }

  /** A full checkpoint syncs the log and then the file, whatever `synchronous` was during the writes. */
  sync(): Promise<void> {
    return Promise.try(() => {
      const [mode] = this.#database.prepare('PRAGMA synchronous').all()
      this.#database.exec('PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)')
      this.#database.exec(`PRAGMA synchronous = ${Number(mode?.['synchronous'])}`)
    }).catch((error: unknown) => {
      throw sluiceError('SLUICE_STORE_WRITE', { task: this.#task, problem: problemOf(error) }, error)
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#database.close()
  }

  #transact(change: () => void): void {
    if (this.#closed) throw sluiceError('SLUICE_CLOSED', { what: `the storage of task ${this.#task}` })
    this.#ranges.beforeWrite()
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      change()
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      if (isSluiceError(error)) throw error
      throw sluiceError('SLUICE_STORE_WRITE', { task: this.#task, problem: problemOf(error) }, error)
    }
  }
}

/** One table and its statements. `k > after` with an open start needs no statement of its own: nothing sorts before empty. */
class SqliteStore implements OrderedStore {
  readonly #ranges: OpenRanges
  readonly #get: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly #count: StatementSync
  readonly #clear: StatementSync
  readonly #pages: Readonly<Record<string, StatementSync>>

  constructor(database: DatabaseSync, name: string, ranges: OpenRanges) {
    const table = `"store:${name.replaceAll('"', '""')}"`
    database.exec(`CREATE TABLE IF NOT EXISTS ${table} (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID`)
    this.#ranges = ranges
    this.#get = database.prepare(`SELECT v FROM ${table} WHERE k = ?`)
    this.#put = database.prepare(
      `INSERT INTO ${table} VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v`,
    )
    this.#delete = database.prepare(`DELETE FROM ${table} WHERE k = ?`)
    this.#count = database.prepare(`SELECT count(*) AS n FROM ${table}`)
    this.#clear = database.prepare(`DELETE FROM ${table}`)
    this.#get.setReturnArrays(true)
    this.#pages = pageStatements(database, table)
  }

  get(key: Bytes): Bytes | undefined {
    const row = this.#get.get(key) as unknown as [Bytes] | undefined
    return row?.[0]
  }

  range(
    from: Bytes | undefined,
    to: Bytes | undefined,
    reverse: boolean = false,
  ): IterableIterator<[Bytes, Bytes]> {
    return this.#ranges.open((after, limit) => this.#page(from, to, reverse, after, limit))
  }

  count(): number {
    return Number(this.#count.get()?.['n'])
  }

  apply(key: Bytes, value: Bytes | null): void {
    if (value === null) this.#delete.run(key)
    else this.#put.run(key, value)
  }

  clear(): void {
    this.#clear.run()
  }

  #page(
    from: Bytes | undefined,
    to: Bytes | undefined,
    reverse: boolean,
    after: Bytes | undefined,
    limit: number,
  ): Page {
    const low = reverse || after === undefined ? (from ?? EMPTY) : after
    const high = reverse && after !== undefined ? after : to
    const statement = this.#pages[pageName(reverse, after !== undefined, high !== undefined)]!
    const bounds = high === undefined ? [low] : [low, high]
    const entries = statement.all(...bounds, limit) as unknown as [Bytes, Bytes][]
    return { entries, next: entries.length < limit ? undefined : entries.at(-1)![0] }
  }
}

function pageStatements(database: DatabaseSync, table: string): Record<string, StatementSync> {
  const statements: Record<string, StatementSync> = {}
  for (const reverse of [false, true]) {
    for (const further of [false, true]) {
      for (const bounded of [false, true]) {
        const low = further && !reverse ? 'k > ?' : 'k >= ?'
        const high = !bounded ? '' : further && reverse ? 'AND k < ?' : 'AND k <= ?'
        const order = reverse ? 'DESC' : 'ASC'
        const statement = database.prepare(
          `SELECT k, v FROM ${table} WHERE ${low} ${high} ORDER BY k ${order} LIMIT ?`,
        )
        statement.setReturnArrays(true)
        statements[pageName(reverse, further, bounded)] = statement
      }
    }
  }
  return statements
}

function pageName(reverse: boolean, further: boolean, bounded: boolean): string {
  return `${reverse ? 'descending' : 'ascending'}${further ? ' further' : ''}${bounded ? ' bounded' : ''}`
}

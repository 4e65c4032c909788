/**
 * The storage in memory: for tests, throw-away runs and small states. It keeps nothing beyond the process and must
 * never keep the caller's buffers, which may be views of a whole fetched batch.
 */
import type { Bytes } from '../core/record.ts'
import type { OrderedStore, StoreBackend, StoreBatch, StoreEntry, TaskStorage } from '../core/store.ts'
import { problemOf, sluiceError } from '../core/errors.ts'
import { OrderedMap, latin1Of } from '../core/ordered-map.ts'

/** A backend whose storages live and die with their `TaskStorage`. */
export function memoryBackend(): StoreBackend {
  return {
    kind: 'memory',
    persistent: false,
    open: (_folder, stores) => Promise.resolve(new MemoryStorage(stores)),
  }
}

class MemoryStorage implements TaskStorage {
  readonly #stores = new Map<string, MemoryStore>()
  readonly #meta = new Map<string, string>()
  #closed = false

  constructor(stores: readonly string[]) {
    for (const name of stores) this.#stores.set(name, new MemoryStore())
  }

  store(name: string): MemoryStore {
    const store = this.#stores.get(name)
    if (store !== undefined) return store
    throw sluiceError('SLUICE_INTERNAL', {
      place: 'stores/memory',
      problem: `store "${name}" was not opened`,
    })
  }

  /** Everything that can fail (names, key conversion, copies) is done before the first change. */
  write(batch: StoreBatch): void {
    if (this.#closed) throw sluiceError('SLUICE_CLOSED', { what: 'the storage in memory' })
    const changes = batch.entries.map((entry) => this.#prepare(entry))
    for (const { map, key, value } of changes) {
      if (value === null) map.delete(key)
      else map.set(key, value)
    }
    if (batch.meta === undefined) return
    for (const [name, text] of Object.entries(batch.meta)) this.#meta.set(name, text)
  }

  #prepare({ store, key, value }: StoreEntry): { map: OrderedMap<Bytes>; key: string; value: Bytes | null } {
    const { map } = this.store(store)
    try {
      return { map, key: latin1Of(key), value: value === null ? null : Buffer.from(value) }
    } catch (error) {
      throw sluiceError('SLUICE_STORE_WRITE', { task: 'in memory', problem: problemOf(error) }, error)
    }
  }

  meta(name: string): string | undefined {
    return this.#meta.get(name)
  }

  clear(): void {
    for (const store of this.#stores.values()) store.map.clear()
    this.#meta.clear()
  }

  close(): void {
    this.clear()
    this.#closed = true
  }
}

class MemoryStore implements OrderedStore {
  readonly map: OrderedMap<Bytes> = new OrderedMap()

  get(key: Bytes): Bytes | undefined {
    return this.map.get(latin1Of(key))
  }

  range(
    from: Bytes | undefined,
    to: Bytes | undefined,
    reverse: boolean = false,
  ): IterableIterator<[Bytes, Bytes]> {
    const found = this.map.range(
      from === undefined ? undefined : latin1Of(from),
      to === undefined ? undefined : latin1Of(to),
      reverse,
    )
    return asBytes(found)
  }

  count(): number {
    return this.map.size
  }
}

function* asBytes(entries: IterableIterator<[string, Bytes]>): IterableIterator<[Bytes, Bytes]> {
  for (const [key, value] of entries) yield [Buffer.from(key, 'latin1'), value]
}

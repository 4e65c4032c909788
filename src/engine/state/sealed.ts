/**
 * The sealed generation of one store: serialised updates that are being committed, readable until the storage has them.
 */
import type { Bytes } from '../../core/record.ts'
import type { StoreEntry } from '../../core/store.ts'

export interface SealedEntry<K> extends StoreEntry {
  readonly id: string
  readonly typedKey: K
}

export class SealedGeneration<K> {
  readonly #byId = new Map<string, SealedEntry<K>>()
  #queue: SealedEntry<K>[] = []
  #taken = 0
  #written = 0

  get size(): number {
    return this.#byId.size
  }

  get(id: string): SealedEntry<K> | undefined {
    return this.#byId.size === 0 ? undefined : this.#byId.get(id)
  }

  all(): IterableIterator<SealedEntry<K>> {
    return this.#byId.values()
  }

  add(store: string, id: string, typedKey: K, key: Bytes, value: Bytes | null): void {
    const entry = { store, key, value, id, typedKey }
    this.#byId.set(id, entry)
    this.#queue.push(entry)
  }

  take(limit: number): readonly StoreEntry[] {
    const taken = this.#queue.slice(this.#taken, this.#taken + limit)
    this.#taken += taken.length
    return taken
  }

  written(each: (entry: SealedEntry<K>) => void): void {
    for (; this.#written < this.#taken; this.#written++) {
      const entry = this.#queue[this.#written]!
      this.#byId.delete(entry.id)
      each(entry)
    }
    if (this.#byId.size === 0) this.clear()
  }

  clear(): void {
    this.#byId.clear()
    this.#queue = []
    this.#taken = 0
    this.#written = 0
  }
}

/**
 * Port of local state: ordered bytes to bytes, one storage per task holding all stores of that task, written atomically.
 * Everything is synchronous, since a processing turn may not wait. It is a cache of the changelogs: losing it costs time,
 * never data. Adapters: `stores/memory`, `stores/lmdb`, `stores/sqlite`.
 */
import type { Bytes } from './record.ts'

export interface StoreBackend {
  readonly kind: 'memory' | 'lmdb' | 'sqlite' | 'simulated'
  /** False: content is gone with the process (restore always reads the whole changelog). */
  readonly persistent: boolean
  /** True: what was written survives a power cut without `sync`. Default false: only the death of the process. */
  readonly durable?: boolean
  /**
   * Opens (creates) the storage of one task.
   * @param folder absolute path of the task's folder; ignored by memory
   * @param stores names of all stores of the task
   * @throws SLUICE_STORE_OPEN; the caller may wipe the folder and try once more
   */
  open(folder: string, stores: readonly string[]): Promise<TaskStorage>
}

export interface TaskStorage {
  /** @throws SLUICE_INTERNAL when the name was not given to `open`. */
  store(name: string): OrderedStore
  /** Applies all puts and deletes and the meta entries in one atomic step. Throws SLUICE_STORE_WRITE; then nothing was applied. */
  write(batch: StoreBatch): void
  /** A small text kept beside the stores, written only through `write`. */
  meta(name: string): string | undefined
  /** Removes everything in all stores and meta. */
  clear(): void
  /** Resolves when everything written so far survives a power cut. Absent where that is so anyway, or never. */
  sync?(): Promise<void>
  close(): void
}

export interface StoreBatch {
  /** Later entries win over earlier ones of the same key; `null` deletes. */
  readonly entries: readonly StoreEntry[]
  readonly meta?: Readonly<Record<string, string>>
}

export interface StoreEntry {
  readonly store: string
  readonly key: Bytes
  readonly value: Bytes | null
}

export interface OrderedStore {
  /** The returned bytes may be valid only until the next call on this storage: copy or decode at once. */
  get(key: Bytes): Bytes | undefined
  /**
   * Entries with from <= key <= to in unsigned byte order (`undefined` = open end), or descending with `reverse`.
   * The iterator sees the content as of the call even if writes happen while it is consumed.
   */
  range(from: Bytes | undefined, to: Bytes | undefined, reverse?: boolean): IterableIterator<[Bytes, Bytes]>
  /** Number of entries; may be an estimate. */
  count(): number
}

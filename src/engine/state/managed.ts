/**
 * What the runtime asks of every store of a task: sealing a generation, writing it after the broker's commit,
 * forgetting everything uncommitted, and restoring. Operators see the typed faces (`key-value.ts`), never this one.
 *
 * Layers of a read: objects of the cache (all updates of the open generation among them) → entries of the sealed
 * generation that is being committed → the storage on disk, which never holds anything uncommitted.
 */
import type { Bytes, FlowRecord } from '../../core/record.ts'
import type { FetchedBatch } from '../../core/broker.ts'
import type { StoreEntry } from '../../core/store.ts'

export interface ManagedStore {
  readonly name: string
  /** Bytes of updates since the last seal, an estimate; the runtime commits early above a bound. */
  readonly dirtyBytes: number
  /**
   * Closes the open generation: serialises each key updated since the last seal and hands it to `log` (for the
   * changelog, when there is one), once per key with its last value. Updates made afterwards belong to the next generation.
   * Resumable: returns false when `shouldYield()` asked to stop; call again until true. No update may happen in between.
   * @throws SLUICE_SERIALIZE naming the record that wrote the value; that update is taken back and sealing can go on
   */
  seal(log: LogUpdate, shouldYield: () => boolean): boolean
  /** The sealed generation was committed: takes up to `limit` of its entries for the storage; empty when none are left. They stay readable until `written`. */
  takeCommitted(limit: number): readonly StoreEntry[]
  /** Everything taken has been written to the storage. */
  written(): void
  /** Drops all that is not in the storage: cached objects, open and sealed generation. */
  forget(): void
  /** Entries for the storage that these changelog records (of positions in [from, to)) stand for. */
  restored(batch: FetchedBatch): readonly StoreEntry[]
}

/** @param record that caused the update, where it is known */
export type LogUpdate = (key: Bytes, value: Bytes | null, timestamp: number, record?: FlowRecord) => void

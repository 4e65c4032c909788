/**
 * Tables with a versioned store (KIP-889, KIP-914): an update out of order becomes a version of the past and leaves the latest one
 * as it is; what is older than the history retention is no update at all. Each update goes on at once.
 */
import type { BuildProcessor, ProcessorContext } from '../../core/processor.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { Timestamped } from '../state/codec.ts'
import type { VersionedStore } from '../state/versioned-store.ts'
import type { StoreSpec } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import { changeRecord } from './emit.ts'

/** The versioned store of a table with what follows from an update of it. */
export interface VersionedKeeper {
  /** The latest version. */
  get(key: unknown): Timestamped<unknown> | undefined
  /** Adds a version (null: a deletion) and hands the change on, under the record's key. */
  keep(record: FlowRecord, value: unknown, old: unknown, timestamp: number): void
}

export function isVersioned({ kind }: StoreSpec): boolean {
  return kind === 'versioned'
}

export function openVersioned(context: ProcessorContext, store: string): VersionedKeeper {
  const versions = context.store<VersionedStore<unknown, unknown>>(store)
  const { next } = context
  return {
    get: (key) => latestOf(versions, key),
    keep: (record, value, old, timestamp) => {
      const validTo = versions.put(record.key, value, timestamp, record)
      if (validTo === 'rejected') return
      next(changeRecord(record, value, old, timestamp, validTo !== undefined))
    },
  }
}

/** A latest version as the tables without versions know it. */
export function latestOf(
  versions: VersionedStore<unknown, unknown>,
  key: unknown,
): Timestamped<unknown> | undefined {
  const held = versions.get(key)
  return held === undefined ? undefined : { value: held.value, timestamp: held.validFrom }
}

/** table and toTable. @param tracking whether updates carry the latest value before */
export function keepVersions(store: string, tracking: boolean): BuildProcessor {
  return (context) => {
    const table = openVersioned(context, store)
    return {
      process: (record) => {
        const { key, value, timestamp } = record
        if (isAbsent(key)) return context.drop(record, 'null key in a table')
        table.keep(record, value, tracking ? table.get(key)?.value : undefined, timestamp)
      },
    }
  }
}

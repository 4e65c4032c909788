/**
 * table and toTable: keep the last value of each key. A null value deletes; a record older than what is kept overwrites it
 * all the same, as in Kafka. Null keys are dropped.
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { PartitionedInput, StoreSpec, TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import type { At } from './callbacks.ts'
import { changeRecord, flushOf } from './emit.ts'
import type { Emit, TableStore } from './emit.ts'
import { isVersioned, keepVersions } from './versioned-table.ts'

export interface TableParts extends At {
  /** Kind `timestamped` or `versioned`. */
  readonly store: StoreSpec
  /**
   * Default `coalesced`, but `every` where nobody looks into the store and the user did not ask for it: Kafka has no store and
   * no cache there.
   */
  readonly emit?: Emit | undefined
  /** Given by toTable: a stream whose key may have changed. */
  readonly partitioned?: PartitionedInput
  /** The user asked for its store: filters may ask what was there before. Default false. */
  readonly materialized?: boolean
}

export function table({ name, parent, store, emit, partitioned, materialized }: TableParts): TopologyNode {
  const node = {
    name,
    kind: partitioned === undefined ? 'table' : 'toTable',
    parents: [parent],
    reads: 'both',
    keeps: 'key',
    stores: [store],
    ...(partitioned === undefined ? {} : { partitioned: [partitioned] }),
  } as const
  if (isVersioned(store)) {
    const [build, buildTracking] = [keepVersions(store.name, false), keepVersions(store.name, true)]
    return { ...node, build, buildTracking }
  }
  return {
    ...node,
    oldValues: materialized === true ? 'at-hand' : 'on-demand',
    build: emitting(store.name, emit ?? 'coalesced', false),
    buildTracking: emitting(store.name, emit ?? 'coalesced', true),
    ...(emit === undefined && materialized !== true ? { buildUnasked: emitEvery(store.name, false) } : {}),
    buildSilent: emitNothing(store.name),
    ...(materialized === true ? {} : { buildStoreless: emitWithoutStore }),
  }
}

/** @param oldValues whether updates carry the old value; it costs a read of the store */
function emitting(store: string, emit: Emit, oldValues: boolean): BuildProcessor {
  return emit === 'every' ? emitEvery(store, oldValues) : emitCoalesced(store, oldValues)
}

function emitEvery(storeName: string, oldValues: boolean): BuildProcessor {
  return (context) => {
    const { next } = context
    const store = context.store<TableStore>(storeName)
    return {
      process: (record) => {
        const { key, value, timestamp } = record
        if (isAbsent(key)) return context.drop(record, 'null key in a table')
        const old = oldValues ? store.get(key)?.value : undefined
        if (isAbsent(value)) store.delete(key, record)
        else store.put(key, value, timestamp, record)
        next(changeRecord(record, value, old, timestamp))
      },
    }
  }
}

/** Nobody looks back: a table is then only the stream of its changes. */
const emitWithoutStore: BuildProcessor = (context) => {
  const { next } = context
  return {
    process: (record) => {
      if (isAbsent(record.key)) return context.drop(record, 'null key in a table')
      next(changeRecord(record, record.value, undefined, record.timestamp))
    },
  }
}

function emitCoalesced(storeName: string, oldValues: boolean): BuildProcessor {
  return (context) => {
    const store = context.store<TableStore>(storeName)
    return {
      process: (record) => {
        const { key, value } = record
        if (isAbsent(key)) return context.drop(record, 'null key in a table')
        if (!isAbsent(value)) store.put(key, value, record.timestamp, record)
        // Kafka's cache emits no tombstone for a key that was not there.
        else if (store.get(key) !== undefined) store.delete(key, record)
      },
      flush: flushOf(context, store, oldValues),
    }
  }
}

function emitNothing(storeName: string): BuildProcessor {
  return (context) => {
    const store = context.store<TableStore>(storeName)
    return {
      process: (record) => {
        const { key, value } = record
        if (isAbsent(key)) context.drop(record, 'null key in a table')
        else if (isAbsent(value)) store.delete(key, record)
        else store.put(key, value, record.timestamp, record)
      },
    }
  }
}

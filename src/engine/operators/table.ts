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

export interface TableParts extends At {
  /** Kind `timestamped`. */
  readonly store: StoreSpec
  readonly emit: Emit
  /** Whether updates must carry the old value; it costs a read of the store. */
  readonly oldValues?: boolean
  /** Given by toTable: a stream whose key may have changed. */
  readonly partitioned?: PartitionedInput
}

export function table({
  name,
  parent,
  store,
  emit,
  oldValues = false,
  partitioned,
}: TableParts): TopologyNode {
  return {
    name,
    kind: partitioned === undefined ? 'table' : 'toTable',
    parents: [parent],
    reads: 'both',
    keeps: 'key',
    stores: [store],
    build: emit === 'every' ? emitEvery(store.name, oldValues) : emitCoalesced(store.name, oldValues),
    buildSilent: emitNothing(store.name),
    ...(partitioned === undefined ? {} : { partitioned: [partitioned] }),
  }
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

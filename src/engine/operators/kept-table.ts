/**
 * A table that keeps what it computes in a store of its own, and hands it on at once or coalesced. With `tracking` its changes
 * carry the value before; without, they must not, since others decide by it whether something was there.
 */
import type { BuildProcessor, Next, ProcessorContext } from '../../core/processor.ts'
import type { Change, FlowRecord } from '../../core/record.ts'
import type { StoreSpec } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import { changeRecord, flushOf } from './emit.ts'
import type { Emit, TableStore } from './emit.ts'
import { isVersioned, openVersioned } from './versioned-table.ts'

export interface Keeping {
  /** Kind `timestamped` or `versioned`. */
  readonly store: StoreSpec
  readonly emit: Emit
}

/** Computes the new value from a change; null = none. */
export type NewValue = (change: Change<unknown>, key: unknown) => unknown

/** @param skipsNothing leaves out, when tracking, a change from nothing to nothing */
export function keepTable(
  { store: spec, emit }: Keeping,
  newValue: NewValue,
  tracking: boolean,
  skipsNothing: boolean,
): BuildProcessor {
  const { name } = spec
  if (isVersioned(spec)) return keepVersions(name, newValue, tracking)
  return (context) => {
    const store = context.store<TableStore>(name)
    if (emit === 'coalesced') {
      const process = keepOnly(store, newValue)
      return { process, flush: flushOf(context, store, tracking) }
    }
    return { process: keepAndForward(context.next, store, newValue, tracking, skipsNothing) }
  }
}

/** Nothing is below: keeps, and emits nothing. */
export function keepSilently({ store }: Keeping, newValue: NewValue): BuildProcessor {
  const { name } = store
  if (isVersioned(store)) return keepVersions(name, newValue, false)
  return (context: ProcessorContext) => ({ process: keepOnly(context.store<TableStore>(name), newValue) })
}

function keepOnly(store: TableStore, newValue: NewValue): Next {
  return (record) => {
    const { key } = record
    const value = newValue(record.value as Change<unknown>, key)
    if (!isAbsent(value)) store.put(key, value, record.timestamp, record)
    else if (store.get(key) !== undefined) store.delete(key, record)
  }
}

function keepAndForward(
  next: Next,
  store: TableStore,
  newValue: NewValue,
  tracking: boolean,
  skipsNothing: boolean,
): Next {
  return (record: FlowRecord) => {
    const { key, timestamp } = record
    const value = newValue(record.value as Change<unknown>, key)
    const old = tracking ? store.get(key)?.value : undefined
    if (tracking && skipsNothing && isAbsent(value) && isAbsent(old)) return
    if (isAbsent(value)) store.delete(key, record)
    else store.put(key, value, timestamp, record)
    next(changeRecord(record, value, old, timestamp))
  }
}

/** The store has versions. */
function keepVersions(store: string, newValue: NewValue, tracking: boolean): BuildProcessor {
  return (context) => {
    const table = openVersioned(context, store)
    return {
      process: (record) => {
        const { key, timestamp } = record
        const value = newValue(record.value as Change<unknown>, key)
        table.keep(record, value, tracking ? table.get(key)?.value : undefined, timestamp)
      },
    }
  }
}

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

export interface Keeping {
  /** Kind `timestamped`. */
  readonly store: StoreSpec
  readonly emit: Emit
}

/** Computes the new value from a change; null = none. */
export type NewValue = (change: Change<unknown>, key: unknown) => unknown

/** @param skipsNothing leaves out, when tracking, a change from nothing to nothing */
export function keepTable(
  { store: { name }, emit }: Keeping,
  newValue: NewValue,
  tracking: boolean,
  skipsNothing: boolean,
): BuildProcessor {
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
export function keepSilently({ store: { name } }: Keeping, newValue: NewValue): BuildProcessor {
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

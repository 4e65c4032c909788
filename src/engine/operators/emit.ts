/**
 * How a table operator hands its updates on: each at once, or the last of each key per commit (as Kafka Streams with its
 * cache). The store remembers what changed; nothing is buffered here.
 */
import { FlowRecord, NO_HEADERS } from '../../core/record.ts'
import type { Change } from '../../core/record.ts'
import type { Processor, ProcessorContext } from '../../core/processor.ts'
import type { ChangeTracking, TimestampedStore } from '../state/key-value.ts'

/** `every`: each update goes on at once. `coalesced`: the last of each key, at the commit, in order of update. */
export type Emit = 'every' | 'coalesced'

/** The store behind a table, as its own operator sees it. */
export type TableStore = TimestampedStore<unknown, unknown> & ChangeTracking<unknown, unknown>

/**
 * An update as the record that travels on a table's edges. `undefined` values are absent ones.
 * @param late of a versioned table, older than the latest version
 */
export function changeRecord(
  record: FlowRecord,
  newValue: unknown,
  oldValue: unknown,
  timestamp: number,
  late: boolean = false,
): FlowRecord<unknown, Change<unknown>> {
  const { key, headers, topic, partition, offset, keyBytes } = record
  const values = { newValue: newValue ?? null, oldValue: oldValue ?? null }
  const change: Change<unknown> = late ? { ...values, late } : values
  return new FlowRecord(key, change, timestamp, headers, topic, partition, offset, keyBytes, undefined)
}

/** Drops what a versioned table says about the past: joins look at latest versions only (KIP-914). */
export function dropLate(context: ProcessorContext, record: FlowRecord): boolean {
  if ((record.value as Change<unknown>).late !== true) return false
  context.drop(record, 'out-of-order update of a versioned table in a join')
  return true
}

/**
 * The `flush` of a coalescing operator: emits under the context of the record that caused the last update of its key.
 * @param keepOld carry old values, and leave out a key that was put and deleted in between: nobody below ever saw it
 */
export function flushOf(
  context: ProcessorContext,
  store: TableStore,
  keepOld: boolean,
): NonNullable<Processor['flush']> {
  const { next, task } = context
  store.trackChanges({ keepOld })
  const forward = (
    key: unknown,
    newValue: unknown,
    oldValue: unknown,
    timestamp: number,
    record: FlowRecord | undefined,
  ): void => {
    if (keepOld && newValue === undefined && oldValue === undefined) return
    const origin = record ?? madeHere(key, timestamp, task.partition)
    next(changeRecord(origin, newValue, oldValue, timestamp))
  }
  return (shouldYield) => store.drainChanges(shouldYield, forward)
}

/** An update without a record behind it, for instance by a punctuator. */
function madeHere(key: unknown, timestamp: number, partition: number): FlowRecord {
  return new FlowRecord(key, null, timestamp, NO_HEADERS, '', partition, -1, undefined, undefined)
}

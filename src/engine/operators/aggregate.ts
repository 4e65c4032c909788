/**
 * aggregate, reduce and count: one value per key, from all its records so far. The result's time is the later of the
 * record's and the aggregate's (rule R4). Null keys and null values are dropped; a null result deletes the key.
 */
import type { FlowRecord } from '../../core/record.ts'
import type { BuildProcessor } from '../../core/processor.ts'
import type { PartitionedInput, StoreSpec, TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import { changeRecord, flushOf } from './emit.ts'
import type { Emit, TableStore } from './emit.ts'
import { isVersioned, openVersioned } from './versioned-table.ts'

export interface AggregateParts {
  readonly name: string
  /** Kind `timestamped` or `versioned`. */
  readonly store: StoreSpec
  readonly emit: Emit
  readonly input: PartitionedInput
}

/** Computes the new aggregate; `undefined` = there was none, not even an initial one. */
type Step = (aggregate: unknown, record: FlowRecord) => unknown

/** The aggregate of a key that has none yet. */
type Init = () => unknown

export function aggregate(
  parts: AggregateParts,
  init: () => unknown,
  add: (aggregate: unknown, value: unknown, key: unknown, record: FlowRecord) => unknown,
): TopologyNode {
  const step: Step = (old, record) => add(old, record.value, record.key, record)
  return aggregateNode('aggregate', 'both', parts, step, init)
}

/** The first value of a key is its aggregate as it is. */
export function reduce(
  parts: AggregateParts,
  reducer: (aggregate: unknown, value: unknown, key: unknown, record: FlowRecord) => unknown,
): TopologyNode {
  return aggregateNode(
    'reduce',
    'both',
    parts,
    (old, record) => (old === undefined ? record.value : reducer(old, record.value, record.key, record)),
    () => undefined,
  )
}

/** Counts records without looking into their values, which then need no decoding. */
export function count(parts: AggregateParts): TopologyNode {
  return aggregateNode(
    'count',
    'key',
    parts,
    (old) => (old as number) + 1,
    () => 0,
  )
}

function aggregateNode(
  kind: string,
  reads: TopologyNode['reads'],
  { name, store, emit, input }: AggregateParts,
  step: Step,
  init: Init,
): TopologyNode {
  return {
    name,
    kind,
    parents: [input.parent],
    reads,
    keeps: 'key',
    stores: [store],
    partitioned: [input],
    ...(isVersioned(store)
      ? { build: aggregateVersions(store.name, step, init) }
      : {
          build: buildAggregate(store.name, emit, step, init),
          buildSilent: buildAggregate(store.name, 'nothing', step, init),
        }),
  }
}

/**
 * As in Kafka Streams, the first update of a key that is emitted at once says that the initial value was there before: a
 * grouping of this table then takes it out of its group. Coalesced updates say that nothing was.
 */
export function buildAggregate(
  storeName: string,
  emit: Emit | 'nothing',
  step: Step,
  init: Init,
): BuildProcessor {
  return (context) => {
    const { next } = context
    const store = context.store<TableStore>(storeName)
    const every = emit === 'every'
    const process = (record: FlowRecord): void => {
      const { key } = record
      if (isAbsent(key)) return context.drop(record, 'null key in an aggregation')
      if (isAbsent(record.value)) return context.drop(record, 'null value in an aggregation')
      const held = store.get(key)
      const old = held === undefined ? init() : held.value
      const value = step(old, record)
      const timestamp =
        held !== undefined && held.timestamp > record.timestamp ? held.timestamp : record.timestamp
      // A deletion has no time of its own: its tombstone carries the record's.
      if (isAbsent(value)) store.delete(key, record)
      else store.put(key, value, timestamp, record)
      if (every) next(changeRecord(record, value, old, timestamp))
    }
    // The aggregate was just read, so keeping its old value costs nothing.
    return emit === 'coalesced' ? { process, flush: flushOf(context, store, true) } : { process }
  }
}

function aggregateVersions(store: string, step: Step, init: Init): BuildProcessor {
  return (context) => {
    const table = openVersioned(context, store)
    return {
      process: (record) => {
        const { key, value } = record
        if (isAbsent(key)) return context.drop(record, 'null key in an aggregation')
        if (isAbsent(value)) return context.drop(record, 'null value in an aggregation')
        const held = table.get(key)
        const old = held === undefined ? init() : held.value
        const timestamp = Math.max(record.timestamp, held?.timestamp ?? -1)
        table.keep(record, step(old, record), old, timestamp)
      },
    }
  }
}

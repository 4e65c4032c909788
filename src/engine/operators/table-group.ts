/**
 * groupBy of a table and what follows: each change takes the old value out of its group and puts the new one into its own. Both
 * travel through a repartition topic, in one record where the group stays the same.
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { Change, FlowRecord } from '../../core/record.ts'
import type { TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import type { AggregateParts } from './aggregate.ts'
import type { At } from './callbacks.ts'
import { changeRecord, flushOf } from './emit.ts'
import type { Emit, TableStore } from './emit.ts'

/** The group and value of an entry; null of either leaves the entry out. */
export type SelectGroup = (value: unknown, key: unknown) => readonly [key: unknown, value: unknown]

export function groupTable({ name, parent }: At, select: SelectGroup): TopologyNode {
  return {
    name,
    kind: 'groupBy',
    parents: [parent],
    reads: 'both',
    keeps: 'nothing',
    changesKey: true,
    needsOldValues: [parent],
    build: ({ next }) => ({
      process: (record) => {
        const { newValue, oldValue } = record.value as Change<unknown>
        const put = entryOf(select, newValue, record.key)
        const taken = entryOf(select, oldValue, record.key)
        if (put !== undefined && taken !== undefined && sameKey(put[0], taken[0]))
          return next(moved(record, put[0], put[1], taken[1]))
        if (taken !== undefined) next(moved(record, taken[0], null, taken[1]))
        if (put !== undefined) next(moved(record, put[0], put[1], null))
      },
    }),
  }
}

function entryOf(
  select: SelectGroup,
  value: unknown,
  key: unknown,
): readonly [key: unknown, value: unknown] | undefined {
  if (isAbsent(value)) return undefined
  const entry = select(value, key)
  return isAbsent(entry[0]) || isAbsent(entry[1]) ? undefined : entry
}

/** Keys that are objects count as different: taking out and putting in apart gives the same result, in two steps. */
function sameKey(a: unknown, b: unknown): boolean {
  return a === b
}

function moved(record: FlowRecord, key: unknown, newValue: unknown, oldValue: unknown): FlowRecord {
  const change: Change<unknown> = { newValue, oldValue }
  return record.with(key, change)
}

/** How a group's aggregate changes. `undefined` = there is none (any more). */
export interface GroupSteps {
  readonly add: (aggregate: unknown, value: unknown, key: unknown) => unknown
  readonly subtract: (aggregate: unknown, value: unknown, key: unknown) => unknown
}

/** The old value is taken out before the new one is put in; nothing is taken out of a group that is not there. */
export function aggregateTable(
  kind: 'aggregate' | 'count' | 'reduce',
  { name, store, emit, input }: AggregateParts,
  steps: GroupSteps,
): TopologyNode {
  return {
    name,
    kind,
    parents: [input.parent],
    reads: 'both',
    keeps: 'key',
    stores: [store],
    partitioned: [{ ...input, always: true }],
    build: buildAggregate(store.name, emit, steps),
    buildSilent: buildAggregate(store.name, 'nothing', steps),
  }
}

function buildAggregate(storeName: string, emit: Emit | 'nothing', steps: GroupSteps): BuildProcessor {
  return (context) => {
    const { next } = context
    const store = context.store<TableStore>(storeName)
    const process = (record: FlowRecord): void => {
      const { key } = record
      const { newValue, oldValue } = record.value as Change<unknown>
      const held = store.get(key)
      let value = held?.value
      if (!isAbsent(oldValue) && held !== undefined) value = steps.subtract(value, oldValue, key)
      if (!isAbsent(newValue)) value = steps.add(isAbsent(value) ? undefined : value, newValue, key)
      const timestamp = Math.max(record.timestamp, held?.timestamp ?? -1)
      if (!isAbsent(value)) store.put(key, value, timestamp, record)
      else if (emit === 'every' || held !== undefined) store.delete(key, record)
      if (emit === 'every') next(changeRecord(record, value, held?.value, timestamp))
    }
    return emit === 'coalesced' ? { process, flush: flushOf(context, store, true) } : { process }
  }
}

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
import { isVersioned, openVersioned } from './versioned-table.ts'

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
        const { newValue, oldValue, late } = record.value as Change<unknown>
        // Aggregates are over latest versions.
        if (late === true) return
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
    ...(isVersioned(store)
      ? { build: aggregateVersions(store.name, steps) }
      : {
          build: buildAggregate(store.name, emit, steps),
          buildSilent: buildAggregate(store.name, 'nothing', steps),
        }),
  }
}

function buildAggregate(storeName: string, emit: Emit | 'nothing', steps: GroupSteps): BuildProcessor {
  return (context) => {
    const { next } = context
    const store = context.store<TableStore>(storeName)
    const process = (record: FlowRecord): void => {
      const { key } = record
      const held = store.get(key)
      const value = stepped(steps, held?.value, record)
      const timestamp = Math.max(record.timestamp, held?.timestamp ?? -1)
      if (!isAbsent(value)) store.put(key, value, timestamp, record)
      else if (emit === 'every' || held !== undefined) store.delete(key, record)
      if (emit === 'every') next(changeRecord(record, value, held?.value, timestamp))
    }
    return emit === 'coalesced' ? { process, flush: flushOf(context, store, true) } : { process }
  }
}

function aggregateVersions(store: string, steps: GroupSteps): BuildProcessor {
  return (context) => {
    const table = openVersioned(context, store)
    return {
      process: (record) => {
        const held = table.get(record.key)
        const value = stepped(steps, held?.value, record)
        table.keep(record, value, held?.value, Math.max(record.timestamp, held?.timestamp ?? -1))
      },
    }
  }
}

/** @param so undefined = there is no such group */
function stepped(steps: GroupSteps, so: unknown, { key, value }: FlowRecord): unknown {
  const { newValue, oldValue } = value as Change<unknown>
  const without = isAbsent(oldValue) || so === undefined ? so : steps.subtract(so, oldValue, key)
  if (isAbsent(newValue)) return without
  return steps.add(isAbsent(without) ? undefined : without, newValue, key)
}

/**
 * filter, filterNot and mapValues of a table: another table, computed value by value. A value that is filtered out is a
 * deletion. Null values (deletions) reach neither predicate nor mapper.
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { Change } from '../../core/record.ts'
import type { TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import type { At } from './callbacks.ts'
import { changeRecord } from './emit.ts'
import { keepSilently, keepTable } from './kept-table.ts'
import type { Keeping } from './kept-table.ts'

/** From a value that is there to the derived one; null = none. */
export type Derive = (value: unknown, key: unknown) => unknown

export interface DerivedTableParts extends At {
  readonly derive: Derive
  /** Absent: nothing is kept, the table is computed again when it is looked up. */
  readonly keeping?: Keeping
  /** The table it comes from is versioned: then also a change from nothing to nothing goes on, it is a version. */
  readonly versioned: boolean
}

export function filterTable(kind: 'filter' | 'filterNot', parts: DerivedTableParts): TopologyNode {
  return derivedTable(kind, parts, true)
}

export function mapTable(parts: DerivedTableParts): TopologyNode {
  return derivedTable('mapValues', parts, false)
}

/** @param likesOldValues a change from nothing to nothing is left out where both are known (Kafka: filters do, mapValues does not) */
function derivedTable(
  kind: string,
  { name, parent, derive, keeping, versioned }: DerivedTableParts,
  likesOldValues: boolean,
): TopologyNode {
  const skipsNothing = likesOldValues && !versioned
  const node = {
    name,
    kind,
    parents: [parent],
    reads: 'both',
    keeps: 'key',
    likesOldValues,
  } as const
  if (keeping === undefined) {
    return {
      ...node,
      oldValues: 'relayed',
      build: viewOf(derive, false, skipsNothing),
      buildTracking: viewOf(derive, true, skipsNothing),
    }
  }
  const newValue = ({ newValue: value }: Change<unknown>, key: unknown): unknown =>
    derived(derive, value, key)
  return {
    ...node,
    stores: [keeping.store],
    build: keepTable(keeping, newValue, false, skipsNothing),
    buildTracking: keepTable(keeping, newValue, true, skipsNothing),
    buildSilent: keepSilently(keeping, newValue),
  }
}

function derived(derive: Derive, value: unknown, key: unknown): unknown {
  return isAbsent(value) ? null : derive(value, key)
}

function viewOf(derive: Derive, tracking: boolean, skipsNothing: boolean): BuildProcessor {
  return ({ next }) => ({
    process: (record) => {
      const { newValue, oldValue, late } = record.value as Change<unknown>
      const value = derived(derive, newValue, record.key)
      const old = tracking ? derived(derive, oldValue, record.key) : null
      if (tracking && skipsNothing && isAbsent(value) && isAbsent(old)) return
      next(changeRecord(record, value, old, record.timestamp, late))
    },
  })
}

/**
 * join, leftJoin and outerJoin of two tables by their common key: a change of either side changes the result. Its time is the
 * later of both sides'. Three nodes: what a change of the left does, what one of the right does, and the result.
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { Change } from '../../core/record.ts'
import type { TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import { changeRecord, dropLate } from './emit.ts'
import type { Joiner } from './join.ts'
import { keepSilently, keepTable } from './kept-table.ts'
import type { Keeping } from './kept-table.ts'
import type { TableSide, TableView } from './table-view.ts'

export type TableJoinKind = 'join' | 'leftJoin' | 'outerJoin'

export interface TableJoinParts {
  readonly name: string
  readonly kind: TableJoinKind
  readonly left: TableSide
  readonly right: TableSide
  readonly joiner: Joiner
  /** Absent: the result is computed again when it is looked up. */
  readonly keeping?: Keeping
}

/** Which sides must have a value for there to be a result; without either there is none anyway. */
interface Needs {
  readonly own: boolean
  readonly other: boolean
}

/** The result as one side sees it: own value first. */
type Result = (own: unknown, other: unknown, key: unknown) => unknown

/** In the order in which they must be added; the last is the table. */
export function joinTables(parts: TableJoinParts): readonly TopologyNode[] {
  const { name, kind, left, right, joiner } = parts
  const needsLeft = kind !== 'outerJoin'
  const needsRight = kind === 'join'
  const leftResult: Result = joiner
  const rightResult: Result = (own, other, key) => joiner(other, own, key)
  return [
    sideNode(`${name}-left`, left, right, { own: needsLeft, other: needsRight }, leftResult, needsRight),
    sideNode(`${name}-right`, right, left, { own: needsRight, other: needsLeft }, rightResult, needsLeft),
    resultNode(parts),
  ]
}

/** The result as it can be looked up without a store. */
export function joinedView({ kind, left, right, joiner }: TableJoinParts): TableView {
  return {
    stores: [...new Set([...left.view.stores, ...right.view.stores])],
    open: (context) => {
      const [ofLeft, ofRight] = [left.view.open(context), right.view.open(context)]
      return (key) => {
        const [a, b] = [ofLeft(key), ofRight(key)]
        if (a === undefined && (b === undefined || kind !== 'outerJoin')) return undefined
        if (b === undefined && kind === 'join') return undefined
        const value = joiner(a?.value ?? null, b?.value ?? null, key)
        const timestamp = Math.max(a?.timestamp ?? -1, b?.timestamp ?? -1)
        return isAbsent(value) ? undefined : { value, timestamp }
      }
    },
  }
}

/** An outer side asks for old values: only they tell a deletion from nothing. */
function sideNode(
  name: string,
  own: TableSide,
  other: TableSide,
  needs: Needs,
  result: Result,
  inner: boolean,
): TopologyNode {
  return {
    name,
    kind: 'join-side',
    parents: [own.node],
    reads: 'both',
    keeps: 'key',
    connects: other.view.stores,
    copartitions: [own.node, other.node],
    oldValues: 'demands',
    ...(inner ? {} : { needsOldValues: [own.node] }),
    build: buildSide(other.view, needs, result, false),
    buildTracking: buildSide(other.view, needs, result, true),
  }
}

function buildSide(view: TableView, needs: Needs, result: Result, tracking: boolean): BuildProcessor {
  return (context) => {
    const { next } = context
    const lookup = view.open(context)
    return {
      process: (record) => {
        const { key } = record
        const { newValue, oldValue } = record.value as Change<unknown>
        if (dropLate(context, record)) return
        const held = lookup(key)
        if (held === undefined && (needs.other || (isAbsent(newValue) && isAbsent(oldValue)))) return
        const other = held?.value ?? null
        const joined = (own: unknown): unknown =>
          isAbsent(own) && (needs.own || held === undefined) ? null : result(own, other, key)
        const value = joined(newValue)
        const timestamp = Math.max(record.timestamp, held?.timestamp ?? -1)
        next(changeRecord(record, value, tracking ? joined(oldValue) : null, timestamp))
      },
    }
  }
}

function resultNode({ name, kind, keeping }: TableJoinParts): TopologyNode {
  const node = {
    name,
    kind,
    parents: [`${name}-left`, `${name}-right`],
    reads: 'both',
    keeps: 'key',
  } as const
  if (keeping === undefined)
    return { ...node, oldValues: 'relayed', build: ({ next }) => ({ process: next }) }
  const newValue = ({ newValue: value }: Change<unknown>): unknown => value
  return {
    ...node,
    stores: [keeping.store],
    build: keepTable(keeping, newValue, false, false),
    buildTracking: keepTable(keeping, newValue, true, false),
    buildSilent: keepSilently(keeping, newValue),
  }
}

/**
 * join and leftJoin of a stream with a table: each record of the stream with the table's value of its key at that moment.
 * The table's own operator keeps the store; this one only reads it, so an update of the table emits nothing.
 */
import type { BuildProcessor, ProcessorContext } from '../../core/processor.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { PartitionedInput, TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import type { TableSide, TableView } from './table-view.ts'

export interface JoinParts {
  readonly name: string
  /** The stream's side. */
  readonly input: PartitionedInput
  readonly table: TableSide
}

export type Joiner = (value: unknown, other: unknown, key: unknown) => unknown

/** Null keys and null values are dropped; a record without a table value is left out. */
export function join(parts: JoinParts, joiner: Joiner): TopologyNode {
  return { ...joinNode('join', parts), build: inner(parts.table.view, joiner) }
}

/** Null values are dropped; a record with a null key, or without a table value, is joined with null. */
export function leftJoin(parts: JoinParts, joiner: Joiner): TopologyNode {
  return { ...joinNode('leftJoin', parts), allowsNullKey: true, build: left(parts.table.view, joiner) }
}

function joinNode(kind: string, { name, input, table }: JoinParts): TopologyNode {
  return {
    name,
    kind,
    parents: [input.parent],
    reads: 'both',
    keeps: 'key',
    connects: table.view.stores,
    partitioned: [input],
    copartitions: [input.parent, table.node],
  }
}

/** What the table has for a record: a versioned one what it had at the record's time. */
function opened({ open, openAsOf }: TableView, context: ProcessorContext): (record: FlowRecord) => unknown {
  if (openAsOf !== undefined) {
    const lookup = openAsOf(context)
    return ({ key, timestamp }) => lookup(key, timestamp)
  }
  const lookup = open(context)
  return ({ key }) => lookup(key)?.value
}

function inner(view: TableView, joiner: Joiner): BuildProcessor {
  return (context) => {
    const { next } = context
    const lookup = opened(view, context)
    return {
      process: (record) => {
        const { key, value } = record
        if (isAbsent(key)) return context.drop(record, 'null key in a join')
        if (isAbsent(value)) return context.drop(record, 'null value in a join')
        const other = lookup(record)
        if (other !== undefined) next(record.withValue(joiner(value, other, key)))
      },
    }
  }
}

function left(view: TableView, joiner: Joiner): BuildProcessor {
  return (context) => {
    const { next } = context
    const lookup = opened(view, context)
    return {
      process: (record) => {
        const { key, value } = record
        if (isAbsent(value)) return context.drop(record, 'null value in a join')
        const other = isAbsent(key) ? null : (lookup(record) ?? null)
        next(record.withValue(joiner(value, other, key)))
      },
    }
  }
}

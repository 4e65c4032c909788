/**
 * join and leftJoin of a stream with a table: each record of the stream with the table's value of its key at that moment.
 * The table's own operator keeps the store; this one only reads it, so an update of the table emits nothing.
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { TimestampedStore } from '../state/key-value.ts'
import type { PartitionedInput, TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'

export interface JoinParts {
  readonly name: string
  /** The stream's side. */
  readonly input: PartitionedInput
  readonly table: { readonly node: string; readonly store: string }
}

export type Joiner = (value: unknown, other: unknown, key: unknown) => unknown

/** Null keys and null values are dropped; a record without a table value is left out. */
export function join(parts: JoinParts, joiner: Joiner): TopologyNode {
  return { ...joinNode('join', parts), build: inner(parts.table.store, joiner) }
}

/** Null values are dropped; a record with a null key, or without a table value, is joined with null. */
export function leftJoin(parts: JoinParts, joiner: Joiner): TopologyNode {
  return { ...joinNode('leftJoin', parts), allowsNullKey: true, build: left(parts.table.store, joiner) }
}

function joinNode(kind: string, { name, input, table }: JoinParts): TopologyNode {
  return {
    name,
    kind,
    parents: [input.parent],
    reads: 'both',
    keeps: 'key',
    connects: [table.store],
    partitioned: [input],
    copartitions: [input.parent, table.node],
  }
}

function inner(storeName: string, joiner: Joiner): BuildProcessor {
  return (context) => {
    const { next } = context
    const store = context.store<TimestampedStore<unknown, unknown>>(storeName)
    return {
      process: (record) => {
        const { key, value } = record
        if (isAbsent(key)) return context.drop(record, 'null key in a join')
        if (isAbsent(value)) return context.drop(record, 'null value in a join')
        const held = store.get(key)
        if (held !== undefined) next(record.withValue(joiner(value, held.value, key)))
      },
    }
  }
}

function left(storeName: string, joiner: Joiner): BuildProcessor {
  return (context) => {
    const { next } = context
    const store = context.store<TimestampedStore<unknown, unknown>>(storeName)
    return {
      process: (record) => {
        const { key, value } = record
        if (isAbsent(value)) return context.drop(record, 'null value in a join')
        const held = isAbsent(key) ? undefined : store.get(key)
        next(record.withValue(joiner(value, held === undefined ? null : held.value, key)))
      },
    }
  }
}

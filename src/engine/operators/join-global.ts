/**
 * joinGlobal and leftJoinGlobal: each record of a stream with the value that a global table has of a key computed from the
 * record. The table is whole in every instance, so nothing is repartitioned, and the record keeps its key and time.
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { GlobalTableStore } from '../state/global-store.ts'
import type { TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import type { At, FromRecord } from './callbacks.ts'
import type { Joiner } from './join.ts'

export interface GlobalJoinParts extends At {
  /** The table's store. */
  readonly table: string
  /** The key to look up; null finds nothing. */
  readonly key: FromRecord<unknown, unknown, unknown>
}

/** A record with a null value or a null look-up key is dropped; one without a table value is left out. */
export function joinGlobal(parts: GlobalJoinParts, joiner: Joiner): TopologyNode {
  return { ...globalNode('joinGlobal', parts), build: inner(parts, joiner) }
}

/** A record with a null value is dropped; one with a null look-up key, or without a table value, is joined with null. */
export function leftJoinGlobal(parts: GlobalJoinParts, joiner: Joiner): TopologyNode {
  return { ...globalNode('leftJoinGlobal', parts), allowsNullKey: true, build: left(parts, joiner) }
}

function globalNode(kind: string, { name, parent, table }: GlobalJoinParts): TopologyNode {
  return { name, kind, parents: [parent], reads: 'both', keeps: 'key', globals: [table] }
}

function inner({ table, key: select }: GlobalJoinParts, joiner: Joiner): BuildProcessor {
  return (context) => {
    const { next } = context
    const store = context.store<GlobalTableStore<unknown, unknown>>(table)
    return {
      process: (record) => {
        const { key, value } = record
        if (isAbsent(value)) return context.drop(record, 'null value in a join')
        const wanted = select(value, key, record)
        if (isAbsent(wanted)) return context.drop(record, 'null look-up key in a join')
        const held = store.get(wanted)
        if (held !== undefined) next(record.withValue(joiner(value, held.value, key)))
      },
    }
  }
}

function left({ table, key: select }: GlobalJoinParts, joiner: Joiner): BuildProcessor {
  return (context) => {
    const { next } = context
    const store = context.store<GlobalTableStore<unknown, unknown>>(table)
    return {
      process: (record) => {
        const { key, value } = record
        if (isAbsent(value)) return context.drop(record, 'null value in a join')
        const wanted = select(value, key, record)
        const held = isAbsent(wanted) ? undefined : store.get(wanted)
        next(record.withValue(joiner(value, held === undefined ? null : held.value, key)))
      },
    }
  }
}

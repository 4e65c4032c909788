/**
 * How others look a key up in a table, whether it has a store of its own or is computed from the tables it came from. A view
 * only reads: it must give what the table's last change of the key said.
 */
import type { ProcessorContext } from '../../core/processor.ts'
import type { Timestamped } from '../state/codec.ts'
import type { TimestampedStore } from '../state/key-value.ts'
import { isAbsent } from './absent.ts'

/** Answers for one task; undefined = the table has no such key. */
export type Lookup = (key: unknown) => Timestamped<unknown> | undefined

export interface TableView {
  /** Stores behind it, which a reader must connect to. */
  readonly stores: readonly string[]
  open(context: ProcessorContext): Lookup
}

/** A table and where it stands in the topology. */
export interface TableSide {
  readonly node: string
  readonly view: TableView
}

/** A table with a store. */
export function storeView(store: string): TableView {
  return {
    stores: [store],
    open: (context) => {
      const held = context.store<TimestampedStore<unknown, unknown>>(store)
      return (key) => held.get(key)
    },
  }
}

/** A table computed value by value from another; a null of `derive` is no value. */
export function derivedView(parent: TableView, derive: (value: unknown, key: unknown) => unknown): TableView {
  return {
    stores: parent.stores,
    open: (context) => {
      const lookup = parent.open(context)
      return (key) => {
        const held = lookup(key)
        if (held === undefined) return undefined
        const value = derive(held.value, key)
        return isAbsent(value) ? undefined : { value, timestamp: held.timestamp }
      }
    },
  }
}

/**
 * How others look a key up in a table, whether it has a store of its own or is computed from the tables it came from. A view
 * only reads: it must give what the table's last change of the key said.
 */
import type { ProcessorContext } from '../../core/processor.ts'
import type { Timestamped } from '../state/codec.ts'
import type { TimestampedStore } from '../state/key-value.ts'
import type { VersionedStore } from '../state/versioned-store.ts'
import type { StoreSpec } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import { latestOf } from './versioned-table.ts'

/** Answers for one task; undefined = the table has no such key. */
export type Lookup = (key: unknown) => Timestamped<unknown> | undefined

/** The value that was valid at an event time. */
export type LookupAsOf = (key: unknown, time: number) => unknown

export interface TableView {
  /** Stores behind it, which a reader must connect to. */
  readonly stores: readonly string[]
  /** Looks latest values up. */
  open(context: ProcessorContext): Lookup
  /** Looks values up as of a time; undefined = none then. Only of tables that are versioned, themselves or the one they come from. */
  openAsOf?(context: ProcessorContext): LookupAsOf
}

/** A table and where it stands in the topology. */
export interface TableSide {
  readonly node: string
  readonly view: TableView
}

/** A table with a store of this kind. */
export function viewOf({ name, kind }: StoreSpec): TableView {
  return kind === 'versioned' ? versionedView(name) : storeView(name)
}

function versionedView(store: string): TableView {
  const versions = (context: ProcessorContext): VersionedStore<unknown, unknown> =>
    context.store<VersionedStore<unknown, unknown>>(store)
  return {
    stores: [store],
    open: (context) => {
      const held = versions(context)
      return (key) => latestOf(held, key)
    },
    openAsOf: (context) => {
      const held = versions(context)
      return (key, time) => held.getAsOf(key, time)?.value
    },
  }
}

/** A table with a store without versions. */
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
  const { openAsOf } = parent
  return {
    stores: parent.stores,
    ...(openAsOf && { openAsOf: derivedAsOf(openAsOf, derive) }),
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

function derivedAsOf(
  openAsOf: NonNullable<TableView['openAsOf']>,
  derive: (value: unknown, key: unknown) => unknown,
): NonNullable<TableView['openAsOf']> {
  return (context) => {
    const lookup = openAsOf(context)
    return (key, time) => {
      const value = lookup(key, time)
      return isAbsent(value) ? undefined : (derive(value, key) ?? undefined)
    }
  }
}

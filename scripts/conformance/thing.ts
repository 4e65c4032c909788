/** What a step of a case defines, and what drawing one needs of the steps before it. */
import type * as dsl from '../../src/index.ts'
import type { Step } from './case.ts'
import type { Value } from './functions.ts'

export type Key = string | null
export type Stream = dsl.Stream<Key, Value>
export type Table = dsl.Table<Key, Value>
export type Grouped = dsl.Grouped<Key, Value>
export type GroupedTable = dsl.GroupedTable<Key, Value>

export type Thing =
  | { readonly kind: 'stream'; readonly stream: Stream }
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'global'; readonly table: dsl.GlobalTable<Key, Value> }
  | { readonly kind: 'group'; readonly group: Grouped }
  | { readonly kind: 'grouped-table'; readonly group: GroupedTable }

type StoreSpec = ReturnType<typeof dsl.store>

export interface Drawing {
  readonly flow: dsl.Flow
  /** By id. */
  readonly things: Map<string, Thing>
  readonly stores: Map<string, StoreSpec>
  /** The record cache is on: what has a store coalesces. */
  readonly caching: boolean
}

/** Of a table that begins at a topic or stream: without a cache each update goes on, with one it is as the engine decides. */
export function sourceTableOptions({ caching }: Drawing, step: Step): dsl.SourceTableOptions {
  const kept = step.store !== undefined || step.versioned !== undefined
  const emit = !caching || step.caching === false ? 'every' : kept ? 'coalesced' : undefined
  const options = { ...named(step), ...keeping(step), materialized: kept }
  return emit === undefined ? options : { ...options, emit }
}

/** The name a step was given. */
export function named({ name }: Step): { readonly name?: string } {
  return name === undefined ? {} : { name }
}

/** How a step keeps its table: what Java's Materialized says. */
export function keeping({
  store,
  logging,
  versioned,
}: Step): Pick<dsl.TableOptions, 'store' | 'changelog' | 'versioned'> {
  return {
    ...(store === undefined ? {} : { store }),
    ...(logging === undefined ? {} : { changelog: logging }),
    ...(versioned === undefined ? {} : { versioned }),
  }
}

/** Thrown while drawing a case that has an operator which the DSL does not have yet. */
export class NotYet extends Error {
  readonly operator: string

  constructor(operator: string) {
    super(`not yet: ${operator}`)
    this.operator = operator
  }
}

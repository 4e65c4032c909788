/** What a step of a case defines, and what drawing one needs of the steps before it. */
import type * as dsl from '../../src/index.ts'
import type { Step } from './case.ts'
import type { Aggregator, Key, Value } from './functions.ts'
import type { CaseWindow } from './window.ts'

export type { Key } from './functions.ts'
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
  /** Drawn only with the aggregation, which has the options. */
  | {
      readonly kind: 'windowed'
      readonly group: Group
      readonly window: CaseWindow
      readonly emit: string | undefined
    }
  | Cogroup

export type Group = Grouped | Cogroup

export interface Cogroup {
  readonly kind: 'cogroup'
  readonly group: dsl.Cogrouped<Key, Value>
  /** Of the first group: its start and merger count. */
  readonly first: Aggregator
}

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

/** Any of these fields makes Kafka's operator one with a Materialized. */
export function isMaterialized({ store, caching, logging, retention, versioned }: Step): boolean {
  return [store, caching, logging, retention, versioned].some((field) => field !== undefined)
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

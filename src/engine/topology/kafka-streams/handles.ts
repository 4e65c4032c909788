/** What the verbs of Kafka Streams' DSL hand on: streams, tables and groups, with what the names of later verbs depend on. */
import type { GraphNode } from './graph.ts'

export interface StreamHandle {
  readonly kind: 'stream'
  readonly name: string
  readonly node: GraphNode
  /** Sources that feed it, by name. */
  readonly sources: ReadonlySet<string>
  /** Its keys may have changed since it was partitioned (rule R1). */
  readonly repartitionRequired: boolean
  /** Made for a join under the stream's own name; a later join takes it again. */
  repartition?: GraphNode
}

export interface GroupHandle {
  readonly kind: 'group'
  readonly name: string
  readonly node: GraphNode
  readonly sources: ReadonlySet<string>
  readonly repartitionRequired: boolean
  /** Given by the user: of the repartition topic that all aggregations share. */
  readonly given: string | undefined
  /** Of a table's entries: always through a repartition topic. */
  readonly ofTable: boolean
  repartition?: GraphNode
}

export interface TableHandle {
  readonly kind: 'table'
  readonly name: string
  readonly node: GraphNode
  readonly sources: ReadonlySet<string>
  readonly supplier: TableSupplier
}

export type Handle = StreamHandle | GroupHandle | TableHandle

/** How a table is looked up, and whether it has a store. */
export interface TableSupplier {
  /** Stores that a look-up reads; asking makes a table of a topic keep one. */
  storeNames(): readonly string[]
  /** Somebody needs what a value was before; @param force also where it takes a store made for it */
  sendOldValues(force: boolean): void
}

/** A table that always has its store. */
export function keptSupplier(store: string): TableSupplier {
  return { storeNames: () => [store], sendOldValues: () => undefined }
}

/** A table made from its parent: with a store of its own, or computed when it is looked up. */
export function derivedSupplier(store: string | undefined, parent: TableSupplier): TableSupplier {
  return store === undefined ? parent : keptSupplier(store)
}

/** A table that keeps its store only once somebody asks for it. */
export interface SourceSupplier extends TableSupplier {
  readonly store: string
  materialized(): boolean
}

export function sourceSupplier(store: string, named: boolean): SourceSupplier {
  let materialized = named
  return {
    store,
    materialized: () => materialized,
    storeNames: () => {
      materialized = true
      return [store]
    },
    sendOldValues: (force) => {
      if (force) materialized = true
    },
  }
}

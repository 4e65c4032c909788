/** What a user said with a verb of a language, as far as Kafka Streams' names depend on it, and the names that follow. */

/** Verbs of a stream that make one node and no state. */
export type StreamVerb =
  | 'filter'
  | 'filterNot'
  | 'mapValues'
  | 'flatMapValues'
  | 'map'
  | 'flatMap'
  | 'selectKey'
  | 'peek'
  | 'forEach'
  | 'print'
  | 'process'
  | 'processValues'
  | 'enrich'
  | 'joinGlobal'
  | 'leftJoinGlobal'

/** `name` is what Java takes as Named, Consumed, Grouped, Joined …; `store` what it takes as Materialized.as. */
interface Naming {
  readonly name?: string | undefined
}

interface Keeping extends Naming {
  readonly store?: string | undefined
  /** The user said how the result is kept (a store, its changelog …), with or without a name for it. */
  readonly materialized?: boolean
}

interface From {
  /** What the verb was called on: the node of a stream or table, or a group. */
  readonly from: string
}

export type Said =
  | (Naming & { readonly verb: 'stream'; readonly topics: readonly string[]; readonly pattern?: string })
  | (Keeping & { readonly verb: 'table' | 'globalTable'; readonly topic: string })
  | (Naming & From & { readonly verb: StreamVerb; readonly stores?: readonly string[] })
  | (Naming & From & { readonly verb: 'merge'; readonly other: string })
  | (Naming & From & { readonly verb: 'branch'; readonly arms: readonly BranchArm[] })
  | (Naming & From & { readonly verb: 'repartition'; readonly partitions?: number | undefined })
  /** Without `topic`: chosen per record. */
  | (Naming & From & { readonly verb: 'to'; readonly topic?: string })
  | (Naming & From & { readonly verb: 'groupByKey' | 'groupBy' })
  | (Naming & From & { readonly verb: 'tableGroupBy' })
  | (Keeping & From & { readonly verb: 'toTable' })
  | (Keeping & From & { readonly verb: AggregateVerb | TableAggregateVerb })
  | (Keeping & { readonly verb: 'cogroup'; readonly groups: readonly string[] })
  | (Naming & From & { readonly verb: 'join' | 'leftJoin'; readonly table: string; readonly grace?: boolean })
  | (Keeping & From & { readonly verb: 'streamJoin'; readonly kind: JoinKind; readonly other: string })
  | (Keeping & From & { readonly verb: 'tableFilter' | 'tableMapValues' })
  | (Keeping & From & { readonly verb: 'tableJoin' | 'foreignJoin'; readonly other: string })
  | (Naming & From & { readonly verb: 'toStream' | 'suppress' })

export type JoinKind = 'inner' | 'left' | 'outer'
export type AggregateVerb = 'count' | 'reduce' | 'aggregate'
export type TableAggregateVerb = 'tableCount' | 'tableReduce' | 'tableAggregate'

/** Of a split: its place among the predicates from 1, 0 for the default. */
export interface BranchArm {
  readonly index: number
  readonly as?: string | undefined
}

/** Names Kafka Streams gives to what a verb makes. */
export interface SaidNames {
  /** The node of the result: what `from` of the next verb says. */
  readonly node: string
  /** Of a verb that only groups: what `from` of an aggregation says. */
  readonly group?: string
  readonly store?: string
  /** Further stores: of both sides and of unmatched records of a stream-stream join, of foreign-key subscriptions, of a grace buffer. */
  readonly stores?: readonly string[]
  /** Names of repartition topics without `-repartition`, by input; undefined where the input needs none. */
  readonly repartitions?: readonly (string | undefined)[]
  /** Nodes of a split's arms, in their order. */
  readonly arms?: readonly string[]
  /** Foreign-key joins: the topics of questions and answers. */
  readonly topics?: readonly string[]
}

/** The options of the verbs of the DSL as types, and the words they are made of. No code. */
import type { Duration } from '../../core/duration.ts'
import type { Processor, ProcessorContext } from '../../core/processor.ts'
import type { Encoded, FlowRecord, Headers } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { TimestampExtractor, Topic } from '../../core/topic.ts'
import type { Emit } from '../../engine/operators/emit.ts'
import type { StoreSpec } from '../../engine/topology/node.ts'

/** Called with the value first, since most need only that. A missing key or value arrives as null. */
export type Callback<K, V, R> = (value: V, key: K, record: FlowRecord<K, V>) => R

export interface Named {
  /** Name of the node, and of the state and topics that belong to it. Default: from content. */
  readonly name?: string
}

/** What is written when the key or value must go through a topic. */
export interface Serdes<K, V> {
  /** Default: the serde the key came with, or else text. */
  readonly key?: Serde<K>
  /** Default: the serde the value came with, or else JSON. */
  readonly value?: Serde<V>
}

export type Present<T> = Exclude<T, null | undefined>

/**
 * Options of a verb that makes new keys. The type of the keys comes from the serde: without one they must be text, so
 * that a key nobody can write is an error in the editor.
 */
export interface NewKeyOptions<L, W = never> extends Named {
  /** Default: text. */
  readonly key?: Serde<L>
  /** Default: the serde the value came with, or else JSON. */
  readonly value?: Serde<W>
}

/** A topic that takes these keys and values; its serdes may take more. */
export interface SinkTopic<K, V> {
  readonly name: string
  readonly key: { readonly format: string; readonly serialize: (key: Present<K>) => Encoded }
  readonly value: { readonly format: string; readonly serialize: (value: Present<V>) => Encoded }
}

/** Names that Kafka Streams keeps apart: of the node and of its state. */
export interface StoreNamed extends Named {
  /** Name of the store, and with it of its changelog. Default: the `name`. Where names are Kafka Streams': what Materialized.as says. */
  readonly store?: string
}

/** Of a count. */
export interface CountOptions {
  /**
   * Where names are Kafka Streams': true says that Java gives a Materialized, also one without a name; a count then takes a number more.
   * Default: whether `store`, `changelog` or another option of the store is given.
   */
  readonly materialized?: boolean
}

/** A node per arm, the default last. */
export interface BranchOptions<A extends PropertyKey, D extends boolean> extends Named {
  /** False: a record that fits nowhere is dropped, and there is no arm `default`. Default true. */
  readonly default?: D
  /** Where names are Kafka Streams': what Branched.as says of an arm. Default: its number, 0 for the default. */
  readonly as?: { readonly [Arm in A | 'default']?: string }
}

/** The streams of a branch by arm. */
export type Arms<P, D extends boolean> = keyof P | (D extends true ? 'default' : never)

export interface EmitOptions {
  /** `every`: each update goes on at once. `coalesced`: the last of each key per commit. Default `coalesced`. */
  readonly emit?: Emit
}

/** Of a join of a stream with a table. */
export interface JoinOptions<K, V> extends Named, Serdes<K, V> {
  /**
   * Holds each record until stream time has passed it by so much, so that the table can still learn what was valid at the record's
   * time. Only with a versioned table. Default: records are joined at once.
   */
  readonly grace?: Duration
}

/** How far apart the records of two streams may be that belong together. */
export interface StreamJoinOptions<K, V, T> extends Named, Serdes<K, V> {
  /** Base of the names of its stores. Default: the `name`. Where names are Kafka Streams': what StreamJoined.withStoreName says. */
  readonly store?: string
  /**
   * How long before and after a record of this stream its partner may be, by event time, bounds included: `'10s'`, or
   * `{ before, after }`, of which one may be negative. A record is kept that long, twice over.
   */
  readonly within: Duration | { readonly before: Duration; readonly after: Duration }
  /** How long late records are waited for, by event time, before a record counts as unmatched. Default 0. */
  readonly grace?: Duration
  /** Of the other stream. Default: the serde its values came with, or else JSON. */
  readonly otherValue?: Serde<T>
  /** Records are kept in changelog topics, so that they survive the machine. Default true. */
  readonly changelog?: boolean
}

export interface StateOptions extends EmitOptions {
  /** Kept in a changelog topic, so that it survives the machine. Default true. */
  readonly changelog?: boolean
}

export interface TableOptions extends StoreNamed, StateOptions {
  /**
   * Keeps all values of a key over this much event time, so that an update out of order becomes part of the past instead of
   * overwriting, and joins of streams look up what was valid at their records' time. Each update goes on at once (`emit` has no say).
   * Default: only the last value is kept.
   */
  readonly versioned?: Duration
}

/** Of a table that begins at a topic or stream. */
export interface SourceTableOptions extends TableOptions {
  /**
   * True: filters of it leave out deletions of what was never there, and `emit` defaults to `coalesced` even where no join looks
   * into it (false: to `every` there). Default: whether it has a `name`, as in Kafka Streams, where a table without one has
   * neither store nor cache unless something else needs them.
   */
  readonly materialized?: boolean
}

/** Of a join by foreign key; `F` are the keys of the other table. */
export interface ForeignJoinOptions<F, R> extends SourceTableOptions {
  /** Serde of the result. Default JSON. */
  readonly value?: Serde<Present<R>>
  /** The partition of a key of the other table, from 0 to `partitions - 1`, if its topic is not partitioned by key as Java does. */
  partitioner?(key: F, partitions: number): number
}

/** How a stream becomes a table. */
export interface ToTableOptions<K, V> extends Serdes<K, V>, SourceTableOptions {}

/**
 * Chooses the partition of a record, from 0 to `partitions - 1`; several of them: it is written to each; an empty list: it is left
 * out; undefined: as without a partitioner. Must give the same for the same record.
 */
export type Partitioner<K, V> = (
  value: V,
  key: K,
  partitions: number,
  record: FlowRecord<K, V>,
) => number | readonly number[] | undefined

export interface ToOptions<K, V> extends Named {
  /** Default: by the key, as Java; null keys in turns. */
  partitioner?(...of: Parameters<Partitioner<K, V>>): ReturnType<Partitioner<K, V>>
}

/** Of topics chosen per record, which have no serdes of their own. */
export interface ToChosenOptions<K, V> extends ToOptions<K, V>, Serdes<Present<K>, Present<V>> {}

/** Of a stream of all topics that match a pattern. */
export interface PatternOptions<K, V> extends Named {
  readonly key: Serde<K>
  readonly value: Serde<V>
  /** As in `topic(…)`. */
  readonly timestamp?: TimestampExtractor<K, V>
}

export interface RepartitionOptions<K, V> extends Named, Serdes<K, V> {
  /** Default: by the key, as Java. State below finds a key only where its partitioner says. */
  partitioner?(...of: Parameters<Partitioner<K, V>>): ReturnType<Partitioner<K, V>>
  /** Default: as many as the topics it comes from, or as the partner of a join. */
  readonly partitions?: number
}

export interface EnrichVerbOptions<K, V, A, R> extends Named, Serdes<K, V> {
  /** Makes the new value of the record's value and the answer. Default: the answer, or the value with the fields filled. */
  join?(value: V, answer: A, key: K): R
}

export interface ProcessOptions<K, V> extends Named, Serdes<K, V> {
  /** Made by `store(…)`. One store given to several processors is shared. */
  readonly stores?: readonly StoreSpec[]
}

export interface ProcessValuesOptions<V> extends Named {
  /** Default: JSON. */
  readonly value?: Serde<V>
  /** As for process. */
  readonly stores?: readonly StoreSpec[]
}

export interface PrintOptions extends Named {
  /** Default: what came before, as in names: `[orders]: …`. */
  readonly label?: string
  /** Takes one line, without its line break. Default: standard output. */
  readonly write?: (line: string) => void
}

export interface GlobalJoinOptions<K, V, G> extends Named {
  /** The key to look up in the table; null finds nothing. */
  readonly key: (value: V, key: K) => G | null
}

/** What a processor of the user may use; what it forwards has keys `L` and values `W`. */
export interface ProcessContext<L, W> extends Omit<
  ProcessorContext,
  'next' | 'nextNamed' | 'output' | 'async'
> {
  /** Forwards a record; make it from the one that came by `with…`, so that it keeps where it came from. */
  readonly next: (record: FlowRecord<L, W>) => void
  /** Forwards a record of no origin, for punctuators. @param timestamp event time, ms since 1970 */
  readonly emit: (key: L, value: W, timestamp: number) => void
  /**
   * A function that forwards to one child only, by the name it was given; ask for it when the processor is built.
   * @throws SLUICE_INTERNAL when nothing of that name is below
   */
  forwardTo(child: string): (record: FlowRecord<L, W>) => void
}

/** A record whose key may not be changed. */
export type FixedKeyRecord<K, V> = Omit<
  FlowRecord<K, V>,
  'withKey' | 'with' | 'withValue' | 'withTimestamp' | 'withHeaders'
> & {
  withValue<W>(value: W): FixedKeyRecord<K, W>
  withTimestamp(timestamp: number): FixedKeyRecord<K, V>
  withHeaders(headers: Headers): FixedKeyRecord<K, V>
}

/** What a processor of processValues may use; what it forwards has values `W` and the key that came. */
export interface FixedKeyContext<W> extends Omit<ProcessContext<unknown, W>, 'next' | 'emit' | 'forwardTo'> {
  /** Forwards a record made by `with…` from the one that came. */
  readonly next: (record: FixedKeyRecord<unknown, W>) => void
  /** As `next`, to one child only. */
  forwardTo(child: string): (record: FixedKeyRecord<unknown, W>) => void
}

export interface FixedKeyProcessor<K, V> extends Omit<Processor, 'process'> {
  process(record: FixedKeyRecord<K, V>): void
}

export interface UserProcessor<K, V> extends Omit<Processor, 'process'> {
  process(record: FlowRecord<K, V>): void
}

/** A table computed from others. */
export interface DerivedTableOptions extends TableOptions {
  /**
   * Keeps the result in a store of its own, under the name of the table. Default false (true with `emit` or `changelog`, which
   * are about that store): it is computed again when it is looked up.
   */
  readonly materialized?: boolean
}

export interface ReduceTableOptions<K, V> extends TableOptions {
  add(aggregate: V, value: V, key: K): V
  subtract(aggregate: V, value: V, key: K): V
  /** Default: as the values, or JSON. */
  readonly value?: Serde<Present<V>>
}

export interface AggregateTableOptions<K, V, A> extends TableOptions {
  init(): A
  add(aggregate: A, value: V, key: K): A | null
  subtract(aggregate: A, value: V, key: K): A | null
  /** Serde of the aggregate. Default JSON. */
  readonly value?: Serde<A>
}

export interface AggregateOptions<K, V, A> extends TableOptions {
  readonly init: () => A
  readonly add: (aggregate: A, value: V, key: K, record: FlowRecord<K, V>) => A | null
  /** Serde of the aggregate. Default JSON. */
  readonly value?: Serde<A>
}

/**
 * A table that every instance holds whole, all partitions of its topic: for small, slowly changing data that is looked up by
 * any key. It is read to the end before anything is processed. Processors read it with
 * `context.store<GlobalTableStore<K, V>>(table.name)`.
 */
export interface GlobalTable<K, V> {
  /** Of its store. */
  readonly name: string
  readonly topic: Topic<K, V>
}

/** Streams, tables and groups of the DSL as types: what each verb takes and gives. No code. */
import type { FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { Topic } from '../../core/topic.ts'
import type { Windowed } from '../../core/windowed.ts'
import type { Window } from '../../engine/operators/windows.ts'
import type { Enriched, EnrichOptions, Fallbacks, Sources } from '../../enrich/types.ts'
import type {
  Arms,
  BranchOptions,
  CountOptions,
  StoreNamed,
  AggregateOptions,
  AggregateTableOptions,
  Callback,
  DerivedTableOptions,
  EmitOptions,
  EnrichVerbOptions,
  ForeignJoinOptions,
  FixedKeyContext,
  FixedKeyProcessor,
  GlobalJoinOptions,
  GlobalTable,
  JoinOptions,
  Named,
  NewKeyOptions,
  Present,
  PatternOptions,
  PrintOptions,
  ProcessContext,
  ProcessOptions,
  ProcessValuesOptions,
  ReduceTableOptions,
  RepartitionOptions,
  Serdes,
  SinkTopic,
  SourceTableOptions,
  StreamJoinOptions,
  TableOptions,
  ToChosenOptions,
  ToOptions,
  ToTableOptions,
  UserProcessor,
} from './verb-options.ts'
import type {
  CogroupOptions,
  Merging,
  Suppression,
  WindowedAggregateOptions,
  WindowedOptions,
} from './window-options.ts'

/**
 * Records as they happened; a stream of some values is a stream of a wider type of values, too. Every verb gives a new
 * stream and leaves this one as it is, so that it may be used again.
 * Callbacks must be pure and synchronous; asking the outside world is `enrich`.
 */
export interface Stream<out K, out V> {
  /** Keeps the records for which the predicate holds. */
  filter(predicate: Callback<K, V, boolean>, options?: Named): Stream<K, V>
  /** Keeps the records for which the predicate does not hold. */
  filterNot(predicate: Callback<K, V, boolean>, options?: Named): Stream<K, V>
  /** Shows each record to a function. */
  peek(look: Callback<K, V, void>, options?: Named): Stream<K, V>
  /** Replaces the value; the key stays, and with it the partition. */
  mapValues<W>(
    mapper: Callback<K, V, W>,
    options?: Named & { readonly value?: Serde<Present<W>> },
  ): Stream<K, W>
  /** None, one or many values out of one. */
  flatMapValues<W>(
    mapper: Callback<K, V, Iterable<W>>,
    options?: Named & { readonly value?: Serde<Present<W>> },
  ): Stream<K, W>
  /** Replaces key and value, given as `[key, value]`. State below goes through a repartition topic. */
  map<W, L = string>(
    mapper: Callback<K, V, readonly [NoInfer<L> | null, W]>,
    options?: NewKeyOptions<L, Present<W>>,
  ): Stream<L, W>
  /** None, one or many `[key, value]` out of one record. */
  flatMap<W, L = string>(
    mapper: Callback<K, V, Iterable<readonly [NoInfer<L> | null, W]>>,
    options?: NewKeyOptions<L, Present<W>>,
  ): Stream<L, W>
  /** Gives the record a new key. State below goes through a repartition topic. */
  selectKey<L = string>(selector: Callback<K, V, NoInfer<L> | null>, options?: NewKeyOptions<L>): Stream<L, V>
  /**
   * Splits by the first predicate that holds; the rest is in `default`. The names become part of the names below.
   * @example const { big, default: small } = orders.branch({ big: (order) => order.total > 1000 })
   */
  branch<P extends Readonly<Record<string, Callback<K, V, boolean>>>, D extends boolean = true>(
    predicates: P & { readonly default?: never },
    options?: BranchOptions<keyof P, D>,
  ): Readonly<Record<Arms<P, D>, Stream<K, V>>>
  /** This stream and others as one, in no order among them. A name may come last: `a.merge(b, { name: 'both' })`. */
  merge(...others: readonly Stream<K, V>[] | readonly [...Stream<K, V>[], Named]): Stream<K, V>
  /** Always through an internal topic, partitioned by key. */
  repartition(options?: RepartitionOptions<K, V>): Stream<K, V>
  /** The last value of each key; null deletes it. */
  toTable(options?: ToTableOptions<K, V>): Table<K, V>
  /** Groups by the key there is. A name given is that of the repartition topic, which all aggregations of the group share. */
  groupByKey(options?: Named & Serdes<K, V>): Grouped<K, V>
  /** Groups by a new key; `name` as in groupByKey. */
  groupBy<L = string>(
    selector: Callback<K, V, NoInfer<L> | null>,
    options?: NewKeyOptions<L, V>,
  ): Grouped<L, V>
  /** For each record the table's value of its key; records without one are dropped. Only this side triggers. */
  join<T, R>(
    table: Table<K, T>,
    joiner: (value: V, other: T, key: K) => R,
    options?: JoinOptions<K, V>,
  ): Stream<K, R>
  /**
   * Each pair of records of both streams with equal keys and times not further apart than `within`; either side triggers. A pair
   * has the later of both times.
   * @example orders.join(payments, (order, payment) => ({ ...order, paid: payment.amount }), { within: '15m' })
   */
  join<T, R>(
    stream: Stream<K, T>,
    joiner: (value: V, other: T, key: K) => R,
    options: StreamJoinOptions<K, V, T>,
  ): Stream<K, R>
  /** As `join`, but a record without a table value is joined with null. */
  leftJoin<T, R>(
    table: Table<K, T>,
    joiner: (value: V, other: T | null, key: K) => R,
    options?: JoinOptions<K, V>,
  ): Stream<K, R>
  /** As `join`, but a record of this stream that finds no partner is joined with null once its window and `grace` are over. */
  leftJoin<T, R>(
    stream: Stream<K, T>,
    joiner: (value: V, other: T | null, key: K) => R,
    options: StreamJoinOptions<K, V, T>,
  ): Stream<K, R>
  /** As `leftJoin`, and so are records of the other stream. */
  outerJoin<T, R>(
    stream: Stream<K, T>,
    joiner: (value: V | null, other: T | null, key: K) => R,
    options: StreamJoinOptions<K, V, T>,
  ): Stream<K, R>
  /**
   * Asks a source, or several at the same time, about each record: http(…), any function, any source of `sluice/enrich`.
   * Nothing waits for the answer; order per key is kept. An object of sources fills the fields of these names.
   * @example .enrich({ profile: http('https://profiles.internal/{key}') }, { fallback: { profile: null } })
   */
  enrich<S extends Sources<V, K>, F extends Fallbacks<V> = Fallbacks<V>, R = Enriched<V, S, F>>(
    sources: S,
    options?: EnrichOptions<F> & EnrichVerbOptions<K, V, Enriched<V, S, F>, R>,
  ): Stream<K, R>
  /** The user's own processor, with stores and punctuators. Its keys count as changed. */
  process<L = K, W = V>(
    build: (context: ProcessContext<L, W>) => UserProcessor<K, V>,
    options?: ProcessOptions<L, W>,
  ): Stream<L, W>
  /** As `process`, but the key stays, and with it the partition. */
  processValues<W = V>(
    build: (context: FixedKeyContext<W>) => FixedKeyProcessor<K, V>,
    options?: ProcessValuesOptions<W>,
  ): Stream<K, W>
  /**
   * For each record the global table's value of a key computed from it; records without one, or with a null key to look up,
   * are left out. Nothing is repartitioned. Only this side triggers, with the table as this instance knows it then: a
   * record processed again after a crash may meet a newer value.
   * @example orders.joinGlobal(flow.globalTable(rates), { key: (order) => order.currency }, (order, rate) => order.total * rate)
   */
  joinGlobal<G, T, R>(
    table: GlobalTable<G, T>,
    options: GlobalJoinOptions<K, V, NoInfer<G>>,
    joiner: (value: V, other: NoInfer<T>, key: K) => R,
  ): Stream<K, R>
  /** As `joinGlobal`, but a record without a table value, or with a null key to look up, is joined with null. */
  leftJoinGlobal<G, T, R>(
    table: GlobalTable<G, T>,
    options: GlobalJoinOptions<K, V, NoInfer<G>>,
    joiner: (value: V, other: NoInfer<T> | null, key: K) => R,
  ): Stream<K, R>
  /** Hands each record to a function. Dead end, and not exactly once: after a crash a record may be handed over again. */
  forEach(look: Callback<K, V, void>, options?: Named): void
  /**
   * Writes each record as a line `[label]: key, value`: text as it is, null as `null`, everything else as JSON. Dead end.
   * @example orders.print({ label: 'in' }) // [in]: k1, {"total":7}
   */
  print(options?: PrintOptions): void
  /**
   * Writes each record to the topic named for it, which must exist when the application starts. Dead end.
   * @example events.to((event) => `events-${event.country}`, { key: string, value: json<Event>() })
   */
  to(topicOf: Callback<K, V, string>, options?: ToChosenOptions<K, V>): void
  // Last, since the compiler explains the last one: a topic with a wrong serde is the commonest mistake.
  /** Writes to a topic. Dead end: use this stream again to go on. */
  to(topic: SinkTopic<K, V>, options?: ToOptions<K, V>): void
}

/** The latest value of each key, kept in a store. */
export interface Table<out K, out V> {
  /** Its updates as a stream; a deletion has the value null. */
  toStream(options?: Named): Stream<K, V>
  /** Only the entries for which the predicate holds. Deletions never reach it. */
  filter(predicate: (value: V, key: K) => boolean, options?: DerivedTableOptions): Table<K, V>
  /** Only the entries for which the predicate does not hold. */
  filterNot(predicate: (value: V, key: K) => boolean, options?: DerivedTableOptions): Table<K, V>
  /** Another value for each key. Deletions stay deletions; a null leaves the entry out. */
  mapValues<W>(
    mapper: (value: V, key: K) => W,
    options?: DerivedTableOptions & { readonly value?: Serde<Present<W>> },
  ): Table<K, Present<W>>
  /** The keys that both tables have. A change of either side changes the result. */
  join<T, R>(
    other: Table<K, T>,
    joiner: (value: V, other: T, key: K) => R,
    options?: DerivedTableOptions & { readonly value?: Serde<Present<R>> },
  ): Table<K, R>
  /** The keys of this table, with null where the other has none. */
  leftJoin<T, R>(
    other: Table<K, T>,
    joiner: (value: V, other: T | null, key: K) => R,
    options?: DerivedTableOptions & { readonly value?: Serde<Present<R>> },
  ): Table<K, R>
  /** The keys of either table, with null for the side that has none. */
  outerJoin<T, R>(
    other: Table<K, T>,
    joiner: (value: V | null, other: T | null, key: K) => R,
    options?: DerivedTableOptions & { readonly value?: Serde<Present<R>> },
  ): Table<K, R>
  /**
   * Each entry of this table with the entry of the other whose key `foreignKey` finds in its value. A change of either side
   * changes the result; the other side tells all who refer to it. An entry whose foreign key is null, or leads to nothing, is left
   * out. Through two internal topics, so that the tables may have different keys and partitions.
   * @example orders.joinForeign(customers, (order) => order.customer, (order, customer) => ({ ...order, customer }))
   */
  joinForeign<F, T, R>(
    other: Table<F, T>,
    foreignKey: (value: V, key: K) => NoInfer<F> | null | undefined,
    joiner: (value: V, other: NoInfer<T>, key: K) => R,
    options?: ForeignJoinOptions<F, R>,
  ): Table<K, R>
  /** As `joinForeign`, but an entry whose foreign key is null, or leads to nothing, is joined with null. */
  leftJoinForeign<F, T, R>(
    other: Table<F, T>,
    foreignKey: (value: V, key: K) => NoInfer<F> | null | undefined,
    joiner: (value: V, other: NoInfer<T> | null, key: K) => R,
    options?: ForeignJoinOptions<F, R>,
  ): Table<K, R>
  /**
   * Holds updates back and hands on only the last of each key: when its window has closed, or after a limit of event time.
   * @example counts.suppress(untilWindowCloses())
   */
  suppress(until: Suppression<K>, options?: Named): Table<K, V>
  /**
   * Groups the entries by a new key, given with the value to aggregate as `[key, value]`; a null of either leaves the entry out.
   * Always through a repartition topic. `name` as in groupByKey.
   */
  groupBy<L = string, W = V>(
    selector: (value: V, key: K) => readonly [NoInfer<L> | null, W],
    options?: NewKeyOptions<L, Present<W>>,
  ): GroupedTable<L, W>
}

/** Entries of a table, grouped. What an entry was before is taken out of its group, then what it is now is put in. */
export interface GroupedTable<out K, out V> {
  /** Entries per group; 0 when all have left. */
  count(options?: TableOptions): Table<K, number>
  /** The first value of a group, then `add(aggregate, value)`. */
  reduce(options: ReduceTableOptions<K, V>): Table<K, V>
  /** Null of either function deletes the group. */
  aggregate<A>(options: AggregateTableOptions<K, V, A>): Table<K, A>
}

/** A stream ready to be aggregated by key. Records with a null key or value are dropped. */
export interface Grouped<out K, out V> {
  /** Records per key so far. */
  count(options?: TableOptions & CountOptions): Table<K, number>
  /** The first value of a key, then `reducer(aggregate, value)`. */
  reduce(
    reducer: (aggregate: V, value: V, key: K, record: FlowRecord<K, V>) => V,
    options?: TableOptions & { readonly value?: Serde<V> },
  ): Table<K, V>
  /** `add` must return the new aggregate and not change the old one; null deletes the key. */
  aggregate<A>(options: AggregateOptions<K, V, A>): Table<K, A>
  /**
   * The same group in windows of event time: tumbling, hopping, sliding, session or unlimited.
   * @example orders.groupByKey().windowedBy(tumbling('1m', { grace: '10s' })).count()
   */
  windowedBy<W extends Window>(window: W): WindowedGrouped<K, V, W>
  /**
   * The first of several streams that are aggregated into one table: `add` takes its records into the aggregate.
   * @example clicks.cogroup(addClick).cogroup(purchases, addPurchase).aggregate({ init: () => empty })
   */
  cogroup<A>(add: (aggregate: A, ...rest: Parameters<Callback<K, V, A>>) => A | null): Cogrouped<K, A>
}

/**
 * A group in windows of event time. Records with a null key are dropped, and those whose window has closed; null values are
 * dropped by sliding windows only. A result has the time of the latest record in it, of a session its end.
 */
export interface WindowedGrouped<out K, out V, in out W> {
  /** Records per key and window. */
  count(options?: WindowedOptions<W> & CountOptions): Table<Windowed<K>, number>
  /** The first value of a key in a window, then `reducer(aggregate, value)`. */
  reduce(
    reducer: (aggregate: V, value: V, key: K, record: FlowRecord<K, V>) => V,
    options?: WindowedOptions<W> & { readonly value?: Serde<V> },
  ): Table<Windowed<K>, V>
  /** As of groups without windows; of sessions with `merge`, which makes one of two. Null deletes the window. */
  aggregate<A>(
    options: WindowedAggregateOptions<K, V, A> & WindowedOptions<W> & Merging<W, K, A>,
  ): Table<Windowed<K>, A>
}

/** Groups of several streams with the same keys, about to be aggregated into one table. */
export interface Cogrouped<out K, in out A> {
  /** A further group, and how its records are added. */
  cogroup<V>(
    other: Grouped<K, V>,
    add: (aggregate: A, ...rest: Parameters<Callback<K, V, A>>) => A | null,
  ): Cogrouped<K, A>
  aggregate(options: CogroupOptions<A> & TableOptions): Table<K, A>
  windowedBy<W extends Window>(window: W): WindowedCogrouped<K, A, W>
}

export interface WindowedCogrouped<out K, in out A, in out W> {
  /** Of sessions with `merge`, which makes one of two. */
  aggregate(
    options: CogroupOptions<A> & Omit<WindowedOptions<W>, 'emit'> & EmitOptions & Merging<W, K, A>,
  ): Table<Windowed<K>, A>
}

/** Where an application begins. */
export interface Flow {
  /** The records of a topic, or of several with the same types. */
  stream<K, V>(topics: Topic<K, V> | readonly Topic<K, V>[], options?: Named): Stream<K, V>
  /**
   * The records of all topics with such a name, those that there are when the application starts; topics of its own are left out.
   * @example flow.stream(/^orders-[a-z]+$/, { key: string, value: json<Order>() })
   */
  stream<K, V>(pattern: RegExp, options: PatternOptions<K, V>): Stream<K, V>
  /** A topic as a table: the last value of each key. */
  table<K, V>(topic: Topic<K, V>, options?: SourceTableOptions): Table<K, V>
  /** A topic as a table that every instance holds whole, in memory. A null key is dropped, a null value deletes. */
  globalTable<K, V>(topic: Topic<K, V>, options?: StoreNamed): GlobalTable<K, V>
}

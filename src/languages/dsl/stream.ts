/** Streams: each verb adds nodes and gives a new handle. It must never look at a record: that is the operators' work. */
import type { Serde } from '../../core/serde.ts'
import type { FromRecord } from '../../engine/operators/callbacks.ts'
import { filter, filterNot } from '../../engine/operators/filter.ts'
import { flatMap, flatMapValues } from '../../engine/operators/flat-map.ts'
import { forEach } from '../../engine/operators/for-each.ts'
import type { Joiner } from '../../engine/operators/join.ts'
import { map } from '../../engine/operators/map.ts'
import { mapValues } from '../../engine/operators/map-values.ts'
import { peek } from '../../engine/operators/peek.ts'
import { print } from '../../engine/operators/print.ts'
import { repartition } from '../../engine/operators/repartition.ts'
import { selectKey } from '../../engine/operators/select-key.ts'
import { viewOf } from '../../engine/operators/table-view.ts'
import { table } from '../../engine/operators/table.ts'
import type { StreamVerb } from '../../engine/topology/kafka-streams/said.ts'
import { stepName } from '../../engine/topology/names.ts'
import type { PartitionedInput, TopologyNode } from '../../engine/topology/node.ts'
import type { Enriched, EnrichOptions, Fallbacks, Sources } from '../../enrich/types.ts'
import { addBranches, addMerge } from './branch.ts'
import { addEnrichment } from './enrich.ts'
import { addGlobalJoin } from './global-table.ts'
import {
  freeName,
  givenName,
  isMaterialized,
  keySerde,
  repartitionOf,
  stateNames,
  tableStore,
  valueSerde,
} from './place.ts'
import type { Place, StateNames } from './place.ts'
import { checkOptions } from './options.ts'
import type { Verb } from './options.ts'
import { addJoin } from './stream-join.ts'
import { addProcess, addProcessValues } from './process.ts'
import { addSink, partitionOf } from './to.ts'
import type { Grouped, Stream, Table } from './types.ts'
import type {
  Arms,
  BranchOptions,
  Callback,
  EnrichVerbOptions,
  FixedKeyContext,
  FixedKeyProcessor,
  GlobalJoinOptions,
  GlobalTable,
  JoinOptions,
  Named,
  NewKeyOptions,
  PrintOptions,
  ProcessContext,
  ProcessOptions,
  ProcessValuesOptions,
  RepartitionOptions,
  Serdes,
  SinkTopic,
  StreamJoinOptions,
  ToChosenOptions,
  ToTableOptions,
  UserProcessor,
} from './verb-options.ts'

type AnyJoinOptions<K, V, T> = JoinOptions<K, V> | StreamJoinOptions<K, V, T>
type LooseOptions = (Named & Serdes<unknown, unknown>) | undefined
type Callbacks<R> = FromRecord<unknown, unknown, R>

export class StreamHandle<K, V> implements Stream<K, V> {
  readonly place: Place

  constructor(place: Place) {
    this.place = place
  }

  filter(predicate: Callback<K, V, boolean>, options?: Named): Stream<K, V> {
    return this.#after(filter(this.#at('filter', options), predicate), {})
  }

  filterNot(predicate: Callback<K, V, boolean>, options?: Named): Stream<K, V> {
    return this.#after(filterNot(this.#at('filterNot', options), predicate), {})
  }

  peek(look: Callback<K, V, void>, options?: Named): Stream<K, V> {
    return this.#after(peek(this.#at('peek', options), look), {})
  }

  mapValues<W>(mapper: Callback<K, V, W>, options?: Named & { readonly value?: Serde<never> }): Stream<K, W> {
    const node = mapValues(this.#at('mapValues', options), mapper)
    return this.#after(node, { value: options?.value })
  }

  flatMapValues<W>(
    mapper: Callback<K, V, Iterable<W>>,
    options?: Named & { readonly value?: Serde<never> },
  ): Stream<K, W> {
    const node = flatMapValues(this.#at('flatMapValues', options), mapper)
    return this.#after(node, { value: options?.value })
  }

  map<W, L = string>(
    mapper: Callback<K, V, readonly [NoInfer<L> | null, W]>,
    options?: NewKeyOptions<L, never>,
  ): Stream<L, W> {
    return this.#rekeyed('map', options, (at) => map(at, mapper), {})
  }

  flatMap<W, L = string>(
    mapper: Callback<K, V, Iterable<readonly [NoInfer<L> | null, W]>>,
    options?: NewKeyOptions<L, never>,
  ): Stream<L, W> {
    return this.#rekeyed('flatMap', options, (at) => flatMap(at, mapper), {})
  }

  selectKey<L = string>(
    selector: Callback<K, V, NoInfer<L> | null>,
    options?: NewKeyOptions<L>,
  ): Stream<L, V> {
    return this.#rekeyed('selectKey', options, (at) => selectKey(at, selector), { value: this.place.value })
  }

  branch<P extends Readonly<Record<string, Callback<K, V, boolean>>>, D extends boolean = true>(
    predicates: P,
    options?: BranchOptions<keyof P, D>,
  ): Readonly<Record<Arms<P, D>, Stream<K, V>>> {
    return addBranches(
      this.place,
      predicates as Readonly<Record<string, Callbacks<boolean>>>,
      options,
    ) as never
  }

  merge(...others: readonly Stream<K, V>[] | readonly [...Stream<K, V>[], Named]): Stream<K, V> {
    return this.place.shop.stream(addMerge(this.place, others))
  }

  repartition(options?: RepartitionOptions<K, V>): Stream<K, V> {
    const content = stepName(this.place.lineage, 'repartition')
    const said = { verb: 'repartition', from: this.place.node, partitions: options?.partitions } as const
    const names = stateNames(this.place.shop, 'repartition', content, options, said)
    const partitions = options?.partitions === undefined ? {} : { partitions: options.partitions }
    const partition = partitionOf(options?.partitioner)
    const input = { ...this.#input(names, 'repartition', options), ...partitions, ...partition }
    return this.#after(repartition(names.node, input), { key: input.key, value: input.value })
  }

  toTable(options?: ToTableOptions<K, V>): Table<K, V> {
    const { shop } = this.place
    const said = { verb: 'toTable', from: this.place.node } as const
    const names = stateNames(shop, 'toTable', stepName(this.place.lineage, 'table'), options, said)
    const input = this.#input(names, 'toTable', options)
    const { key, value, parent } = input
    const name = names.node
    const store = tableStore(names, key, value, options)
    const [emit, materialized] = [options?.emit, isMaterialized(names, options)]
    shop.builder.add(table({ name, parent, store, emit, partitioned: input, materialized }))
    return shop.table({
      ...this.place,
      node: name,
      lineage: options?.name ?? this.place.lineage,
      key,
      value,
      view: viewOf(store),
    })
  }

  groupByKey(options?: Named & Serdes<K, V>): Grouped<K, V> {
    checkOptions('groupByKey', options)
    const { shop, node: from } = this.place
    const repartition = givenName(options, 'groupByKey')
    const lineage = repartition ?? this.place.lineage
    const key = options?.key ?? this.place.key
    const value = options?.value ?? this.place.value
    const group = shop.say({ verb: 'groupByKey', from, name: repartition })?.group
    return shop.grouped({ ...this.place, lineage, key, value, repartition, group })
  }

  groupBy<L = string>(
    selector: Callback<K, V, NoInfer<L> | null>,
    options?: NewKeyOptions<L, V>,
  ): Grouped<L, V> {
    checkOptions('groupBy', options)
    const { shop, node: parent, lineage: above } = this.place
    const repartition = givenName(options, 'groupBy')
    const said = shop.say({ verb: 'groupBy', from: parent, name: repartition })
    const lineage = repartition ?? stepName(above, 'groupBy')
    const name = said?.node ?? repartition ?? shop.builder.freeName(stepName(above, 'groupBy'))
    const node = shop.builder.add({ ...selectKey({ name, parent }, selector), kind: 'groupBy' }).name
    const [key, value] = [options?.key, options?.value ?? this.place.value]
    return shop.grouped({ shop, node, lineage, key, value, repartition, group: said?.group })
  }

  join<T, R>(
    other: Table<K, T> | Stream<K, T>,
    joiner: (value: V, other: T, key: K) => R,
    options?: AnyJoinOptions<K, V, T>,
  ): Stream<K, R> {
    return this.place.shop.stream(addJoin('join', this.place, other, joiner as Joiner, options))
  }

  leftJoin<T, R>(
    other: Table<K, T> | Stream<K, T>,
    joiner: (value: V, other: T | null, key: K) => R,
    options?: AnyJoinOptions<K, V, T>,
  ): Stream<K, R> {
    return this.place.shop.stream(addJoin('leftJoin', this.place, other, joiner as Joiner, options))
  }

  outerJoin<T, R>(
    other: Stream<K, T>,
    joiner: (value: V | null, other: T | null, key: K) => R,
    options: StreamJoinOptions<K, V, T>,
  ): Stream<K, R> {
    return this.place.shop.stream(addJoin('outerJoin', this.place, other, joiner as Joiner, options))
  }

  joinGlobal<G, T, R>(
    other: GlobalTable<G, T>,
    options: GlobalJoinOptions<K, V, NoInfer<G>>,
    joiner: (value: V, other: NoInfer<T>, key: K) => R,
  ): Stream<K, R> {
    return this.place.shop.stream(addGlobalJoin('joinGlobal', this.place, other, options, joiner as Joiner))
  }

  leftJoinGlobal<G, T, R>(
    other: GlobalTable<G, T>,
    options: GlobalJoinOptions<K, V, NoInfer<G>>,
    joiner: (value: V, other: NoInfer<T> | null, key: K) => R,
  ): Stream<K, R> {
    return this.place.shop.stream(
      addGlobalJoin('leftJoinGlobal', this.place, other, options, joiner as Joiner),
    )
  }

  enrich<S extends Sources<V, K>, F extends Fallbacks<V> = Fallbacks<V>, R = Enriched<V, S, F>>(
    sources: S,
    options?: EnrichOptions<F> & EnrichVerbOptions<K, V, Enriched<V, S, F>, R>,
  ): Stream<K, R> {
    return this.place.shop.stream(addEnrichment(this.place, sources, options))
  }

  process<L = K, W = V>(
    build: (context: ProcessContext<L, W>) => UserProcessor<K, V>,
    options?: ProcessOptions<L, W>,
  ): Stream<L, W> {
    return this.place.shop.stream(
      addProcess(this.place, build as never, options as ProcessOptions<unknown, unknown>),
    )
  }

  processValues<W = V>(
    build: (context: FixedKeyContext<W>) => FixedKeyProcessor<K, V>,
    options?: ProcessValuesOptions<W>,
  ): Stream<K, W> {
    return this.place.shop.stream(
      addProcessValues(this.place, build as never, options as ProcessValuesOptions<unknown>),
    )
  }

  forEach(look: Callback<K, V, void>, options?: Named): void {
    this.place.shop.builder.add(forEach(this.#at('forEach', options), look))
  }

  print(options?: PrintOptions): void {
    const { shop, lineage } = this.place
    const at = this.#at('print', options)
    shop.builder.add(print(at, options?.label ?? lineage, options?.write ?? shop.print))
  }

  to(topic: SinkTopic<K, V> | Callback<K, V, string>, options?: ToChosenOptions<K, V>): void {
    addSink(this.place, topic as never, options)
  }

  #at(verb: Verb & StreamVerb, options: Named | undefined): { name: string; parent: string } {
    checkOptions(verb, options)
    return { name: freeName(this.place, verb, options, { verb }), parent: this.place.node }
  }

  /** The stream below a node that keeps the key; `value` is undefined when the node made a new one. */
  #after<W>(node: TopologyNode, serdes: Partial<Pick<Place, 'key' | 'value'>>): Stream<K, W> {
    const { name } = this.place.shop.builder.add(node)
    return this.place.shop.stream({ ...this.place, node: name, ...serdes })
  }

  #rekeyed<L, W>(
    verb: Verb & StreamVerb,
    options: LooseOptions,
    make: (at: { name: string; parent: string }) => TopologyNode,
    kept: { readonly value?: Serde<unknown> | undefined },
  ): Stream<L, W> {
    const node = this.place.shop.builder.add(make(this.#at(verb, options)))
    const lineage = options?.name ?? stepName(this.place.lineage, verb)
    const value = options?.value ?? kept.value
    return this.place.shop.stream({ ...this.place, node: node.name, lineage, key: options?.key, value })
  }

  #input(names: StateNames, verb: Verb, options: LooseOptions): PartitionedInput {
    checkOptions(verb, options)
    const key = keySerde(this.place, options?.key, verb)
    const topic = repartitionOf(names, options?.name)
    return { parent: this.place.node, ...topic, key, value: valueSerde(this.place, options?.value) }
  }
}

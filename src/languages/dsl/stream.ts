/** Streams: each verb adds nodes and gives a new handle. It must never look at a record: that is the operators' work. */
import type { Serde } from '../../core/serde.ts'
import type { Topic } from '../../core/topic.ts'
import { branch, branchArm } from '../../engine/operators/branch.ts'
import type { FromRecord } from '../../engine/operators/callbacks.ts'
import { filter, filterNot } from '../../engine/operators/filter.ts'
import { flatMap, flatMapValues } from '../../engine/operators/flat-map.ts'
import { forEach } from '../../engine/operators/for-each.ts'
import type { Joiner } from '../../engine/operators/join.ts'
import { map } from '../../engine/operators/map.ts'
import { mapValues } from '../../engine/operators/map-values.ts'
import { merge } from '../../engine/operators/merge.ts'
import { peek } from '../../engine/operators/peek.ts'
import { print } from '../../engine/operators/print.ts'
import { repartition } from '../../engine/operators/repartition.ts'
import { selectKey } from '../../engine/operators/select-key.ts'
import { sink } from '../../engine/operators/sink.ts'
import { viewOf } from '../../engine/operators/table-view.ts'
import { table } from '../../engine/operators/table.ts'
import { mergedName, stepName } from '../../engine/topology/names.ts'
import type { PartitionedInput, TopologyNode } from '../../engine/topology/node.ts'
import type { Enriched, EnrichOptions, Fallbacks, Sources } from '../../enrich/types.ts'
import { addEnrichment } from './enrich.ts'
import { addGlobalJoin } from './global-table.ts'
import {
  freeName,
  givenName,
  isMaterialized,
  keySerde,
  namePart,
  placeOf,
  stateName,
  tableStore,
  valueSerde,
} from './place.ts'
import type { Place } from './place.ts'
import { checkOptions } from './options.ts'
import type { Verb } from './options.ts'
import { addJoin } from './stream-join.ts'
import { addProcess } from './process.ts'
import type { Grouped, Stream, Table } from './types.ts'
import type {
  Callback,
  EnrichVerbOptions,
  GlobalJoinOptions,
  GlobalTable,
  JoinOptions,
  Named,
  NewKeyOptions,
  PrintOptions,
  ProcessContext,
  ProcessOptions,
  RepartitionOptions,
  Serdes,
  SinkTopic,
  StreamJoinOptions,
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

  branch<P extends Readonly<Record<string, Callback<K, V, boolean>>>>(
    predicates: P,
    options?: Named,
  ): Readonly<Record<keyof P | 'default', Stream<K, V>>> {
    const { shop, lineage } = this.place
    const from = givenName(options, 'branch') ?? lineage
    const arms = [...Object.entries(predicates), ['default', undefined] as const].map(([name, when]) => {
      const arm = stepName(from, namePart(name))
      return {
        name,
        lineage: arm,
        node: shop.builder.freeName(arm),
        when: when as Callbacks<boolean> | undefined,
      }
    })
    const at = this.#at('branch', options)
    const branches = arms.map(({ node, when }) => (when === undefined ? { node } : { node, when }))
    const parent = shop.builder.add(branch(at, branches)).name
    const streams = arms.map(({ name, node, lineage: arm }) => {
      shop.builder.add(branchArm({ name: node, parent }))
      return [name, shop.stream<K, V>({ ...this.place, node, lineage: arm })] as const
    })
    return Object.freeze(Object.fromEntries(streams)) as Readonly<Record<keyof P | 'default', Stream<K, V>>>
  }

  merge(...others: readonly Stream<K, V>[]): Stream<K, V> {
    const { shop } = this.place
    const places = [this.place, ...others.map((other) => placeOf(other, shop, 'merge'))]
    const lineage = mergedName(places.map((place) => place.lineage))
    const name = shop.builder.freeName(stepName(lineage, 'merge'))
    shop.builder.add(
      merge(
        name,
        places.map((place) => place.node),
      ),
    )
    const key = common(places.map((place) => place.key))
    return shop.stream({ shop, node: name, lineage, key, value: common(places.map((place) => place.value)) })
  }

  repartition(options?: RepartitionOptions<K, V>): Stream<K, V> {
    const name = stateName(this.place, 'repartition', options)
    const partitions = options?.partitions === undefined ? {} : { partitions: options.partitions }
    const input = { ...this.#input(name, 'repartition', options), ...partitions }
    return this.#after(repartition(name, input), { key: input.key, value: input.value })
  }

  toTable(options?: ToTableOptions<K, V>): Table<K, V> {
    const { shop } = this.place
    const name = stateName(this.place, 'table', options)
    const input = this.#input(name, 'toTable', options)
    const { key, value, parent } = input
    const store = tableStore(name, key, value, options)
    const [emit, materialized] = [options?.emit, isMaterialized(options)]
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
    const repartition = givenName(options, 'groupByKey')
    const lineage = repartition ?? this.place.lineage
    const key = options?.key ?? this.place.key
    const value = options?.value ?? this.place.value
    return this.place.shop.grouped({ ...this.place, lineage, key, value, repartition })
  }

  groupBy<L = string>(
    selector: Callback<K, V, NoInfer<L> | null>,
    options?: NewKeyOptions<L, V>,
  ): Grouped<L, V> {
    const node = (at: { name: string; parent: string }): TopologyNode => ({
      ...selectKey(at, selector),
      kind: 'groupBy',
    })
    const stream = this.#rekeyed<L, V>('groupBy', options, node, { value: this.place.value })
    const place = placeOf(stream, this.place.shop, 'groupBy')
    return this.place.shop.grouped({ ...place, repartition: options?.name })
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

  forEach(look: Callback<K, V, void>, options?: Named): void {
    this.place.shop.builder.add(forEach(this.#at('forEach', options), look))
  }

  print(options?: PrintOptions): void {
    const { shop, lineage } = this.place
    const at = this.#at('print', options)
    shop.builder.add(print(at, options?.label ?? lineage, options?.write ?? shop.print))
  }

  to(topic: SinkTopic<K, V>, options?: Named): void {
    const { builder } = this.place.shop
    checkOptions('to', options)
    const name = givenName(options, 'to') ?? builder.freeName(stepName(topic.name, 'sink'))
    builder.add(sink({ name, parent: this.place.node }, topic as unknown as Topic<unknown, unknown>))
  }

  #at(verb: Verb, options: Named | undefined): { name: string; parent: string } {
    checkOptions(verb, options)
    return { name: freeName(this.place, verb, options), parent: this.place.node }
  }

  /** The stream below a node that keeps the key; `value` is undefined when the node made a new one. */
  #after<W>(node: TopologyNode, serdes: Partial<Pick<Place, 'key' | 'value'>>): Stream<K, W> {
    const { name } = this.place.shop.builder.add(node)
    return this.place.shop.stream({ ...this.place, node: name, ...serdes })
  }

  #rekeyed<L, W>(
    verb: Verb,
    options: LooseOptions,
    make: (at: { name: string; parent: string }) => TopologyNode,
    kept: { readonly value?: Serde<unknown> | undefined },
  ): Stream<L, W> {
    const node = this.place.shop.builder.add(make(this.#at(verb, options)))
    const lineage = options?.name ?? stepName(this.place.lineage, verb)
    const value = options?.value ?? kept.value
    return this.place.shop.stream({ ...this.place, node: node.name, lineage, key: options?.key, value })
  }

  #input(name: string, verb: Verb, options: LooseOptions): PartitionedInput {
    checkOptions(verb, options)
    const key = keySerde(this.place, options?.key, verb)
    return { parent: this.place.node, name, key, value: valueSerde(this.place, options?.value) }
  }
}

/** The serde all parts of a merged stream agree on. */
function common(serdes: readonly (Serde<unknown> | undefined)[]): Serde<unknown> | undefined {
  const [first] = serdes
  return serdes.every((serde) => serde?.format === first?.format) ? first : undefined
}

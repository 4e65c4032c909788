/** Tables: the latest value of each key. Each verb adds nodes and gives a new handle. */
import type { Serde } from '../../core/serde.ts'
import type { Joiner } from '../../engine/operators/join.ts'
import type { Keeping } from '../../engine/operators/kept-table.ts'
import { groupTable } from '../../engine/operators/table-group.ts'
import type { SelectGroup } from '../../engine/operators/table-group.ts'
import { joinedView, joinTables } from '../../engine/operators/table-join.ts'
import type { TableJoinKind, TableJoinParts } from '../../engine/operators/table-join.ts'
import { filterTable, mapTable } from '../../engine/operators/table-values.ts'
import type { Derive, DerivedTableParts } from '../../engine/operators/table-values.ts'
import { derivedView, viewOf } from '../../engine/operators/table-view.ts'
import { toStream } from '../../engine/operators/to-stream.ts'
import { stepName } from '../../engine/topology/names.ts'
import type { TopologyNode } from '../../engine/topology/node.ts'
import { addForeignJoin } from './foreign-join.ts'
import { checkOptions } from './options.ts'
import type { Verb } from './options.ts'
import { freeName, givenName, placeOf, stateNames, tableStore } from './place.ts'
import type { StateNames, TablePlace } from './place.ts'
import type { GroupedTable, Stream, Table } from './types.ts'
import { addSuppress } from './suppress.ts'
import type {
  DerivedTableOptions,
  ForeignJoinOptions,
  Named,
  NewKeyOptions,
  Present,
} from './verb-options.ts'
import type { Suppression } from './window-options.ts'

type Loose = DerivedTableOptions & { readonly value?: Serde<never> }

export class TableHandle<K, V> implements Table<K, V> {
  readonly place: TablePlace

  constructor(place: TablePlace) {
    this.place = place
  }

  toStream(options?: Named): Stream<K, V> {
    const { shop, node, lineage, key, value } = this.place
    checkOptions('toStream', options)
    const name = freeName(this.place, 'toStream', options, { verb: 'toStream' })
    shop.builder.add(toStream({ name, parent: node }))
    return shop.stream({ shop, node: name, lineage, key, value })
  }

  filter(predicate: (value: V, key: K) => boolean, options?: DerivedTableOptions): Table<K, V> {
    const test = predicate as (value: unknown, key: unknown) => boolean
    const derive: Derive = (value, key) => (test(value, key) ? value : null)
    return this.#derived('tableFilter', options, this.place.value, derive, (parts) =>
      filterTable('filter', parts),
    )
  }

  filterNot(predicate: (value: V, key: K) => boolean, options?: DerivedTableOptions): Table<K, V> {
    const test = predicate as (value: unknown, key: unknown) => boolean
    const derive: Derive = (value, key) => (test(value, key) ? null : value)
    const make = (parts: DerivedTableParts): TopologyNode => filterTable('filterNot', parts)
    return this.#derived('tableFilterNot', options, this.place.value, derive, make)
  }

  mapValues<W>(mapper: (value: V, key: K) => W, options?: Loose): Table<K, Present<W>> {
    return this.#derived('tableMapValues', options, options?.value, mapper as Derive, mapTable)
  }

  join<T, R>(other: Table<K, T>, joiner: (value: V, other: T, key: K) => R, options?: Loose): Table<K, R> {
    return this.#joined('join', other, joiner as Joiner, options)
  }

  leftJoin<T, R>(
    other: Table<K, T>,
    joiner: (value: V, other: T | null, key: K) => R,
    options?: Loose,
  ): Table<K, R> {
    return this.#joined('leftJoin', other, joiner as Joiner, options)
  }

  outerJoin<T, R>(
    other: Table<K, T>,
    joiner: (value: V | null, other: T | null, key: K) => R,
    options?: Loose,
  ): Table<K, R> {
    return this.#joined('outerJoin', other, joiner as Joiner, options)
  }

  joinForeign<F, T, R>(
    other: Table<F, T>,
    foreignKey: (value: V, key: K) => NoInfer<F> | null | undefined,
    joiner: (value: V, other: NoInfer<T>, key: K) => R,
    options?: ForeignJoinOptions<F, R>,
  ): Table<K, R> {
    return addForeignJoin('joinForeign', this.place, other, [foreignKey, joiner], options as never)
  }

  leftJoinForeign<F, T, R>(
    other: Table<F, T>,
    foreignKey: (value: V, key: K) => NoInfer<F> | null | undefined,
    joiner: (value: V, other: NoInfer<T> | null, key: K) => R,
    options?: ForeignJoinOptions<F, R>,
  ): Table<K, R> {
    return addForeignJoin('leftJoinForeign', this.place, other, [foreignKey, joiner], options as never)
  }

  suppress(until: Suppression<K>, options?: Named): Table<K, V> {
    return this.place.shop.table(addSuppress(this.place, until, options))
  }

  groupBy<L = string, W = V>(
    selector: (value: V, key: K) => readonly [NoInfer<L> | null, W],
    options?: NewKeyOptions<L, never>,
  ): GroupedTable<L, W> {
    const { place } = this
    checkOptions('groupBy', options)
    const given = givenName(options, 'groupBy')
    const said = place.shop.say({ verb: 'tableGroupBy', from: place.node, name: given })
    const name = said?.node ?? given ?? place.shop.builder.freeName(stepName(place.lineage, 'groupBy'))
    place.shop.builder.add(groupTable({ name, parent: place.node }, selector as SelectGroup))
    const lineage = options?.name ?? stepName(place.lineage, 'groupBy')
    const { key, value } = options ?? {}
    const group = { ...place, node: name, lineage, key, value, repartition: given, group: said?.group }
    return place.shop.groupedTable(group)
  }

  #derived<W>(
    verb: 'tableFilter' | 'tableFilterNot' | 'tableMapValues',
    options: DerivedTableOptions | undefined,
    value: Serde<unknown> | undefined,
    derive: Derive,
    make: (parts: DerivedTableParts) => TopologyNode,
  ): Table<K, W> {
    const { place } = this
    checkOptions(verb, options)
    const names = derivedNames(place, verb, options)
    const name = names.node
    const keeping = keepingOf(place, names, value, options)
    const versioned = place.view.openAsOf !== undefined
    place.shop.builder.add(make({ name, parent: place.node, derive, versioned, ...(keeping && { keeping }) }))
    const view = keeping === undefined ? derivedView(place.view, derive) : viewOf(keeping.store)
    const lineage = options?.name ?? place.lineage
    return place.shop.table({ ...place, node: name, lineage, value: keeping?.store.value ?? value, view })
  }

  #joined<R>(kind: TableJoinKind, other: unknown, joiner: Joiner, options: Loose | undefined): Table<K, R> {
    const { place } = this
    checkOptions(JOINS[kind], options)
    const right = placeOf<TablePlace>(other, place.shop, kind)
    const content = stepName(place.lineage, `${kind}-${right.lineage}`)
    const said = {
      verb: 'tableJoin',
      from: place.node,
      other: right.node,
      materialized: isKept(options),
    } as const
    const names = stateNames(place.shop, kind, content, options, said)
    const name = names.node
    const keeping = keepingOf(place, names, options?.value, options)
    const parts: TableJoinParts = { name, kind, left: place, right, joiner, ...(keeping && { keeping }) }
    for (const node of joinTables(parts)) place.shop.builder.add(node)
    const view = keeping === undefined ? joinedView(parts) : viewOf(keeping.store)
    const value = keeping?.store.value ?? options?.value
    return place.shop.table({ ...place, node: name, lineage: name, value, view })
  }
}

const STEPS = { tableFilter: 'filter', tableFilterNot: 'filterNot', tableMapValues: 'mapValues' } as const

const JOINS: Readonly<Record<TableJoinKind, Verb>> = {
  join: 'tableJoin',
  leftJoin: 'tableLeftJoin',
  outerJoin: 'tableOuterJoin',
}

function isKept(options: DerivedTableOptions | undefined): boolean {
  const { emit, changelog, versioned, store, materialized } = options ?? {}
  return materialized ?? [emit, changelog, versioned, store].some((given) => given !== undefined)
}

function derivedNames(
  place: TablePlace,
  verb: keyof typeof STEPS,
  options: DerivedTableOptions | undefined,
): StateNames {
  const step = STEPS[verb]
  const [kept, { shop, lineage, node: from }] = [isKept(options), place]
  const said = { verb: verb === 'tableMapValues' ? verb : 'tableFilter', from, materialized: kept } as const
  const free = (): string => shop.builder.freeName(stepName(lineage, step))
  return stateNames(shop, step, kept ? stepName(lineage, `${step}-table`) : free(), options, said)
}

function keepingOf(
  { key, shop }: TablePlace,
  names: StateNames,
  value: Serde<unknown> | undefined,
  options: DerivedTableOptions | undefined,
): Keeping | undefined {
  // Kafka Streams keeps a filtered or mapped table only in a store with a name.
  if (!isKept(options) || (names.said !== undefined && names.said.store === undefined)) return undefined
  const store = tableStore(names, key, value ?? shop.serdes.json, options)
  return { store, emit: options?.emit ?? 'coalesced' }
}

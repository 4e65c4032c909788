/** Groups: a stream about to be aggregated by key. Purely logical until an aggregation is added. */
import type { FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { aggregate, count, reduce } from '../../engine/operators/aggregate.ts'
import type { AggregateParts } from '../../engine/operators/aggregate.ts'
import { viewOf } from '../../engine/operators/table-view.ts'
import type { TopologyNode } from '../../engine/topology/node.ts'
import { stepName } from '../../engine/topology/names.ts'
import { checkOptions } from './options.ts'
import { isChosen, keySerde, repartitionOf, stateNames, tableStore, valueSerde } from './place.ts'
import type { GroupPlace } from './place.ts'
import type { Window } from '../../engine/operators/windows.ts'
import { CogroupedHandle } from './cogrouped.ts'
import type { Cogrouped, Grouped, Table, WindowedGrouped } from './types.ts'
import type { AggregateOptions, Callback, TableOptions, CountOptions } from './verb-options.ts'
import { WindowedGroupedHandle } from './windowed.ts'

type LooseAdd = (aggregate: unknown, value: unknown, key: unknown, record: FlowRecord) => unknown

export class GroupedHandle<K, V> implements Grouped<K, V> {
  readonly place: GroupPlace

  constructor(place: GroupPlace) {
    this.place = place
  }

  count(options?: TableOptions & CountOptions): Table<K, number> {
    return this.#table('count', options, this.place.shop.serdes.count, count)
  }

  reduce(
    reducer: (aggregate: V, value: V, key: K, record: FlowRecord<K, V>) => V,
    options?: TableOptions & { readonly value?: Serde<V> },
  ): Table<K, V> {
    const value = valueSerde(this.place, options?.value)
    return this.#table('reduce', options, value, (parts) => reduce(parts, reducer as LooseAdd))
  }

  aggregate<A>(options: AggregateOptions<K, V, A>): Table<K, A> {
    const { init, add, value = this.place.shop.serdes.json } = options
    return this.#table('aggregate', options, value, (parts) => aggregate(parts, init, add as LooseAdd))
  }

  windowedBy<W extends Window>(window: W): WindowedGrouped<K, V, W> {
    return new WindowedGroupedHandle(this.place, window)
  }

  cogroup<A>(add: (aggregate: A, ...rest: Parameters<Callback<K, V, A>>) => A | null): Cogrouped<K, A> {
    return new CogroupedHandle([{ place: this.place, add: add as LooseAdd }])
  }

  #table<A>(
    verb: 'aggregate' | 'count' | 'reduce',
    options: (TableOptions & CountOptions) | undefined,
    value: Serde<unknown>,
    make: (parts: AggregateParts) => TopologyNode,
  ): Table<K, A> {
    checkOptions(verb, options)
    const { place } = this
    const said = {
      verb,
      from: place.group ?? '',
      materialized: options?.materialized ?? isChosen(options),
    } as const
    const names = stateNames(place.shop, verb, stepName(place.lineage, verb), options, said)
    const name = names.node
    const key = keySerde(place, undefined, verb)
    const store = tableStore(names, key, value, options)
    const input = {
      parent: place.node,
      ...repartitionOf(names, place.repartition ?? options?.store ?? options?.name),
      key,
      value: valueSerde(place, undefined),
    }
    place.shop.builder.add(make({ name, store, emit: options?.emit ?? 'coalesced', input }))
    const view = viewOf(store)
    return place.shop.table({ ...place, node: name, lineage: name, key, value, view })
  }
}

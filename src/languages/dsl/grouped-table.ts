/** Groups of a table's entries, about to be aggregated: what leaves a group is taken out of its aggregate again. */
import type { Serde } from '../../core/serde.ts'
import type { AggregateParts } from '../../engine/operators/aggregate.ts'
import { changeSerde } from '../../engine/operators/change-serde.ts'
import { aggregateTable } from '../../engine/operators/table-group.ts'
import type { GroupSteps } from '../../engine/operators/table-group.ts'
import { viewOf } from '../../engine/operators/table-view.ts'
import { stepName } from '../../engine/topology/names.ts'
import { checkOptions } from './options.ts'
import { isChosen, keySerde, repartitionOf, stateNames, tableStore, valueSerde } from './place.ts'
import type { GroupPlace } from './place.ts'
import type { GroupedTable, Table } from './types.ts'
import type { AggregateTableOptions, ReduceTableOptions, TableOptions } from './verb-options.ts'

type Verb = 'aggregate' | 'count' | 'reduce'
const SAID = { count: 'tableCount', reduce: 'tableReduce', aggregate: 'tableAggregate' } as const

type Step = (aggregate: unknown, value: unknown, key: unknown) => unknown

export class GroupedTableHandle<K, V> implements GroupedTable<K, V> {
  readonly place: GroupPlace

  constructor(place: GroupPlace) {
    this.place = place
  }

  count(options?: TableOptions): Table<K, number> {
    checkOptions('count', options)
    return this.#table('count', options, this.place.shop.serdes.count, {
      add: (count) => ((count as number | undefined) ?? 0) + 1,
      subtract: (count) => (count as number) - 1,
    })
  }

  reduce(options: ReduceTableOptions<K, V>): Table<K, V> {
    checkOptions('reduceTable', options)
    const add = options.add as Step
    return this.#table('reduce', options, valueSerde(this.place, options.value), {
      add: (so, value, key) => (so === undefined ? value : add(so, value, key)),
      subtract: options.subtract as Step,
    })
  }

  aggregate<A>(options: AggregateTableOptions<K, V, A>): Table<K, A> {
    checkOptions('aggregateTable', options)
    const { init, value = this.place.shop.serdes.json } = options
    const add = options.add as Step
    return this.#table('aggregate', options, value, {
      add: (so, one, key) => add(so === undefined ? init() : so, one, key),
      subtract: options.subtract as Step,
    })
  }

  #table<A>(
    verb: Verb,
    options: TableOptions | undefined,
    value: Serde<unknown>,
    steps: GroupSteps,
  ): Table<K, A> {
    const { place } = this
    const said = { verb: SAID[verb], from: place.group ?? '', materialized: isChosen(options) } as const
    const names = stateNames(place.shop, verb, stepName(place.lineage, verb), options, said)
    const name = names.node
    const key = keySerde(place, undefined, verb)
    const store = tableStore(names, key, value, options)
    const input: AggregateParts['input'] = {
      parent: place.node,
      ...repartitionOf(names, place.repartition ?? options?.store ?? options?.name),
      key,
      value: changeSerde(valueSerde(place, undefined)),
    }
    place.shop.builder.add(
      aggregateTable(verb, { name, store, emit: options?.emit ?? 'coalesced', input }, steps),
    )
    const view = viewOf(store)
    return place.shop.table({ ...place, node: name, lineage: name, key, value, view })
  }
}

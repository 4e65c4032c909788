/** Groups of several streams, aggregated into one table. Purely logical until the aggregation is added. */
import type { Serde } from '../../core/serde.ts'
import type { Windowed } from '../../core/windowed.ts'
import { cogroup } from '../../engine/operators/cogroup.ts'
import type { CogroupInput, CogroupParts } from '../../engine/operators/cogroup.ts'
import { viewOf } from '../../engine/operators/table-view.ts'
import type { Window } from '../../engine/operators/windows.ts'
import { mergedName, stepName } from '../../engine/topology/names.ts'
import { checkOptions } from './options.ts'
import { isChosen, keySerde, placeOf, repartitionOf, stateNames, tableStore, valueSerde } from './place.ts'
import type { GroupPlace, StateNames } from './place.ts'
import type { Cogrouped, Grouped, Table, WindowedCogrouped } from './types.ts'
import type { Callback, TableOptions } from './verb-options.ts'
import { isKept, mergeOf, windowedTable, windowStore } from './windowed.ts'
import type { CogroupOptions, Merging, WindowedOptions } from './window-options.ts'

/** One of the groups, and how its records are added. */
export interface CogroupMember {
  readonly place: GroupPlace
  readonly add: CogroupInput['add']
}

type Members = readonly [CogroupMember, ...CogroupMember[]]

export class CogroupedHandle<K, A> implements Cogrouped<K, A> {
  readonly #members: Members

  constructor(members: Members) {
    this.#members = members
  }

  cogroup<V>(
    other: Grouped<K, V>,
    add: (aggregate: A, ...rest: Parameters<Callback<K, V, A | null>>) => A | null,
  ): Cogrouped<K, A> {
    const place = placeOf<GroupPlace>(other, this.#members[0].place.shop, 'cogroup')
    return new CogroupedHandle([...this.#members, { place, add: add as CogroupInput['add'] }])
  }

  windowedBy<W extends Window>(window: W): WindowedCogrouped<K, A, W> {
    return new WindowedCogroupedHandle(this.#members, window)
  }

  aggregate(options: CogroupOptions<A> & TableOptions): Table<K, A> {
    checkOptions('cogroup', options)
    const { place } = this.#members[0]
    const { init, value = place.shop.serdes.json, emit = 'coalesced' } = options
    const names = namesOf(this.#members, 'cogroup', options, isChosen(options))
    const store = tableStore(names, keyOf(this.#members), value, options)
    addCogroup({ ...inputsOf(this.#members, names, options), store, emit, init }, place)
    const made = { shop: place.shop, node: names.node, lineage: names.node, key: store.key, value }
    return place.shop.table({ ...made, view: viewOf(store) })
  }
}

class WindowedCogroupedHandle<K, A, W extends Window> implements WindowedCogrouped<K, A, W> {
  readonly #members: Members
  readonly #window: W

  constructor(members: Members, window: W) {
    this.#members = members
    this.#window = window
  }

  aggregate(
    options: CogroupOptions<A> & Omit<WindowedOptions<W>, 'emit'> & TableEmit & Merging<W, K, A>,
  ): Table<Windowed<K>, A> {
    checkOptions('windowedCogroup', options)
    const { place } = this.#members[0]
    const window = this.#window
    const { init, value = place.shop.serdes.json, emit = 'coalesced' } = options
    const merge = mergeOf(window, options.merge, 'cogroup')
    const names = namesOf(this.#members, `${window.kind}-cogroup`, options, isKept(options))
    const key = keyOf(this.#members)
    const store = windowStore(names, key, value, window, options)
    const parts = { ...inputsOf(this.#members, names, options), store, emit, init, window }
    addCogroup(merge === undefined ? parts : { ...parts, merge }, place)
    return windowedTable(place.shop, names.node, key, store, window)
  }
}

type TableEmit = Pick<TableOptions, 'emit'>
type Names = { readonly name?: string; readonly store?: string }

function addCogroup(parts: CogroupParts, { shop }: GroupPlace): void {
  for (const node of cogroup(parts)) shop.builder.add(node)
}

function namesOf(members: Members, step: string, options: Names, materialized: boolean): StateNames {
  const { shop } = members[0].place
  const lineages = members.map(({ place }) => place.lineage)
  const groups = members.map(({ place }) => place.group ?? '')
  const said = { verb: 'cogroup', groups, materialized } as const
  return stateNames(shop, 'cogroup', stepName(mergedName(lineages), step), options, said)
}

/** Every input has the keys of the first, or of whoever knows its serde. */
function keyOf(members: Members): Serde<unknown> {
  const known = members.find(({ place }) => place.key !== undefined)
  return keySerde((known ?? members[0]).place, undefined, 'cogroup')
}

function inputsOf(
  members: Members,
  names: StateNames,
  options: Names,
): Pick<CogroupParts, 'name' | 'inputs'> {
  const key = keyOf(members)
  const inputs = members.map(({ place, add }, index): CogroupInput => {
    const content = `${options.store ?? options.name ?? names.node}-${index}`
    const topic = repartitionOf(names, place.repartition ?? content, index)
    const input = { parent: place.node, ...topic, key, value: valueSerde(place, undefined) }
    return { name: `${names.node}-${index}`, input, add }
  })
  return { name: names.node, inputs }
}

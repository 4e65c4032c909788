/** Groups in windows of event time: their aggregations are tables whose keys are windows of keys. */
import { milliseconds } from '../../core/duration.ts'
import { sluiceError } from '../../core/errors.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { Windowed } from '../../core/windowed.ts'
import { aggregateSteps, countSteps, reduceSteps } from '../../engine/operators/window-steps.ts'
import type { WindowSteps } from '../../engine/operators/window-steps.ts'
import { windowedView } from '../../engine/operators/window-view.ts'
import { windowedAggregate } from '../../engine/operators/windowed.ts'
import { closesAfter, leastRetention, windowSize } from '../../engine/operators/windows.ts'
import type { Window } from '../../engine/operators/windows.ts'
import { stepName } from '../../engine/topology/names.ts'
import type { StoreSpec } from '../../engine/topology/node.ts'
import type { CountOptions } from './verb-options.ts'
import { checkOptions } from './options.ts'
import { keySerde, repartitionOf, stateNames, valueSerde } from './place.ts'
import type { GroupPlace, StoreName, TablePlace, Workshop } from './place.ts'
import type { Table, WindowedGrouped } from './types.ts'
import type { Merging, WindowedAggregateOptions, WindowedOptions } from './window-options.ts'

type LooseAdd = (aggregate: unknown, value: unknown, key: unknown, record: FlowRecord) => unknown
type LooseMerge = (one: unknown, other: unknown, key: unknown) => unknown
type Options = WindowedOptions<unknown> & { readonly value?: Serde<unknown> }

export class WindowedGroupedHandle<K, V, W extends Window> implements WindowedGrouped<K, V, W> {
  readonly place: GroupPlace
  readonly #window: W

  constructor(place: GroupPlace, window: W) {
    this.place = place
    this.#window = window
  }

  count(options?: WindowedOptions<W> & CountOptions): Table<Windowed<K>, number> {
    return this.#table('windowedCount', options, this.place.shop.serdes.count, countSteps)
  }

  reduce(
    reducer: (aggregate: V, value: V, key: K, record: FlowRecord<K, V>) => V,
    options?: WindowedOptions<W> & { readonly value?: Serde<V> },
  ): Table<Windowed<K>, V> {
    const value = valueSerde(this.place, options?.value)
    return this.#table('windowedReduce', options, value, reduceSteps(reducer as LooseAdd))
  }

  aggregate<A>(
    options: WindowedAggregateOptions<K, V, A> & WindowedOptions<W> & Merging<W, K, A>,
  ): Table<Windowed<K>, A> {
    const { init, add, value = this.place.shop.serdes.json } = options
    const merge = mergeOf(this.#window, options.merge, 'aggregate')
    return this.#table('windowedAggregate', options, value, aggregateSteps(init, add as LooseAdd, merge))
  }

  #table<A>(
    verb: 'windowedAggregate' | 'windowedCount' | 'windowedReduce',
    options: (WindowedOptions<W> & CountOptions) | undefined,
    value: Serde<unknown>,
    steps: WindowSteps,
  ): Table<Windowed<K>, A> {
    checkOptions(verb, options)
    const { place } = this
    const window = this.#window
    const loose = options as Options | undefined
    const content = stepName(place.lineage, `${window.kind}-${steps.kind}`)
    const materialized = options?.materialized ?? isKept(loose)
    const said = { verb: steps.kind, from: place.group ?? '', materialized } as const
    const names = stateNames(place.shop, steps.kind, content, loose, said)
    const name = names.node
    const key = keySerde(place, undefined, steps.kind)
    const store = windowStore(names, key, value, window, loose)
    const topic = repartitionOf(names, place.repartition ?? loose?.store ?? loose?.name)
    const input = { parent: place.node, ...topic, key, value: valueSerde(place, undefined) }
    const emit = loose?.emit ?? 'coalesced'
    if (emit === 'final') checkFinal(name, window)
    const cached = loose?.cached ?? emit !== 'every'
    place.shop.builder.add(windowedAggregate({ name, store, window, emit, cached, input }, steps))
    return windowedTable(place.shop, name, key, store, window)
  }
}

/** Whether the user said how it is kept, as with Java's Materialized. */
export function isKept(options: WindowedOptions<unknown> | undefined): boolean {
  const { store, changelog, retention } = options ?? {}
  return store !== undefined || changelog !== undefined || retention !== undefined
}

/** @throws SLUICE_TOPOLOGY for sessions that nobody can merge */
export function mergeOf(window: Window, merge: unknown, node: string): LooseMerge | undefined {
  if (window.kind !== 'session' || merge !== undefined) return merge as LooseMerge | undefined
  throw sluiceError('SLUICE_TOPOLOGY', {
    node,
    problem: 'sessions become one when a record falls between them, and there is no `merge` that says how',
    remedy: 'Give { merge: (one, other) => … }.',
  })
}

/** @throws SLUICE_CONFIG_INVALID for a retention shorter than a window is open */
export function windowStore(
  { store: name, generated }: StoreName,
  key: Serde<unknown>,
  value: Serde<unknown>,
  window: Window,
  options: Pick<WindowedOptions<unknown>, 'retention' | 'changelog'> | undefined,
): StoreSpec {
  const size = windowSize(window)
  return Object.freeze({
    name,
    kind: size === undefined ? 'session' : 'timestamped-window',
    key,
    value,
    changelog: options?.changelog ?? true,
    retentionMs: retentionOf(name, window, options),
    ...(size === undefined ? {} : { windowSizeMs: size }),
    ...(generated && { generated }),
  })
}

function retentionOf(
  name: string,
  window: Window,
  options: Pick<WindowedOptions<unknown>, 'retention'> | undefined,
): number {
  const least = leastRetention(window)
  if (options?.retention === undefined) return least
  const place = `store ${name}: retention`
  const retentionMs = milliseconds(options.retention, place)
  if (retentionMs >= least) return retentionMs
  const expected = `at least ${least} ms, until a window closes`
  throw sluiceError('SLUICE_CONFIG_INVALID', { place, expected, came: `${retentionMs}` })
}

function checkFinal(node: string, window: Window): void {
  if (window.kind !== 'unlimited') return
  throw sluiceError('SLUICE_TOPOLOGY', {
    node,
    problem: "an unlimited window never closes, so { emit: 'final' } would emit nothing",
    remedy: "Use { emit: 'every' } or 'coalesced'.",
  })
}

/** The table of a windowed aggregation. */
export function windowedTable<K, A>(
  shop: Workshop,
  node: string,
  key: Serde<unknown>,
  store: StoreSpec,
  window: Window,
): Table<Windowed<K>, A> {
  const place: TablePlace = {
    shop,
    node,
    lineage: node,
    key: shop.serdes.windowed(key, windowSize(window)),
    value: store.value,
    view: windowedView(store),
    closesAfterMs: closesAfter(window),
  }
  return shop.table(place)
}

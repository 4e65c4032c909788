/** The words for `suppress`, and how it becomes a node. */
import { lintUnknown } from '../../core/config.ts'
import { milliseconds } from '../../core/duration.ts'
import type { Duration } from '../../core/duration.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Windowed } from '../../core/windowed.ts'
import { suppress, suppressedView } from '../../engine/operators/suppress.ts'
import type { SuppressRules } from '../../engine/operators/suppress.ts'
import { heldBackSerde, VERSION_HEADERS } from '../../engine/operators/suppress-value.ts'
import { stepName } from '../../engine/topology/names.ts'
import type { StoreSpec } from '../../engine/topology/node.ts'
import { checkOptions } from './options.ts'
import { stateNames, valueSerde } from './place.ts'
import type { TablePlace } from './place.ts'
import type { Named } from './verb-options.ts'
import type { BufferOptions, Suppression } from './window-options.ts'

/**
 * Only the final result of each window goes on, when no record can change it any more. When the buffer is full the application
 * stops: emitting early would not be final.
 * @example counts.suppress(untilWindowCloses()).toStream().to(finalCounts)
 */
export function untilWindowCloses(bounds: BufferOptions = {}): Suppression<Windowed<unknown>> {
  lintUnknown(Object.keys(bounds), ['maxRecords', 'maxBytes'], 'untilWindowCloses')
  const buffer = { ...NO_BOUNDS, ...bounds }
  return Object.freeze({ until: 'window-closes', waitMs: 0, whenFull: 'shut-down', ...buffer })
}

/**
 * At most one update per key and limit of event time, the last one. When the buffer is full the oldest go on early, or the
 * application stops.
 * @example totals.suppress(untilTimeLimit('10s', { maxRecords: 10_000 }))
 */
export function untilTimeLimit(
  limit: Duration,
  bounds: BufferOptions & { readonly whenFull?: 'emit-early' | 'shut-down' } = {},
): Suppression<unknown> {
  lintUnknown(Object.keys(bounds), ['maxRecords', 'maxBytes', 'whenFull'], 'untilTimeLimit')
  const waitMs = milliseconds(limit, 'untilTimeLimit: limit')
  const buffer = { ...NO_BOUNDS, whenFull: 'emit-early', ...bounds } as const
  return Object.freeze({ until: 'time-limit', waitMs, ...buffer })
}

const NO_BOUNDS = { maxRecords: Infinity, maxBytes: Infinity } as const

/** Adds the node and answers with the place below it. @throws SLUICE_TOPOLOGY */
export function addSuppress(
  place: TablePlace,
  { until, waitMs, maxRecords, maxBytes, whenFull }: Suppression<never>,
  options: Named | undefined,
): TablePlace {
  checkOptions('suppress', options)
  const { shop, node, lineage, key } = place
  const content = stepName(lineage, 'suppress')
  const names = stateNames(shop, 'suppress', content, options, { verb: 'suppress', from: node })
  checkNotVersioned(names.node, place)
  const byWindow = until === 'window-closes'
  const wait = byWindow ? closesAfterOf(names.node, place) : waitMs
  const rules: SuppressRules = { waitMs: wait, byWindow, maxRecords, maxBytes, whenFull }
  const value = valueSerde(place, undefined)
  const store: StoreSpec = Object.freeze({
    name: names.store,
    kind: 'key-value',
    key,
    value: heldBackSerde(value),
    changelog: true,
    changelogHeaders: VERSION_HEADERS,
    ...(names.generated && { generated: true }),
  })
  shop.builder.add(suppress({ name: names.node, parent: node, store, value, rules }))
  return { ...place, node: names.node, lineage: names.node, view: suppressedView(place.view, store.name) }
}

function closesAfterOf(node: string, { closesAfterMs, lineage }: TablePlace): number {
  if (closesAfterMs !== undefined) return closesAfterMs
  throw sluiceError('SLUICE_TOPOLOGY', {
    node,
    problem: `the keys of "${lineage}" are no windows, so none of them ever closes`,
    remedy: 'Aggregate in windows first (windowedBy), or use untilTimeLimit.',
  })
}

function checkNotVersioned(node: string, { view, lineage }: TablePlace): void {
  if (view.openAsOf === undefined) return
  throw sluiceError('SLUICE_TOPOLOGY', {
    node,
    problem: `the table "${lineage}" is versioned: holding an update back would change what was valid when`,
    remedy: 'Leave out `versioned`, or the suppress.',
  })
}

/** Steps of a case about windows, cogroups and suppress. */
import { untilTimeLimit, untilWindowCloses } from '../../src/index.ts'
import type { SessionWindow } from '../../src/engine/operators/windows.ts'
import type { Step } from './case.ts'
import { aggregator, reducer } from './functions.ts'
import type { Aggregator, Value } from './functions.ts'
import { VALUES } from './serde.ts'
import { isMaterialized, keeping, named, NotYet } from './thing.ts'
import type { Cogroup, Drawing, Group, Grouped, Table, Thing } from './thing.ts'
import { windowOf } from './window.ts'
import type { CaseWindow } from './window.ts'

type Windowed = Extract<Thing, { readonly kind: 'windowed' }>

export function drawGroup(
  from: Extract<Thing, { readonly kind: 'group' }> | Cogroup,
  step: Step,
  into: Thing | undefined,
): Thing {
  const group: Group = from.kind === 'group' ? from.group : from
  if (step.op === 'windowedBy')
    return { kind: 'windowed', group, window: step.window as CaseWindow, emit: step.emit }
  const { add, ...rest } = aggregator(step.aggregator!)
  if (into?.kind === 'cogroup')
    return { ...into, group: into.group.cogroup(group as Grouped, (so, value) => add(so, value)) }
  const made = (group as Grouped).cogroup<Value>((so, value) => add(so, value))
  return { kind: 'cogroup', group: made, first: { add, ...rest } }
}

export function drawCogroup(drawing: Drawing, { group, first }: Cogroup, step: Step): Thing {
  if (step.op !== 'aggregate') throw new NotYet(`${step.op} of a cogroup`)
  const { emit } = optionsOf(drawing, step)
  const options = { ...named(step), ...keeping(step), emit }
  return { kind: 'table', table: group.aggregate({ init: () => first.init, value: VALUES, ...options }) }
}

/** The case has one step for the windows and one for the aggregation; both are needed to draw it. */
export function drawWindowed(drawing: Drawing, { group, window, emit }: Windowed, step: Step): Thing {
  const options = optionsOf(drawing, step)
  if ('kind' in group) {
    const { init, merge } = group.first
    const windowed = group.group.windowedBy(windowOf(window) as SessionWindow)
    return table(windowed.aggregate({ init: () => init, merge, value: VALUES, ...options }))
  }
  const windowed = group.windowedBy(windowOf(window) as SessionWindow)
  const emitted =
    emit === 'onWindowClose'
      ? ({ ...options, emit: 'final', cached: options.emit === 'coalesced' } as const)
      : options
  if (step.op === 'count') return table(windowed.count({ ...emitted, materialized: isMaterialized(step) }))
  if (step.op === 'reduce') return table(windowed.reduce(reducer(step.reducer!), emitted))
  if (step.op !== 'aggregate') throw new NotYet(`${step.op} of a windowed group`)
  const { init, add, merge }: Aggregator = aggregator(step.aggregator!)
  return table(windowed.aggregate<Value>({ init: () => init, add, merge, value: VALUES, ...emitted }))
}

export function suppressed(from: Table, step: Step): Table {
  const { maxRecords, maxBytes } = step
  const bounds = {
    ...(maxRecords !== undefined && { maxRecords }),
    ...(maxBytes !== undefined && { maxBytes }),
  }
  if (step.until === 'windowClose')
    return from.suppress(untilWindowCloses(bounds) as Parameters<Table['suppress']>[0], named(step))
  const whenFull = step.whenFull === 'shutDown' ? 'shut-down' : 'emit-early'
  return from.suppress(untilTimeLimit(step.ms!, { ...bounds, whenFull }), named(step))
}

function table(made: { toStream(): unknown }): Thing {
  return { kind: 'table', table: made as unknown as Table }
}

function optionsOf(
  { caching }: Drawing,
  step: Step,
): ReturnType<typeof keeping> & { readonly emit: 'coalesced' | 'every'; readonly retention?: number } {
  const emit = caching && step.caching !== false ? 'coalesced' : 'every'
  const { retention } = step
  return { ...named(step), ...keeping(step), emit, ...(retention === undefined ? {} : { retention }) }
}

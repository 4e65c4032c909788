/** A case drawn with the DSL, step by step; what the DSL does not have yet is named. */
import { defineApp, store, string, topic } from '../../src/index.ts'
import type {
  App,
  AppOptions,
  Flow,
  StoreOptions,
  TableOptions,
  TimestampExtractor,
} from '../../src/index.ts'
import type { Case, Step } from './case.ts'
import { serdeOf, VALUES } from './serde.ts'
import { aggregator, reducer, text } from './functions.ts'
import type { Value } from './functions.ts'
import { drawStream } from './draw-stream.ts'
import { drawTable } from './draw-table.ts'
import { drawCogroup, drawGroup, drawWindowed } from './draw-window.ts'
import { isMaterialized, keeping, named, NotYet, sourceTableOptions } from './thing.ts'
import type { Drawing, Grouped, GroupedTable, Thing } from './thing.ts'

export type Drawn = { readonly app: App } | { readonly missing: string }

/** @throws what the DSL throws for a topology that makes no sense */
export function draw(one: Case): Drawn {
  const optimization = optimizationOf(one)
  const app = defineApp('app', (flow) => addSteps(flow, one), { naming: 'kafka-streams', optimization })
  try {
    app.topology()
    return { app }
  } catch (error) {
    if (error instanceof NotYet) return { missing: error.operator }
    throw error
  }
}

function addSteps(flow: Flow, one: Case): void {
  const drawing: Drawing = { flow, things: new Map(), stores: new Map(), caching: cachingOf(one) }
  for (const step of one.topology) {
    const made = addStep(drawing, step)
    if (step.id !== undefined && made !== undefined) drawing.things.set(step.id, made)
  }
}

/** All, none, or some, as Kafka writes them. */
function optimizationOf({ config }: Case): NonNullable<AppOptions['optimization']> {
  const wanted = String(config['topology.optimization'] ?? 'none')
  if (wanted === 'all' || wanted === 'none') return wanted
  return wanted.split(',').map((one) => one.trim()) as Extract<AppOptions['optimization'], readonly unknown[]>
}

function cachingOf({ config }: Case): boolean {
  return config['statestore.cache.max.bytes'] !== 0
}

function addStep(drawing: Drawing, step: Step): Thing | undefined {
  if (step.op === 'addStateStore') return addStore(drawing, step)
  if (step.from === undefined) return begin(drawing, step)
  const from = drawing.things.get(step.from)
  if (from === undefined) throw new Error(`step ${step.op}: no "${step.from}"`)
  switch (from.kind) {
    case 'stream':
      return drawStream(drawing, from.stream, step)
    case 'table':
      return drawTable(drawing, from.table, step)
    case 'group':
      if (step.op === 'windowedBy' || step.op === 'cogroup')
        return drawGroup(from, step, step.into === undefined ? undefined : drawing.things.get(step.into))
      return aggregated(from.group, step, tableOptions(drawing, step))
    case 'grouped-table':
      return aggregatedTable(from.group, step, tableOptions(drawing, step))
    case 'cogroup':
      if (step.op === 'windowedBy') return drawGroup(from, step, undefined)
      return drawCogroup(drawing, from, step)
    case 'windowed':
      return drawWindowed(drawing, from, step)
    case 'global':
      throw new NotYet(`${step.op} of a global table`)
  }
}

function addStore({ stores }: Drawing, step: Step): undefined {
  stores.set(step.store!, store(step.store!, storeOptions(step)))
}

function storeOptions(step: Step): StoreOptions<string, Value> {
  const { capacity = 0, retention = 0, windowSize = 0, historyRetention = 0, retainDuplicates = false } = step
  const common = { key: string, value: VALUES, changelog: step.logging ?? true }
  switch (step.type) {
    case 'keyValue':
      return common
    case 'timestampedKeyValue':
      return { ...common, kind: 'timestamped' }
    case 'lru':
      return { ...common, kind: 'lru', capacity }
    case 'window':
      return { ...common, kind: 'window', retention, size: windowSize, retainDuplicates }
    case 'session':
      return { ...common, kind: 'session', retention }
    case 'versioned':
      return { ...common, kind: 'versioned', retention: historyRetention }
    default:
      throw new NotYet(`addStateStore of type ${step.type}`)
  }
}

function begin(drawing: Drawing, step: Step): Thing {
  const { flow } = drawing
  const timestamp = timestampOf(step)
  const records = { key: string, value: serdeOf(step.valueType), ...(timestamp && { timestamp }) }
  if (step.pattern !== undefined)
    return { kind: 'stream', stream: flow.stream(new RegExp(step.pattern), { ...records, ...named(step) }) }
  const topics = (step.topics ?? [step.topic!]).map((one) => topic<string | null, Value>(one, records))
  if (step.op === 'stream') return { kind: 'stream', stream: flow.stream(topics, named(step)) }
  if (step.op === 'table') {
    return { kind: 'table', table: flow.table(topics[0]!, sourceTableOptions(drawing, step)) }
  }
  if (step.op === 'globalTable')
    return { kind: 'global', table: flow.globalTable(topics[0]!, globalOptions(step)) }
  throw new NotYet(step.op)
}

/** The extractors of timestamps as the README names them. */
function timestampOf({ timestampExtractor }: Step): TimestampExtractor<string | null, Value> | undefined {
  switch (timestampExtractor) {
    case undefined:
      return undefined
    case 'valueField':
      return ({ value, timestamp }) => {
        const field = text(value).split('|').at(-1)!
        return /^-?[0-9]+$/.test(field) ? Number(field) : timestamp
      }
    case 'logAndSkip':
      return ({ timestamp }) => timestamp
    case 'usePartitionTime':
      return ({ timestamp }, partitionTime) => (timestamp < 0 ? partitionTime : timestamp)
    case 'partitionTime':
      return ({ timestamp }, partitionTime) => (partitionTime < 0 ? timestamp : partitionTime)
    default:
      throw new NotYet(`timestamp extractor ${timestampExtractor}`)
  }
}

function globalOptions(step: Step): NonNullable<Parameters<Flow['globalTable']>[1]> {
  return { ...named(step), ...(step.store === undefined ? {} : { store: step.store }) }
}

function tableOptions({ caching }: Drawing, step: Step): TableOptions {
  const emit = caching && step.caching !== false ? 'coalesced' : 'every'
  return { ...named(step), ...keeping(step), emit }
}

function aggregated(group: Grouped, step: Step, options: TableOptions): Thing {
  if (step.op === 'count')
    return { kind: 'table', table: group.count({ ...options, materialized: isMaterialized(step) }) }
  if (step.op === 'reduce') return { kind: 'table', table: group.reduce(reducer(step.reducer!), options) }
  if (step.op !== 'aggregate') throw new NotYet(step.op)
  const { init, add } = aggregator(step.aggregator!)
  const value = VALUES
  return { kind: 'table', table: group.aggregate<Value>({ init: () => init, add, value, ...options }) }
}

function aggregatedTable(group: GroupedTable, step: Step, options: TableOptions): Thing {
  if (step.op === 'count') return { kind: 'table', table: group.count(options) }
  if (step.op === 'reduce') {
    const [add, subtract] = [reducer(step.reducer!), reducer(step.subtractor!)]
    return { kind: 'table', table: group.reduce({ add, subtract, ...options }) }
  }
  if (step.op !== 'aggregate') throw new NotYet(`${step.op} of a grouped table`)
  const { init, add, subtract } = aggregator(step.aggregator!)
  const value = VALUES
  return {
    kind: 'table',
    table: group.aggregate<Value>({ init: () => init, add, subtract, value, ...options }),
  }
}

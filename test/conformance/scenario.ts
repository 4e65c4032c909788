/** A Kafka Streams conformance scenario drawn with the DSL; `undefined` where a step is one the DSL does not have. */
import { defineApp, json, string, topic } from '../../src/index.ts'
import type { App, Flow, Grouped, Stream, Table, TableOptions } from '../../src/index.ts'
import {
  aggregator,
  flatFunction,
  joiner,
  keyFunction,
  predicate,
  reducer,
  valueFunction,
} from './functions.ts'
import type { Value } from './functions.ts'

export interface Step {
  readonly op: string
  readonly id?: string
  readonly from?: string
  readonly with?: string | readonly string[]
  readonly topic?: string
  readonly topics?: readonly string[]
  readonly pattern?: string
  readonly timestampExtractor?: string
  readonly topicFromValue?: string
  readonly fn?: string
  readonly key?: string
  readonly value?: string
  readonly predicate?: string
  readonly branches?: readonly { readonly predicate: string; readonly id: string }[]
  readonly default?: { readonly id: string }
  readonly joiner?: string
  readonly reducer?: string
  readonly aggregator?: string
  readonly partitions?: number
  readonly name?: string
  readonly caching?: boolean
  readonly logging?: boolean
  readonly versioned?: number
  readonly window?: unknown
  readonly grace?: number
}

export interface Output {
  readonly key: string | null
  readonly value: Value
  readonly ts: number
}

export interface Scenario {
  readonly name: string
  readonly config: Readonly<Record<string, string | number>>
  readonly loopedTopics?: unknown
  readonly referenceBug?: unknown
  readonly topology: readonly Step[]
  readonly inputs: readonly {
    readonly topic?: string
    readonly key: string | null
    readonly value: Value
    readonly ts: number
    readonly headers?: unknown
  }[]
  readonly golden: {
    readonly error?: unknown
    readonly outputs: Readonly<Record<string, readonly Output[]>>
    readonly internalTopics: Readonly<Record<string, { readonly type: string; readonly config: unknown }>>
    readonly droppedRecords: number
  }
}

type AnyStream = Stream<string | null, Value>
type AnyTable = Table<string | null, Value>
type AnyGroup = Grouped<string | null, Value>
type Thing = { readonly stream: AnyStream } | { readonly table: AnyTable } | { readonly group: AnyGroup }

const records = (name: string): ReturnType<typeof topic<string | null, Value>> =>
  topic(name, { key: string, value: json<Value>() })

/** Thrown inside the drawing of a scenario that has something else. */
class NotInTheDsl extends Error {}

export function draw(scenario: Scenario): App | undefined {
  const app = defineApp('app', (flow) => {
    const things = new Map<string, Thing>()
    for (const [index, step] of scenario.topology.entries())
      addStep(flow, scenario, step, `s${index}`, things)
  })
  try {
    app.topology()
    return app
  } catch (error) {
    if (error instanceof NotInTheDsl) return undefined
    throw error
  }
}

function addStep(flow: Flow, scenario: Scenario, step: Step, name: string, things: Map<string, Thing>): void {
  const unsupported =
    step.timestampExtractor ??
    step.pattern ??
    step.topicFromValue ??
    step.versioned ??
    step.window ??
    step.grace
  if (unsupported !== undefined) throw new NotInTheDsl(step.op)
  if (step.op === 'split') return addBranches(step, name, things)
  const from = step.from === undefined ? undefined : things.get(step.from)
  const emit =
    scenario.config['statestore.cache.max.bytes'] === 0 || step.caching === false ? 'every' : 'coalesced'
  const made =
    from === undefined
      ? begin(flow, step, name, emit)
      : 'group' in from
        ? aggregated(from.group, step, { name, emit, changelog: step.logging ?? true })
        : 'table' in from
          ? ofTable(from.table, step, name)
          : ofStream(from.stream, step, name, things, emit)
  if (step.id !== undefined && made !== undefined) things.set(step.id, made)
}

type EmitWord = 'every' | 'coalesced'

function begin(flow: Flow, step: Step, name: string, emit: EmitWord): Thing {
  const topics = (step.topics ?? [step.topic!]).map(records)
  if (step.op === 'stream') return { stream: flow.stream(topics) }
  if (step.op === 'table') return { table: flow.table(topics[0]!, { name, emit }) }
  throw new NotInTheDsl(step.op)
}

function addBranches(step: Step, name: string, things: Map<string, Thing>): void {
  const from = things.get(step.from!)
  if (from === undefined || !('stream' in from)) throw new NotInTheDsl('split of no stream')
  const tests = Object.fromEntries(
    step.branches!.map((branch, index) => [`b${index}`, predicate(branch.predicate)] as const),
  )
  const arms = from.stream.branch(tests, { name })
  step.branches!.forEach((branch, index) => things.set(branch.id, { stream: arms[`b${index}`]! }))
  if (step.default !== undefined) things.set(step.default.id, { stream: arms['default']! })
}

function ofTable(table: AnyTable, step: Step, name: string): Thing {
  if (step.op !== 'toStream') throw new NotInTheDsl(`${step.op} of a table`)
  const stream = table.toStream({ name })
  if (step.key === undefined) return { stream }
  return { stream: stream.selectKey(keyFunction(step.key), { name: `${name}-key` }) }
}

function aggregated(group: AnyGroup, step: Step, options: TableOptions): Thing {
  if (step.op === 'count') return { table: group.count(options) }
  if (step.op === 'reduce') return { table: group.reduce(reducer(step.reducer!), options) }
  if (step.op !== 'aggregate') throw new NotInTheDsl(step.op)
  const { init, add } = aggregator(step.aggregator!)
  return { table: group.aggregate<Value>({ init: () => init, add, ...options }) }
}

function ofStream(
  stream: AnyStream,
  step: Step,
  name: string,
  things: ReadonlyMap<string, Thing>,
  emit: EmitWord,
): Thing | undefined {
  const test = step.predicate === undefined ? undefined : predicate(step.predicate)
  const key = step.key === undefined ? undefined : keyFunction(step.key)
  const others = [step.with ?? []].flat().map((id) => things.get(id)!)
  switch (step.op) {
    case 'filter':
      return { stream: stream.filter(test!, { name }) }
    case 'filterNot':
      return { stream: stream.filter((v, k) => !test!(v, k), { name }) }
    case 'mapValues':
      return { stream: stream.mapValues(valueFunction(step.fn!), { name }) }
    case 'map': {
      const value = valueFunction(step.value ?? 'identity')
      return {
        stream: stream.map((v, k) => [(key ?? keyFunction('identity'))(v, k), value(v, k)] as const, {
          name,
        }),
      }
    }
    case 'selectKey':
      return { stream: stream.selectKey(key!, { name }) }
    case 'flatMap':
      return { stream: stream.flatMap(flatFunction(step.fn!), { name }) }
    case 'flatMapValues': {
      const flat = flatFunction(step.fn!)
      return { stream: stream.flatMapValues((v, k) => flat(v, k).map(([, value]) => value), { name }) }
    }
    case 'peek':
      return { stream: stream.peek(() => {}, { name }) }
    case 'merge':
      return {
        stream: stream.merge(...others.map((other) => ('stream' in other ? other.stream : never(step)))),
      }
    case 'repartition':
      return {
        stream: stream.repartition({
          name,
          ...(step.partitions === undefined ? {} : { partitions: step.partitions }),
        }),
      }
    case 'toTable':
      return { table: stream.toTable({ name, emit }) }
    case 'groupByKey':
      return { group: stream.groupByKey(step.name === undefined ? undefined : { name: step.name }) }
    case 'groupBy':
      // A name of the group would make its aggregations share a repartition topic.
      return {
        group:
          step.name === undefined
            ? stream.selectKey(key!, { name }).groupByKey()
            : stream.groupBy(key!, { name: step.name }),
      }
    case 'join':
    case 'leftJoin': {
      const other = others[0]!
      if (!('table' in other)) throw new NotInTheDsl('join of streams')
      return { stream: stream[step.op](other.table, joiner(step.joiner ?? 'concat'), { name }) }
    }
    case 'to':
      stream.to(records(step.topic!), { name })
      return undefined
    default:
      throw new NotInTheDsl(step.op)
  }
}

function never(step: Step): never {
  throw new NotInTheDsl(step.op)
}

/** Steps of a case that begin at a stream. */
import { string, topic } from '../../src/index.ts'
import type { Serde } from '../../src/index.ts'
import type { Step } from './case.ts'
import { flatFunction, joiner, keyFunction, predicate, text, valueFunction } from './functions.ts'
import type { Value } from './functions.ts'
import { fixedProcessorOf } from './processors-fixed.ts'
import { processorOf } from './processors.ts'
import { KEYS, PRESENT, VALUES } from './serde.ts'
import { named, NotYet, sourceTableOptions } from './thing.ts'
import type { Drawing, Key, Stream, Thing } from './thing.ts'

export function drawStream(drawing: Drawing, stream: Stream, step: Step): Thing | undefined {
  switch (step.op) {
    case 'split':
      return split(drawing, stream, step)
    case 'to':
      if (step.topicFromValue !== undefined) {
        const prefix = step.topicFromValue
        const topicOf = (value: Value): string => prefix + (text(value ?? '').at(0) ?? 'none')
        stream.to(topicOf, { ...named(step), key: KEYS as Serde<NonNullable<Key>>, value: PRESENT })
        return undefined
      }
      stream.to(topic<Key, Value>(step.topic!, { key: KEYS, value: VALUES }), named(step))
      return undefined
    case 'foreach':
      stream.forEach(() => {}, named(step))
      return undefined
    case 'groupByKey':
      return { kind: 'group', group: stream.groupByKey({ ...named(step), value: VALUES }) }
    case 'groupBy':
      return {
        kind: 'group',
        group: stream.groupBy(keyFunction(step.key!), { ...named(step), value: VALUES }),
      }
    case 'toTable':
      return { kind: 'table', table: stream.toTable({ ...sourceTableOptions(drawing, step), value: VALUES }) }
    case 'join':
    case 'leftJoin':
    case 'outerJoin':
      return { kind: 'stream', stream: joined(drawing, stream, step) }
    case 'merge': {
      const others = [step.with ?? []].flat().map((id) => streamOf(drawing, id))
      return { kind: 'stream', stream: stream.merge(...others, named(step)) }
    }
    case 'process': {
      const stores = (step.stores ?? []).map((id) => drawing.stores.get(id)!)
      return {
        kind: 'stream',
        stream: stream.process(processorOf(step), { ...named(step), key: string, value: VALUES, stores }),
      }
    }
    case 'processValues': {
      const stores = (step.stores ?? []).map((id) => drawing.stores.get(id)!)
      const options = { ...named(step), value: VALUES, stores }
      return { kind: 'stream', stream: stream.processValues(fixedProcessorOf(step), options) }
    }
    default:
      return { kind: 'stream', stream: changed(stream, step) }
  }
}

/** Verbs that give one stream and need nothing but their functions. */
function changed(stream: Stream, step: Step): Stream {
  switch (step.op) {
    case 'filter':
    case 'filterNot':
      return stream[step.op](predicate(step.predicate!), named(step))
    case 'peek':
      return stream.peek(() => {}, named(step))
    case 'mapValues':
      return stream.mapValues<Value>(valueFunction(step.fn!), { ...named(step), value: PRESENT })
    case 'selectKey':
      return stream.selectKey(keyFunction(step.key!), named(step))
    case 'flatMap':
      return stream.flatMap(flatFunction(step.fn!), { ...named(step), value: PRESENT })
    case 'flatMapValues': {
      const flat = flatFunction(step.fn!)
      return stream.flatMapValues((v, k) => flat(v, k).map(([, value]) => value), {
        ...named(step),
        value: PRESENT,
      })
    }
    case 'map': {
      const [key, value] = [keyFunction(step.key ?? 'identity'), valueFunction(step.value ?? 'identity')]
      return stream.map((v, k) => [key(v, k), value(v, k)] as const, { ...named(step), value: PRESENT })
    }
    case 'repartition':
      return stream.repartition({
        ...named(step),
        value: VALUES,
        ...(step.partitions === undefined ? {} : { partitions: step.partitions }),
      })
    default:
      throw new NotYet(`${step.op} of a stream`)
  }
}

function split({ things }: Drawing, stream: Stream, step: Step): undefined {
  const branches = step.branches!
  const tests = Object.fromEntries(
    branches.map((branch, index) => [`b${index}`, predicate(branch.predicate)] as const),
  )
  const given = [...branches, ...(step.default === undefined ? [] : [step.default])]
  const names = given.map(({ as }, index) => [index < branches.length ? `b${index}` : 'default', as] as const)
  const as = Object.fromEntries(names.filter(([, name]) => name !== undefined)) as Record<string, string>
  const arms = stream.branch(tests, { ...named(step), as, default: step.default !== undefined })
  branches.forEach(({ id }, index) => things.set(id, { kind: 'stream', stream: arms[`b${index}`]! }))
  if (step.default !== undefined) things.set(step.default.id, { kind: 'stream', stream: arms['default']! })
}

function joined({ things }: Drawing, stream: Stream, step: Step): Stream {
  const other = things.get(String(step.with))
  const join = joiner(step.joiner ?? 'concat')
  if (other?.kind === 'stream') return joinedStreams(stream, other.stream, join, step)
  if (other?.kind === 'table') {
    const options = {
      ...named(step),
      value: VALUES,
      ...(step.grace === undefined ? {} : { grace: step.grace }),
    }
    return step.op === 'join'
      ? stream.join(other.table, join, options)
      : stream.leftJoin<Value, Value>(other.table, join, options)
  }
  if (other?.kind !== 'global') throw new Error(`no stream or table "${String(step.with)}"`)
  const by = { key: keyFunction(step.key ?? 'identity'), ...named(step) }
  return step.op === 'join'
    ? stream.joinGlobal(other.table, by, join)
    : stream.leftJoinGlobal(other.table, by, join)
}

function joinedStreams(stream: Stream, other: Stream, join: ReturnType<typeof joiner>, step: Step): Stream {
  const {
    before,
    after,
    grace = 0,
  } = step.window as {
    readonly before: number
    readonly after: number
    readonly grace?: number
  }
  const store = step.store === undefined ? {} : { store: step.store }
  const options = {
    within: { before, after },
    grace,
    ...named(step),
    ...store,
    value: VALUES,
    otherValue: VALUES,
  }
  if (step.op === 'join') return stream.join(other, join, options)
  return step.op === 'leftJoin'
    ? stream.leftJoin<Value, Value>(other, join, options)
    : stream.outerJoin<Value, Value>(other, join, options)
}

function streamOf({ things }: Drawing, id: string): Stream {
  const thing = things.get(id)
  if (thing?.kind !== 'stream') throw new Error(`no stream "${id}"`)
  return thing.stream
}

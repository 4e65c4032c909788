/** Runs one case on the test driver and compares what came with what Kafka Streams gave: outputs, dropped records, errors. */
import { string, topic } from '../../src/index.ts'
import type { App } from '../../src/index.ts'
import { createDriver } from '../../src/testing/driver.ts'
import type { Driver } from '../../src/testing/driver.ts'
import type { DriverOptions } from '../../src/testing/driver-options.ts'
import type { Plan } from '../../src/engine/topology/plan.ts'
import type { Case, CaseHeaders, CaseInput, CaseOutput, Golden, InternalRecord } from './case.ts'
import { internalDifferences, internalRecord } from './compare-internal.ts'
import type { InternalRecords } from './compare-internal.ts'
import { storeDifferences, storesOf } from './compare-stores.ts'
import type { Stores } from './compare-stores.ts'
import { topologyDifferences } from './compare-topology.ts'
import type { Difference } from './compare-topology.ts'
import { draw } from './draw.ts'
import type { Key, Value } from './functions.ts'
import { takeOverDifferences } from './take-over.ts'
import { KEYS, VALUES } from './serde.ts'

export type Kept = Pick<DriverOptions, 'stores' | 'stateFolder'>

export type Verdict =
  | { readonly outcome: 'passed' }
  | { readonly outcome: 'skipped'; readonly missing: string }
  | { readonly outcome: 'failed'; readonly differences: readonly Difference[] }

/** What a run gave. */
interface Result {
  readonly error: Golden['error']
  readonly problem: string
  readonly outputs: Readonly<Record<string, readonly CaseOutput[]>>
  readonly dropped: number
  readonly stores: Stores
  /** What was written to internal topics. */
  readonly internal: InternalRecords
  /** Undefined where it could not be built. */
  readonly plan: Plan | undefined
}

/** @param kept where state is kept; default in memory */
export async function runCase(one: Case, kept: Kept = {}): Promise<Verdict> {
  if (
    one.inputs.some(
      (input) => 'value' in input && typeof input.value === 'number' && !Number.isSafeInteger(input.value),
    )
  )
    return { outcome: 'skipped', missing: 'integers beyond 2^53' }
  const result = await resultOf(one, kept)
  if ('missing' in result) return { outcome: 'skipped', missing: result.missing }
  const wanted = [one.golden, { ...one.golden, ...one.goldenInMemory }]
  const all: (readonly Difference[])[] = []
  for (const golden of wanted)
    all.push([...differences(one, golden, result), ...(await takeOver(one, golden, result))])
  const [found] = all.toSorted((a, b) => a.length - b.length)
  return found!.length === 0 ? { outcome: 'passed' } : { outcome: 'failed', differences: found! }
}

/** After an error it is chance how far a changelog got. */
async function takeOver(one: Case, golden: Golden, { plan }: Result): Promise<readonly Difference[]> {
  const whole = golden.error === undefined && one.referenceBug === undefined
  return plan === undefined || !whole ? [] : takeOverDifferences(plan, golden)
}

async function resultOf(one: Case, kept: Kept): Promise<Result | { readonly missing: string }> {
  let app: App
  try {
    const drawn = draw(one)
    if ('missing' in drawn) return drawn
    app = drawn.app
    app.plan()
  } catch (error) {
    return {
      error: { phase: 'build' },
      problem: String(error),
      outputs: {},
      dropped: 0,
      stores: new Map(),
      internal: {},
      plan: undefined,
    }
  }
  const driver = await createDriver(app.plan(), {
    ...kept,
    startTime: one.startWallClock ?? 0,
    topics: [...new Set(one.inputs.flatMap((input) => ('topic' in input ? [input.topic] : [])))],
    changelogs: one.golden.internal !== undefined,
    settings: {
      onDeserializeError: policy(one, 'deserialization.exception.handler'),
      onProcessingError: policy(one, 'processing.exception.handler'),
      unmatchedIntervalMs: interval(one, 'outer.join.spurious.results.fix'),
      windowCloseIntervalMs: interval(one, 'windowed.aggregation'),
    },
  })
  try {
    return { ...feed(one, driver, app.plan()), plan: app.plan() }
  } finally {
    driver.close()
  }
}

function policy({ config }: Case, handler: string): 'dead-letter' | 'fail' {
  return config[handler] === 'continue' ? 'dead-letter' : 'fail'
}

function interval({ config }: Case, of: string): number {
  return Number(config[`__emit.interval.ms.kstreams.${of}__`] ?? 0)
}

function feed(one: Case, driver: Driver, { internalTopics }: Plan): Omit<Result, 'plan'> {
  const outputs: Record<string, CaseOutput[]> = {}
  const internal: Record<string, InternalRecord[]> = {}
  const collect = (step: number): void => {
    for (const name of Object.keys(one.golden.outputs))
      (outputs[name] ??= []).push(...read(driver, name, step))
    for (const { name } of one.golden.internal === undefined ? [] : internalTopics) {
      const written = driver.readBytes(name).map((record) => internalRecord(step, record))
      if (written.length > 0) (internal[name] ??= []).push(...written)
    }
  }
  for (const [step, input] of one.inputs.entries()) {
    try {
      give(driver, input)
    } catch (error) {
      collect(step)
      return { error: { phase: 'run', step }, problem: String(error), outputs, internal, ...endOf(driver) }
    }
    collect(step)
  }
  return { error: undefined, problem: '', outputs, internal, ...endOf(driver) }
}

function endOf(driver: Driver): Pick<Result, 'dropped' | 'stores'> {
  return { dropped: dropped(driver), stores: storesOf(driver) }
}

function give(driver: Driver, input: CaseInput): void {
  if ('advanceWallClock' in input) return driver.advance(input.advanceWallClock)
  const { key, value, ts, headers } = input
  driver.pipe(topicOf(input.topic), { key, value, timestamp: ts, headers: (headers ?? []).map(toHeader) })
}

function topicOf(name: string): ReturnType<typeof topic<string | null, Value>> {
  return topic(name, { key: string, value: VALUES })
}

function toHeader([key, value]: CaseHeaders[number]): { key: string; value: Uint8Array | null } {
  return { key, value: value === null ? null : Buffer.from(value) }
}

function read(driver: Driver, name: string, step: number): readonly CaseOutput[] {
  return driver
    .read(topic<Key, Value>(name, { key: KEYS, value: VALUES }))
    .map(({ key, value, timestamp: ts, headers }) => {
      const pairs = headers.map(
        (header) => [header.key, header.value && Buffer.from(header.value).toString()] as const,
      )
      return { step, key, value, ts, ...(pairs.length > 0 ? { headers: pairs } : {}) }
    })
}

/** Where a repartition is written, Kafka drops null keys without counting them. */
function dropped({ metrics }: Driver): number {
  return metrics
    .samples()
    .filter(({ name, labels }) => {
      return name === 'dropped-records-total' && labels['node']?.endsWith('-repartition-filter') !== true
    })
    .reduce((sum, { value }) => sum + value, 0)
}

function differences(one: Case, golden: Golden, result: Result): readonly Difference[] {
  const texts = outcomeDifferences(one, golden, result)
  const outputs = texts.map((text): Difference => ({ aspect: 'outputs', text }))
  // After an error it is chance how far a store got.
  const stores = golden.error === undefined && one.referenceBug === undefined
  const held = stores ? storeDifferences(golden.stores ?? {}, result.stores) : []
  if (result.plan === undefined) return outputs
  const { internalTopics } = result.plan
  const written = stores ? internalDifferences(one, golden, result.internal, internalTopics) : []
  return [...outputs, ...held, ...topologyDifferences(result.plan, golden), ...written]
}

function outcomeDifferences(one: Case, golden: Golden, result: Result): readonly string[] {
  // What a bug of the reference does is not to be imitated.
  if (one.referenceBug !== undefined) return []
  const found: string[] = []
  if (golden.error?.phase !== result.error?.phase || golden.error?.step !== result.error?.step)
    found.push(`error: expected ${shown(golden.error)}, came ${shown(result.error)} ${result.problem}`)
  for (const [name, wanted] of Object.entries(golden.outputs ?? {}))
    found.push(...outputDifferences(one, name, wanted, result.outputs[name] ?? []))
  if (golden.error === undefined && golden.droppedRecords !== result.dropped)
    found.push(`dropped records: expected ${golden.droppedRecords}, came ${result.dropped}`)
  return found
}

/** Several looped topics take turns in an order that Kafka does not specify: then only the order per key counts. */
function outputDifferences(
  one: Case,
  name: string,
  wanted: readonly CaseOutput[],
  came: readonly CaseOutput[],
): readonly string[] {
  // The reference loses results that leave its store before it looks again: more of them are right.
  if (one.throttledClose !== undefined) return listDifferences(name, wanted, withoutMore(wanted, came))
  if (one.loopedTopics === undefined) return listDifferences(name, wanted, came)
  const [wantedOf, cameOf] = [byKey(wanted), byKey(came)]
  return [...new Set([...wantedOf.keys(), ...cameOf.keys()])].flatMap((key) =>
    listDifferences(`${name}, key ${key}`, wantedOf.get(key) ?? [], cameOf.get(key) ?? []),
  )
}

/** What came, without what is not among the wanted. */
function withoutMore(wanted: readonly CaseOutput[], came: readonly CaseOutput[]): readonly CaseOutput[] {
  const left = wanted.map(shown)
  return came.filter((one) => {
    const at = left.indexOf(shown(one))
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  })
}

function byKey(outputs: readonly CaseOutput[]): Map<string, CaseOutput[]> {
  return Map.groupBy(outputs, ({ key }) => JSON.stringify(key))
}

function listDifferences(
  place: string,
  wanted: readonly CaseOutput[],
  came: readonly CaseOutput[],
): readonly string[] {
  const length = Math.max(wanted.length, came.length)
  const at = Array.from({ length }, (_, index) => index).find(
    (index) => shown(wanted[index]) !== shown(came[index]),
  )
  if (at === undefined) return []
  return [
    `${place}, record ${at} of ${wanted.length}: expected ${shown(wanted[at])}, came ${shown(came[at])}`,
  ]
}

function shown(thing: CaseOutput | Golden['error']): string {
  if (thing === undefined) return 'none'
  if ('phase' in thing) return JSON.stringify({ phase: thing.phase, step: thing.step })
  const { step, key, value, ts, headers } = thing
  return JSON.stringify({ step, key, value, ts, headers: headers?.length === 0 ? undefined : headers })
}

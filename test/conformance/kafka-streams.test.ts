/**
 * The scenarios recorded from Kafka Streams, as far as the DSL has their steps, under the test driver: same outputs in the same
 * order, same number of internal topics with the same configs. What the DSL does not have is counted, not hidden.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { json, string, topic as topicOf } from '../../src/index.ts'
import type { App } from '../../src/index.ts'
import { createDriver } from '../../src/testing/driver.ts'
import type { Driver } from '../../src/testing/driver.ts'
import { draw } from './scenario.ts'
import type { Output, Scenario } from './scenario.ts'
import type { Value } from './functions.ts'

const folder = '/work/shared/conformance/kafka-streams'
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : []

const scenarios = files.flatMap((file) => {
  const { scenarios: all = [] } = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as {
    scenarios?: Scenario[]
  }
  return all
})

/** Errors, headers and wall clock belong to the runtime; numbers beyond 2^53 are refused by design. */
const ofTheRuntime = ({ golden, config, inputs, referenceBug }: Scenario): boolean =>
  golden.error !== undefined ||
  referenceBug !== undefined ||
  config['topology.optimization'] !== undefined ||
  Object.keys(config).some((name) => name.endsWith('exception.handler')) ||
  inputs.some(({ topic, headers, ts, value }) => {
    return (
      topic === undefined ||
      headers !== undefined ||
      ts < 0 ||
      (typeof value === 'number' && !Number.isSafeInteger(value))
    )
  })

const records = { key: string, value: json<Value>() }

const drawn = scenarios.flatMap((scenario): readonly (readonly [string, Scenario, App])[] => {
  if (ofTheRuntime(scenario)) return []
  const app = draw(scenario)
  return app === undefined ? [] : [[scenario.name, scenario, app]]
})

describe.skipIf(drawn.length === 0)(`Kafka Streams scenarios (skipped where ${folder} is absent)`, () => {
  test('are covered as far as they were when this was written', () =>
    expect(drawn.length).toBeGreaterThan(110))

  test.each(drawn)('%s', async (_, scenario, app) => {
    const plan = app.plan()
    const driver = await createDriver(plan)
    for (const { topic, key, value, ts } of scenario.inputs) {
      driver.pipe(topicOf(topic!, records), { key, value, timestamp: ts })
    }
    for (const [topic, expected] of Object.entries(scenario.golden.outputs)) {
      const outputs = driver
        .read(topicOf(topic, records))
        .map(({ key, value, timestamp }) => ({ key, value, ts: timestamp }))
      const wanted = expected.map(({ key, value, ts }) => ({ key, value, ts }))
      const ordered = scenario.loopedTopics === undefined ? (all: readonly Output[]) => all : byKey
      expect(ordered(outputs)).toEqual(ordered(wanted))
    }
    const ours = plan.internalTopics.map(({ role, config }) => ({ type: role, config }))
    const javas = Object.values(scenario.golden.internalTopics)
    expect(of('repartition', ours)).toEqual(of('repartition', javas))
    expect(driver.deadLetters()).toEqual([])
    // Where a repartition is written, Kafka drops null keys without counting them.
    expect(dropped(driver)).toBe(scenario.golden.droppedRecords)
    // Kafka keeps no store for a table that is only turned into a stream again; here each table has one.
    expect(of('changelog', ours)).toEqual(expect.arrayContaining([...of('changelog', javas)]))
  })
})

/** Several repartition topics take turns in an order that Kafka does not specify. */
function byKey(outputs: readonly Output[]): Readonly<Record<string, readonly Output[]>> {
  return Object.fromEntries(Map.groupBy(outputs, ({ key }) => String(key)))
}

/** Configs of the internal topics of one type: names differ by design (content, not counters). */
function of(
  wanted: string,
  topics: readonly { readonly type: string; readonly config: unknown }[],
): readonly unknown[] {
  return topics.filter(({ type }) => type === wanted).map(({ config }) => config)
}

function dropped({ metrics }: Driver): number {
  return metrics
    .samples()
    .filter(({ name, labels }) => {
      return name === 'dropped-records-total' && labels['node']?.endsWith('-repartition-filter') !== true
    })
    .reduce((sum, { value }) => sum + value, 0)
}

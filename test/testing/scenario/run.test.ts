import { describe, expect, it } from 'vitest'
import { FAILPOINTS } from '../../../src/core/failpoint.ts'
import type { Guarantee } from '../../../src/engine/runtime/options.ts'
import { drawPlan, type RunPlan } from '../../../src/testing/scenario/plan.ts'
import { runScenario, type RunResult } from '../../../src/testing/scenario/run.ts'
import type { Scenario } from '../../../src/testing/scenario/scenario.ts'
import { failpointCounts } from '../../../src/testing/simulation/failpoints.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import { source } from '../../../src/enrich/index.ts'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { events } from '../../scenarios/events.ts'
import { SCENARIOS } from '../../scenarios/index.ts'

/** As one seed in ten draws it: whatever faults there are, they are off. */
function calmPlan(): RunPlan {
  for (let seed = 0; ; seed++) {
    const plan = drawPlan(seededRandom(seed))
    const faults = [
      ...(Object.values(plan.failpoints) as number[]),
      ...Object.values(plan.broker),
      plan.service.failure,
    ]
    if (plan.kills + plan.pauses === 0 && faults.every((chance) => chance === 0)) return plan
  }
}

/** Nothing goes wrong. */
const STRAIGHT: RunPlan = {
  ...calmPlan(),
  partitions: 2,
  records: 40,
  folder: false,
  persistent: true,
  instances: [1],
  durationMs: 3_000,
}

const PLANS: Readonly<Record<string, Partial<RunPlan>>> = {
  straight: {},
  'crashed and restored': { kills: 4, folder: true, brokerCrashes: 1, powerCuts: 1 },
  'rescaled 1 → 3 → 2': { instances: [1, 3, 2], durationMs: 9_000, partitions: 3 },
}

const GUARANTEES: readonly Guarantee[] = ['exactly-once', 'at-least-once']

const named = (name: string): Scenario => SCENARIOS.find((scenario) => scenario.name === name)!

function found({ differences, problems }: RunResult): readonly string[] {
  return [...differences.map(({ kind, topic, detail }) => `${kind} in ${topic}: ${detail}`), ...problems]
}

for (const scenario of SCENARIOS) {
  describe(`scenario ${scenario.name}`, () => {
    for (const [name, changes] of Object.entries(PLANS)) {
      for (const guarantee of GUARANTEES) {
        it(`${name}, ${guarantee}: gives what its oracle says`, async () => {
          const plan = { ...STRAIGHT, ...changes, guarantee }
          const result = await runScenario(scenario, 'test', { plan })
          expect(found(result)).toEqual([])
          // One that is down cannot be killed once more.
          expect(result.kills > 0).toBe(plan.kills > 0)
        })
      }
    }
  })
}

describe('one seed', () => {
  it('gives one trace hash, run after run', async () => {
    const first = await runScenario(named('everything'), 11)
    const second = await runScenario(named('everything'), 11)
    expect(second.traceHash).toBe(first.traceHash)
    expect(second.events).toBe(first.events)
    expect(first.events).toBeGreaterThan(100)
  })

  it('gives another plan and another trace than the next', async () => {
    const results = []
    for (const seed of [1, 2, 3, 4]) results.push(await runScenario(named('stateless'), seed))
    expect(new Set(results.map(({ traceHash }) => traceHash)).size).toBe(4)
    expect(new Set(results.map(({ plan }) => JSON.stringify(plan))).size).toBe(4)
  })
})

describe('a run', () => {
  it('hits the failpoints of commit, restore, stand-bys and revoke, and counts them', async () => {
    const counts = failpointCounts()
    const plan = { ...STRAIGHT, instances: [1, 3, 2], durationMs: 9_000, kills: 3 }
    await runScenario(named('everything'), 1, { counts, plan })
    await runScenario(named('standbys'), 1, { counts, plan })
    const missed = FAILPOINTS.filter((place) => counts.get(place)!.hits === 0 && !place.startsWith('abort.'))
    expect(missed).toEqual([])
  })

  it('counts the kills of failpoints as kills', async () => {
    const counts = failpointCounts()
    const plan = { ...STRAIGHT, failpoints: { ...STRAIGHT.failpoints, kill: 0.02 } }
    const result = await runScenario(named('aggregates'), 1, { counts, plan })
    const kills = [...counts.values()].reduce((sum, count) => sum + count.kills, 0)
    expect(kills).toBeGreaterThan(0)
    expect(result.kills).toBe(kills)
    expect(found(result)).toEqual([])
  })

  it('says what is missing when the scenario expects more than comes', async () => {
    const scenario = named('stateless')
    const [output, ...others] = scenario.outputs
    const greedy: Scenario = {
      ...scenario,
      outputs: [
        { ...output!, expected: () => new Map([['nobody', ['a record that never comes']]]) },
        ...others,
      ],
    }
    const result = await runScenario(greedy, 1, { plan: STRAIGHT })
    expect(result.differences.find(({ lane }) => lane === 'nobody')?.kind).toBe('lost')
    expect(result.differences.every(({ topic }) => topic === output!.topic)).toBe(true)
  })

  it('ends with a problem, and in time, when an application cannot come to rest', async () => {
    const silent = source(() => new Promise<string>(() => {}), { timeout: '1h' })
    const out = topic('in-order', { key: string, value: json<string>() })
    const deaf: Scenario = {
      ...named('asks'),
      app: () =>
        defineApp('asks', (flow) => {
          flow.stream(events).enrich(silent, { name: 'ask', deadline: '2h' }).to(out)
        }),
    }
    const result = await runScenario(deaf, 1, { plan: { ...STRAIGHT, records: 5 } })
    expect(result.problems.join()).toContain('no rest')
  })
})

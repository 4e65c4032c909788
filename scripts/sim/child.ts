/** One process of a simulation run: takes tasks over IPC, runs them one after the other, reports each. */
import { failpointCounts } from '../../src/testing/simulation/failpoints.ts'
import type { Failpoint } from '../../src/core/failpoint.ts'
import { type RunResult, runScenario } from '../../src/testing/scenario/run.ts'
import { SCENARIOS } from '../../test/scenarios/index.ts'

export interface SimTask {
  readonly seed: number
  readonly scenario: string
}

export interface SimReport extends SimTask {
  /** What to print, when the run failed. */
  readonly failure: string | undefined
  readonly traceHash: string
  readonly kills: number
  readonly calls: number
  readonly events: number
  readonly hits: readonly (readonly [Failpoint, number])[]
}

const trace = process.argv.includes('--trace')

async function run({ seed, scenario: name }: SimTask): Promise<SimReport> {
  const scenario = SCENARIOS.find((other) => other.name === name)
  if (scenario === undefined)
    throw new Error(`no scenario ${name}; there are ${SCENARIOS.map((one) => one.name).join(', ')}`)
  const counts = failpointCounts()
  const result = await runScenario(scenario, seed, {
    counts,
    ...(trace
      ? { onTrace: (line) => process.stdout.write(`${line.time} ${line.event} ${line.detail}\n`) }
      : {}),
  })
  const hits = [...counts].map(([place, count]) => [place, count.hits] as const)
  const { traceHash, kills, calls, events } = result
  return { seed, scenario: name, failure: failureOf(result), traceHash, kills, calls, events, hits }
}

function failureOf(result: RunResult): string | undefined {
  if (result.differences.length === 0 && result.problems.length === 0) return undefined
  const differences = result.differences
    .slice(0, 5)
    .map(({ topic, lane, kind, detail }) => `  ${kind} in ${topic} ${lane}: ${detail}`)
  return [
    `seed ${result.seed}, scenario ${result.scenario}, trace ${result.traceHash}: ${result.differences.length} differences`,
    ...differences,
    ...result.problems.map((problem) => `  problem: ${problem.slice(0, 3_000)}`),
    `  plan: ${JSON.stringify(result.plan)}`,
  ].join('\n')
}

process.on('message', (message) => {
  run(message as SimTask).then(
    (report) => process.send!(report),
    (error: unknown) => {
      process.stderr.write(`${String(error instanceof Error ? error.stack : error)}\n`)
      process.exit(1)
    },
  )
})

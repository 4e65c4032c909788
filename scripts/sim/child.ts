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
  /** In a word: lost, duplicated, wrong, or problem. */
  readonly how: string | undefined
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
  const failure = failureOf(result)
  const how = failure === undefined ? undefined : (result.differences[0]?.kind ?? 'problem')
  return { seed, scenario: name, failure, how, traceHash, kills, calls, events, hits }
}

/** Rejects with the first error that nobody handles: one in a run is a failure of that run, not of the process. */
function nobodyHandled(): Promise<never> {
  return new Promise((_, reject) => {
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', (reason) =>
      reject(reason instanceof Error ? reason : new Error(String(reason))),
    )
  })
}

function failureOf(result: RunResult): string | undefined {
  if (result.differences.length === 0 && result.problems.length === 0) return undefined
  const differences = result.differences
    .slice(0, 5)
    .map(({ topic, lane, kind, detail }) => `  ${kind} in ${topic} ${lane}: ${detail}`)
  return [
    `seed ${result.seed}, scenario ${result.scenario}, trace ${result.traceHash}: ${result.differences.length} differences`,
    ...differences,
    ...[...new Set(result.problems)].slice(0, 5).map((problem) => `  problem: ${problem.slice(0, 3_000)}`),
    `  plan: ${JSON.stringify(result.plan)}`,
  ].join('\n')
}

/** The run itself broke: an exception that neither the engine nor the world caught. */
function broken(task: SimTask, error: unknown): SimReport {
  const problem = error instanceof Error ? error.stack : String(error)
  const failure = `seed ${task.seed}, scenario ${task.scenario}: nobody handled ${problem}`
  return { ...task, failure, how: 'problem', traceHash: '', kills: 0, calls: 0, events: 0, hits: [] }
}

process.on('message', (message) => {
  const task = message as SimTask
  Promise.race([run(task), nobodyHandled()]).then(
    (report) => process.send!(report),
    (error: unknown) => process.send!(broken(task, error)),
  )
})

/**
 * Runs the scenarios in simulated worlds, one run per seed and scenario, over two processes; prints progress, failpoint counts and
 * every failing seed with how to replay it. Exit code 1 when a run failed or a failpoint was hit too rarely.
 *
 *   npm run sim -- --seeds 1..500 [--scenario NAME] [--min-hits 50] [--json]
 *   npm run sim -- --seeds 17 --scenario asks --trace     replays one run and prints every event
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { FAILPOINTS, type Failpoint } from '../../src/core/failpoint.ts'
import { SCENARIOS } from '../../test/scenarios/index.ts'
import type { SimReport, SimTask } from './child.ts'
import { seedsOf } from './seeds.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1..100' },
    scenario: { type: 'string' },
    'min-hits': { type: 'string', default: '0' },
    'stop-at': { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
})

interface Totals {
  runs: number
  failed: number
  kills: number
  calls: number
  events: number
  readonly hits: Map<Failpoint, number>
}

async function main(): Promise<void> {
  const seeds = seedsOf(values.seeds)
  const names = values.scenario === undefined ? SCENARIOS.map(({ name }) => name) : [values.scenario]
  const tasks: SimTask[] = seeds.flatMap((seed) => names.map((scenario) => ({ seed, scenario })))
  const begun = performance.now()
  const totals = await runAll(tasks)
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  const rare = FAILPOINTS.filter((place) => (totals.hits.get(place) ?? 0) < Number(values['min-hits']))
  if (values.json) {
    const { hits, ...numbers } = totals
    process.stdout.write(
      `${JSON.stringify({ ...numbers, seconds: Number(seconds), failpoints: Object.fromEntries(hits) })}\n`,
    )
  } else {
    printTable(totals, rare)
    process.stdout.write(
      `${totals.runs} runs in ${seconds} s: ${totals.kills} kills, ${totals.calls} calls, ${totals.events} events; ` +
        `${totals.runs - totals.failed} passed, ${totals.failed} failed\n`,
    )
  }
  process.exitCode = totals.failed > 0 || rare.length > 0 ? 1 : 0
}

function printTable(totals: Totals, rare: readonly Failpoint[]): void {
  for (const place of FAILPOINTS) {
    const mark = rare.includes(place) ? `  fewer than ${values['min-hits']}` : ''
    process.stdout.write(
      `  ${place.padEnd(22)} ${String(totals.hits.get(place) ?? 0).padStart(8)} hits${mark}\n`,
    )
  }
}

/** Hands tasks to children one by one, so that a slow seed holds nobody up. */
async function runAll(tasks: readonly SimTask[]): Promise<Totals> {
  const totals: Totals = { runs: 0, failed: 0, kills: 0, calls: 0, events: 0, hits: new Map() }
  const queue = [...tasks]
  const workers = Math.min(queue.length, values.trace ? 1 : availableParallelism())
  await Promise.all(Array.from({ length: workers }, () => runChild(queue, tasks.length, totals)))
  return totals
}

function runChild(queue: SimTask[], total: number, totals: Totals): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('child.ts', import.meta.url)), values.trace ? ['--trace'] : [])
    const next = (): void => {
      const task = totals.failed >= Number(values['stop-at']) ? undefined : queue.shift()
      if (task === undefined) child.disconnect()
      else child.send(task)
    }
    child.on('message', (message) => {
      record(message as SimReport, total, totals)
      next()
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`a simulation process ended with ${code ?? signal}`))
    })
    next()
  })
}

function record(report: SimReport, total: number, totals: Totals): void {
  totals.runs++
  totals.kills += report.kills
  totals.calls += report.calls
  totals.events += report.events
  for (const [place, hits] of report.hits) totals.hits.set(place, (totals.hits.get(place) ?? 0) + hits)
  if (report.failure !== undefined) {
    totals.failed++
    process.stderr.write(
      `\n${report.failure}\nreplay: npm run sim -- --seeds ${report.seed} --scenario ${report.scenario} --trace\n`,
    )
  }
  if (process.stderr.isTTY) process.stderr.write(`\r${totals.runs}/${total} runs, ${totals.failed} failed `)
}

await main()

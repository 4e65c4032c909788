/**
 * Plants one bug after the other in a copy of the sources and lets the simulation look for it, seed by seed, until a run
 * fails. A bug that no seed finds is a hole in the simulation: exit code 1. Two bugs are hunted at a time, each by one process,
 * so that the seed that kills a mutant is the same in every run.
 *
 *   npm run sim:mutants [-- --seeds 1..500] [--only PART-OF-NAME]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SCENARIOS } from '../../test/scenarios/index.ts'
import type { SimReport, SimTask } from './child.ts'
import { PLANTED, type PlantedBug } from './planted.ts'
import { seedsOf } from './seeds.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** A run takes a tenth of a second; a mutant that makes it run in circles is caught too. */
const RUN_LIMIT_MS = 60_000

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1..500' }, only: { type: 'string', default: '' } },
})

interface Hunt {
  readonly bug: PlantedBug
  readonly killer: SimReport | undefined
  readonly runs: number
  readonly seconds: number
}

/** Failures of the project itself, by seed and scenario. */
const unsound = new Map<string, string>()

async function main(): Promise<void> {
  const tasks = seedsOf(values.seeds).flatMap((seed) =>
    SCENARIOS.map(({ name }) => ({ seed, scenario: name })),
  )
  const queue = PLANTED.filter(({ name }) => name.includes(values.only))
  for (const bug of queue) mutated(bug)
  const hunts: Hunt[] = []
  const hunter = async (): Promise<void> => {
    for (let bug = queue.shift(); bug !== undefined; bug = queue.shift()) {
      const hunt = await huntFor(bug, tasks)
      hunts.push(hunt)
      process.stdout.write(`${lineOf(hunt)}\n`)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, hunter))
  const survivors = hunts.filter(({ killer }) => killer === undefined)
  for (const { bug } of survivors) process.stdout.write(`survived: ${bug.name}: ${bug.why}\n`)
  for (const failure of unsound.values()) process.stdout.write(`fails without any bug: ${failure}\n`)
  process.stdout.write(`${hunts.length - survivors.length} killed, ${survivors.length} survived\n`)
  process.exitCode = survivors.length > 0 || hunts.length === 0 || unsound.size > 0 ? 1 : 0
}

function lineOf({ bug, killer, runs, seconds }: Hunt): string {
  const found =
    killer === undefined
      ? `SURVIVED ${runs} runs`
      : `seed ${killer.seed}`.padEnd(9) + killer.scenario.padEnd(12) + (killer.how ?? '')
  return `  ${bug.name.padEnd(36)} ${found.padEnd(46)} ${seconds.toFixed(1).padStart(6)} s`
}

async function huntFor(bug: PlantedBug, all: readonly SimTask[]): Promise<Hunt> {
  const begun = performance.now()
  const likely = all.filter(({ scenario }) => scenario === bug.likely)
  const tasks = [...likely, ...all.filter(({ scenario }) => scenario !== bug.likely)]
  const folder = plant(bug)
  let runs = 0
  try {
    for (;;) {
      const found = await firstFailure(folder, tasks.slice(runs))
      runs += found.runs
      const { report } = found
      const seconds = (performance.now() - begun) / 1000
      if (report === undefined) return { bug, killer: undefined, runs, seconds }
      if (await passesUnharmed(report)) return { bug, killer: report, runs, seconds }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The text of the file with the bug in it. @throws when its place moved */
function mutated({ name, file, find, replace }: PlantedBug): string {
  const source = readFileSync(join(ROOT, file), 'utf8')
  const places = source.split(find).length - 1
  if (places === 1) return source.replace(find, () => replace)
  throw new Error(`"${name}": the anchor moved: its text occurs ${places} times in ${file}, not once`)
}

/** A copy of everything a run loads, with the bug in it. */
function plant(bug: PlantedBug): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-mutant-'))
  for (const part of ['src', 'test/scenarios', 'scripts/sim', 'package.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, bug.file), mutated(bug))
  return folder
}

/** A seed that fails without the bug as well proves nothing about it, but says that the project is broken. */
async function passesUnharmed({ seed, scenario }: SimTask): Promise<boolean> {
  const { report } = await firstFailure(ROOT, [{ seed, scenario }])
  if (report !== undefined) unsound.set(`${seed} ${scenario}`, report.failure!)
  return report === undefined
}

interface Found {
  readonly report: SimReport | undefined
  readonly runs: number
}

/** Runs tasks one after the other in a process over the sources in `folder`, until one fails. */
function firstFailure(folder: string, tasks: readonly SimTask[]): Promise<Found> {
  return new Promise((resolve, reject) => {
    const child = fork(join(folder, 'scripts/sim/child.ts'), [], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    const complaints: string[] = []
    child.stderr!.on('data', (chunk: Buffer) => complaints.push(chunk.toString()))
    let runs = 0
    let limit: NodeJS.Timeout | undefined
    const end = (report: SimReport | undefined): void => {
      clearTimeout(limit)
      child.removeAllListeners()
      child.kill('SIGKILL')
      resolve({ report, runs })
    }
    const next = (): void => {
      const task = tasks[runs]
      clearTimeout(limit)
      if (task === undefined) return end(undefined)
      runs++
      limit = setTimeout(() => end(hung(task)), RUN_LIMIT_MS)
      child.send(task)
    }
    child.on('message', (message) => {
      const report = message as SimReport
      if (report.failure === undefined) next()
      else end(report)
    })
    child.on('exit', () => reject(endedEarly(child, runs, complaints)))
    next()
  })
}

function hung(task: SimTask): SimReport {
  const failure = `no end after ${RUN_LIMIT_MS / 1000} s`
  return { ...task, failure, how: 'hung', traceHash: '', kills: 0, calls: 0, events: 0, hits: [] }
}

/** Every failure of a run is reported: a process that ends by itself says that the mutant does not even load. */
function endedEarly(child: ChildProcess, runs: number, complaints: readonly string[]): Error {
  const status = child.exitCode ?? child.signalCode
  return new Error(`a simulation process ended with ${status} at run ${runs}:\n${complaints.join('')}`)
}

await main()

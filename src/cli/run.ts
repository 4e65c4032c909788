/** Command `sluice run app.ts`: runs an application on the embedded broker until it is told to stop. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { sleep } from '../core/clock.ts'
import type { EngineSettings } from '../engine/runtime/options.ts'
import type { RunningApp } from '../engine/runtime/app.ts'
import type { App } from '../languages/dsl/app.ts'
import type { Follower } from './follow.ts'
import { captureInput, checkInputs } from './input.ts'
import type { Input } from './input.ts'
import { loadApp } from './load-app.ts'
import { LOG_LEVELS, stderrLog } from './log.ts'
import { checkPrinted, endsOf, printTopics } from './print.ts'
import { idle } from './progress.ts'
import type { RunOptions } from './run-options.ts'
import { DEFAULT_PARTITIONS, openRuntime } from './runtime.ts'
import type { Runtime } from './runtime.ts'
import { stopSignal } from './signals.ts'
import { describeStart } from './summary.ts'

/** The command with its options. */
export function runCommand(): Command {
  return new Command('run')
    .description('Run an application on the embedded broker; Ctrl-C stops it cleanly.')
    .argument('<app>', 'module whose default export comes from defineApp(…)')
    .option('--folder <dir>', 'keep topics and state in this folder (default: in memory)')
    .option('--state <dir>', 'keep local state here (default: <folder>/state, or a throw-away folder)')
    .option(
      '--input <topic=file>',
      'fill a topic from JSON lines {"key", "value", "timestamp"?}; repeatable, read in the order given',
      inputs,
      [],
    )
    .option('--print <topic>', 'print the records of a topic as JSON lines; repeatable', collect, [])
    .option('--until-done', 'stop when all input is read and everything that came of it is written', false)
    .option('--for <duration>', 'stop after this long, for instance 30s', duration)
    .addOption(
      new Option('--guarantee <kind>', 'what a crash may do')
        .choices(['exactly-once', 'at-least-once'])
        .default('exactly-once'),
    )
    .option('--commit-interval <duration>', 'time between commits', duration, 100)
    .option(
      '--create-topics <partitions>',
      'create missing topics with so many partitions; 0: a missing topic is an error',
      partitions,
      DEFAULT_PARTITIONS,
    )
    .option('--json', 'start and end as JSON lines on stdout, for programs', false)
    .addOption(new Option('--log-level <level>', 'log on stderr').choices(LOG_LEVELS).default('warn'))
    .action(run)
}

async function run(file: string, options: RunOptions): Promise<void> {
  const app = await loadApp(file)
  const plan = app.plan()
  checkInputs(plan, options.input)
  checkPrinted(plan, options.print)
  const stop = stopSignal()
  const runtime = await openRuntime({
    ...(options.folder === undefined ? {} : { folder: options.folder }),
    ...(options.state === undefined ? {} : { stateFolder: options.state }),
    log: stderrLog(options.logLevel),
  })
  try {
    await runUntil(stop, runtime, app, options)
  } finally {
    await runtime.close()
  }
}

/** Inputs first and to their end, so that tables are filled before the streams that ask them. */
async function runUntil(stop: AbortSignal, runtime: Runtime, app: App, options: RunOptions): Promise<void> {
  const plan = app.plan()
  const before = await endsOf(runtime.ports.broker, options.print)
  for (const input of options.input) {
    const task = await captureInput(runtime, plan, input, options.createTopics || 1)
    await Promise.race([task.reachedEnd, aborted(stop)])
  }
  const running = await runtime.start(app, settingsOf(options))
  const printed = await printTopics(runtime.connect(), plan, options.print, before)
  announce(describeStart(plan, options, runtime.stateFolder), options.json)
  await Promise.race([running.ended, aborted(stop), ...endings(runtime, running, options, printed)])
  await running.close()
  // What stopped it, if it did not stop because it was told to.
  await running.ended
  await Promise.all(printed.map((follower) => follower.caughtUp()))
  await Promise.all(printed.map((follower) => follower.close()))
  if (options.json) process.stdout.write(`${JSON.stringify({ event: 'stopped', application: app.name })}\n`)
  else process.stderr.write('stopped: everything is committed\n')
}

/** All ways to end besides a signal. */
function endings(
  runtime: Runtime,
  running: RunningApp,
  options: RunOptions,
  printed: readonly Follower[],
): readonly Promise<void>[] {
  const { clock } = runtime.ports
  const all = printed.map((follower) => follower.ended)
  if (options.for !== undefined) all.push(sleep(clock, options.for))
  if (options.untilDone) all.push(idle(runtime, running, { commitIntervalMs: options.commitInterval }))
  return all
}

function announce(text: { readonly people: string; readonly json: object }, asJson: boolean): void {
  if (asJson) process.stdout.write(`${JSON.stringify({ event: 'started', ...text.json })}\n`)
  else process.stderr.write(text.people)
}

function settingsOf(options: RunOptions): Partial<EngineSettings> {
  return {
    guarantee: options.guarantee,
    commitIntervalMs: options.commitInterval,
    createTopicPartitions: options.createTopics,
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function collect(given: string, all: readonly string[]): readonly string[] {
  return [...all, given]
}

function inputs(given: string, all: readonly Input[]): readonly Input[] {
  const [, topic, file] = /^([^=]+)=(.+)$/.exec(given) ?? []
  if (topic !== undefined && file !== undefined) return [...all, { topic, file }]
  throw new InvalidArgumentError('Expected topic=file, for instance orders=orders.jsonl.')
}

function duration(given: string): number {
  try {
    return milliseconds((/^\d+$/.test(given) ? Number(given) : given) as Duration, 'duration')
  } catch {
    throw new InvalidArgumentError('Expected a duration such as 250ms, 2s or 1m.')
  }
}

function partitions(given: string): number {
  const count = Number(given)
  if (Number.isInteger(count) && count >= 0 && count <= 10_000) return count
  throw new InvalidArgumentError('Expected a whole number from 0 to 10000.')
}

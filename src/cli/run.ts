/** Command `sluice run app.ts`: runs an application on the embedded broker until it is told to stop. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { loadApp } from './load-app.ts'
import { DEFAULT_PARTITIONS, LOG_LEVELS } from './run-options.ts'
import type { Input, RunOptions } from './run-options.ts'

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
  const { runApp } = await import('./run-app.ts')
  await runApp(app, options)
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

/** Command `sluice run app.ts`: runs an application until it is told to stop. */
import { Command, InvalidArgumentError } from 'commander'
import { milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { loadApp } from './load-app.ts'
import type { Input, RunOptions } from './run-options.ts'
import { addSettingFlags, loadSettings } from './settings/layers.ts'
import type { SettingFlags } from './settings/layers.ts'

/** The command with its options. */
export function runCommand(): Command {
  const command = new Command('run')
    .description('Run an application on the embedded broker or on Kafka; Ctrl-C stops it cleanly.')
    .argument('<app>', 'module whose default export comes from defineApp(…)')
    .option(
      '--input <topic=file>',
      'fill a topic from JSON lines {"key", "value", "timestamp"?}; repeatable, read in the order given',
      inputs,
      [],
    )
    .option('--print <topic>', 'print the records of a topic as JSON lines; repeatable', collect, [])
    .option('--until-done', 'stop when all input is read and everything that came of it is written', false)
    .option('--for <duration>', 'stop after this long, for instance 30s', duration)
    .option('--view', 'show rates, lag, calls and dead letters live in the terminal', false)
    .option('--json', 'start and end as JSON lines on stdout, for programs', false)
    .addHelpText(
      'after',
      '\nExample:\n  sluice run app.ts --folder data --input orders=orders.jsonl --print totals',
    )
  return addSettingFlags(command).action(run)
}

async function run(file: string, options: RunOptions & SettingFlags): Promise<void> {
  const { settings } = await loadSettings(options)
  const app = await loadApp(file)
  const { runApp } = await import('./run-app.ts')
  await runApp(app, settings, options)
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

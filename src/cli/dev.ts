/** Command `sluice dev app.ts`: runs an application and takes each saved change over while topics and state stay. */
import { Command, Option } from 'commander'
import { collect, topicFile, wholeNumber } from './arguments.ts'
import { DEFAULT_PARTITIONS, LOG_LEVELS } from './run-options.ts'
import type { Input, LogLevel } from './run-options.ts'

export interface DevOptions {
  readonly folder?: string
  readonly input: readonly Input[]
  readonly print: readonly string[]
  readonly createTopics: number
  readonly reset: boolean
  readonly json: boolean
  readonly logLevel: LogLevel
}

/** The command with its options. */
export function devCommand(): Command {
  return new Command('dev')
    .description(
      'Run an application and reload it whenever its file, or one it imports, is saved. Topics, positions and state stay; ' +
        'values in stores are frozen, so that a mutation throws where it happens.',
    )
    .argument('<app>', 'module whose default export comes from defineApp(…)')
    .option('--folder <dir>', 'keep topics and state in this folder (default: in memory)')
    .option(
      '--input <topic=file>',
      'fill a topic from JSON lines and follow the file; repeatable',
      topicFile,
      [],
    )
    .option('--print <topic>', 'print the records of a topic as JSON lines; repeatable', collect, [])
    .option(
      '--create-topics <partitions>',
      'partitions of topics that are missing',
      wholeNumber(1, 10_000),
      DEFAULT_PARTITIONS,
    )
    .option(
      '--reset',
      'where a change does not fit the state kept, give the state up and read all topics again',
      false,
    )
    .option('--json', 'what happens as JSON lines on stdout, for programs', false)
    .addOption(new Option('--log-level <level>', 'log on stderr').choices(LOG_LEVELS).default('warn'))
    .addHelpText(
      'after',
      '\nExample:\n  sluice dev app.ts --folder data --input orders=orders.jsonl --print totals',
    )
    .action(async (file: string, options: DevOptions) => {
      const { develop } = await import('./dev-session.ts')
      await develop(file, options)
    })
}

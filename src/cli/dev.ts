/** Command `sluice dev app.ts`: runs an application and takes each saved change over while topics and state stay. */
import { Command } from 'commander'
import { collect, topicFile } from './arguments.ts'
import type { DevOptions } from './dev-session.ts'
import { addSettingFlags, loadSettings } from './settings/layers.ts'
import type { SettingFlags } from './settings/layers.ts'

/** The command with its options. */
export function devCommand(): Command {
  const command = new Command('dev')
    .description(
      'Run an application and reload it whenever its file, or one it imports, is saved. Topics, positions and state stay; ' +
        'values in stores are frozen, so that a mutation throws where it happens.',
    )
    .argument('<app>', 'module whose default export comes from defineApp(…)')
    .option(
      '--input <topic=file>',
      'fill a topic from JSON lines and follow the file; repeatable',
      topicFile,
      [],
    )
    .option('--print <topic>', 'print the records of a topic as JSON lines; repeatable', collect, [])
    .option(
      '--reset',
      'where a change does not fit the state kept, give the state up and read all topics again',
      false,
    )
    .option('--json', 'what happens as JSON lines on stdout, for programs', false)
    .addHelpText(
      'after',
      '\nExample:\n  sluice dev app.ts --folder data --input orders=orders.jsonl --print totals',
    )
  return addSettingFlags(command).action(async (file: string, options: DevOptions & SettingFlags) => {
    const { settings } = await loadSettings(options)
    const { develop } = await import('./dev-session.ts')
    await develop(file, settings, options)
  })
}

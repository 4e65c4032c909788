/** Command `sluice config [app.ts]`: every setting with its value and where that came from. Secrets are never shown. */
import { Command } from 'commander'
import { loadApp } from './load-app.ts'
import { addSettingFlags, loadSettings, variableOf } from './settings/layers.ts'
import type { SettingFlags } from './settings/layers.ts'
import type { ShownSetting } from './settings/resolve.ts'
import { settingsSpec } from './settings/spec.ts'

/** The command with its options. */
export function configCommand(): Command {
  const command = new Command('config')
    .description('Show every setting with its value and origin: file, environment, flag or default.')
    .argument('[app]', 'module of an application, for the defaults that depend on it')
    .option('--json', 'as one JSON array', false)
    .addHelpText('after', '\nExample:\n  SLUICE_COMMIT_INTERVAL=1s sluice config app.ts --port 8080')
  return addSettingFlags(command).action(config)
}

async function config(file: string | undefined, options: SettingFlags & { json: boolean }): Promise<void> {
  const { all } = await loadSettings(options)
  const application = file === undefined ? '<application>' : (await loadApp(file)).name
  const shown = all.map((setting) => withApplication(setting, application))
  process.stdout.write(options.json ? `${JSON.stringify(shown.map(facts), null, 2)}\n` : table(shown))
}

function withApplication(setting: ShownSetting, application: string): ShownSetting {
  if (setting.name !== 'deadLetterTopic' || setting.origin !== 'default') return setting
  return { ...setting, shown: `${application}-dead-letters` }
}

function facts({ name, shown, origin, place }: ShownSetting): object {
  const variable = variableOf(name)
  return { name, value: shown ?? null, origin, ...(place === '' ? {} : { place }), variable }
}

function table(all: readonly ShownSetting[]): string {
  const rows = all.map(({ name, shown, origin, place }) => [
    name,
    text(name, shown),
    place === '' ? origin : origin === 'file' ? place : `${origin} ${place}`,
  ])
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map(([name, value, origin]) => `${name!.padEnd(widths[0]!)}  ${value!.padEnd(widths[1]!)}  ${origin!}\n`)
    .join('')
}

function text(name: ShownSetting['name'], shown: unknown): string {
  if (shown === undefined) return '-'
  const milliseconds = typeof shown === 'number' && settingsSpec.fields[name].type === 'duration'
  if (milliseconds) return `${shown} ms`
  return typeof shown === 'string' ? shown : JSON.stringify(shown)
}

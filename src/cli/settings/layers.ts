/** The other layers: the environment (`SLUICE_COMMIT_INTERVAL`), flags (`--commit-interval`), and what a program states. */
import { readFileSync } from 'node:fs'
import { Option } from 'commander'
import type { Command } from 'commander'
import type { Field } from '../../core/config.ts'
import { sluiceError } from '../../core/errors.ts'
import { fileLayer } from './file.ts'
import type { ProviderSources } from './providers.ts'
import { resolveSettings } from './resolve.ts'
import type { Given, Layer, Resolved } from './resolve.ts'
import { SETTING_NAMES, settingsSpec } from './spec.ts'
import type { Config, SettingName } from './spec.ts'

/** Settings with a flag of their own; `--set name=value` reaches all. */
const FLAGS: readonly (readonly [flag: string, setting: SettingName])[] = [
  ['--broker <address>', 'broker'],
  ['--broker-security <file>', 'brokerSecurity'],
  ['--folder <dir>', 'folder'],
  ['--state <dir>', 'state'],
  ['--guarantee <kind>', 'guarantee'],
  ['--commit-interval <duration>', 'commitInterval'],
  ['--create-topics <partitions>', 'createTopicPartitions'],
  ['--log-level <level>', 'logLevel'],
  ['--port <number>', 'serverPort'],
  ['--host <address>', 'serverHost'],
]

/** What commander gives for these flags, all text. */
export interface SettingFlags {
  readonly config?: string
  readonly set: readonly string[]
}

/** Adds the flags to a command; their help is the spec's. */
export function addSettingFlags(command: Command): Command {
  command.option('--config <file>', 'settings from this file (default: sluice.config.{ts,js,json,yaml})')
  for (const [flag, setting] of FLAGS) command.addOption(new Option(flag, describeFlag(setting)))
  return command.option(
    '--set <name=value>',
    'any other setting, see sluice config; repeatable',
    (given: string, all: readonly string[]) => [...all, given],
    [],
  )
}

function describeFlag(name: SettingName): string {
  const { doc, default: fallback, type } = settingsSpec.fields[name] as Field<unknown>
  const choices = type.includes("'") ? `: ${type}` : ''
  return fallback === undefined
    ? `${doc}${choices}`
    : `${doc.replace(/\.$/, '')}${choices} (default: ${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)})`
}

/** The layer of the flags. */
export function flagLayer(options: SettingFlags): Layer {
  const given = new Map<string, Given>()
  for (const one of options.set) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(one) ?? []
    if (name === undefined || value === undefined) {
      const expected = 'name=value, for instance --set sliceRecords=100'
      throw sluiceError('SLUICE_CONFIG_INVALID', { place: '--set', expected, came: one })
    }
    given.set(name, { value, place: `--set ${name}` })
  }
  const texts = options as unknown as Readonly<Record<string, string | undefined>>
  for (const [flag, setting] of FLAGS) {
    const option = new Option(flag)
    const value = texts[option.attributeName()]
    if (value !== undefined) given.set(setting, { value, place: option.long! })
  }
  return { kind: 'flag', given }
}

/** `commitInterval` → `SLUICE_COMMIT_INTERVAL`. */
export function variableOf(name: string): string {
  return `SLUICE_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** Kubernetes announces services to every pod: one named `sluice-server` would set SLUICE_SERVER_PORT to an address. */
const SERVICE_LINK = /_SERVICE_(?:HOST|PORT)|_PORT_\d+_(?:TCP|UDP|SCTP)/

/** The layer of the environment. `SLUICE_CONFIG` names the file and is no setting. */
export function environmentLayer(environment: ProviderSources['environment']): Layer {
  const names = new Map<string, string>(SETTING_NAMES.map((name) => [variableOf(name), name]))
  const given = new Map<string, Given>()
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('SLUICE_') || variable === 'SLUICE_CONFIG') continue
    if (value === undefined || value === '' || /^(?:tcp|udp|sctp):\/\//.test(value)) continue
    if (SERVICE_LINK.test(variable)) continue
    given.set(names.get(variable) ?? variable, { value, place: variable, namePlace: 'environment' })
  }
  return {
    kind: 'environment',
    given,
    spell: (name) => (name.startsWith('SLUICE_') ? name : variableOf(name)),
  }
}

/** What a program hands over as an object. */
export function programLayer(config: Config, place: string): Layer {
  return {
    kind: 'program',
    given: new Map(Object.entries(config).map(([name, value]) => [name, { value: value as unknown, place }])),
  }
}

/** Real environment and disk. */
export const SOURCES: ProviderSources = {
  environment: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
}

/** File, then environment, then flags. @throws what the layers throw */
export async function loadSettings(options: SettingFlags): Promise<Resolved> {
  const file = await fileLayer(options.config ?? SOURCES.environment['SLUICE_CONFIG'])
  return resolveSettings([file, environmentLayer(SOURCES.environment), flagLayer(options)], SOURCES)
}

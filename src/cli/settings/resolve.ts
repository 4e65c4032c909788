/** Layers of settings become one: the later layer wins, every value knows where it came from, secrets stay hidden. */
import { HIDDEN, lintUnknown } from '../../core/config.ts'
import type { Field } from '../../core/config.ts'
import { isSluiceError, sluiceError } from '../../core/errors.ts'
import { expand, hasReference } from './providers.ts'
import type { ProviderSources } from './providers.ts'
import { SETTING_NAMES, settingsSpec } from './spec.ts'
import type { SettingName, Settings } from './spec.ts'

export type OriginKind = 'default' | 'program' | 'file' | 'environment' | 'flag'

/** A value as somebody stated it. Text is read leniently: `'4'` is a number where one is expected. */
export interface Given {
  readonly value: unknown
  /** For messages and listings: `sluice.config.yaml:3:1`, `SLUICE_FOLDER`, `--folder`. */
  readonly place: string
  /** Where the name itself stands, if elsewhere than the value. */
  readonly namePlace?: string
}

export interface Layer {
  readonly kind: OriginKind
  /** By name, known or not. */
  readonly given: ReadonlyMap<string, Given>
  /** How a name is written in this layer, for suggestions. Default: as it is. */
  readonly spell?: (name: string) => string
}

/** A setting with its origin; `shown` never holds a secret. */
export interface ShownSetting {
  readonly name: SettingName
  readonly shown: unknown
  readonly origin: OriginKind
  /** Empty for defaults. */
  readonly place: string
}

export interface Resolved {
  readonly settings: Settings
  readonly all: readonly ShownSetting[]
}

/**
 * @param layers the earliest first; the last that states a name wins
 * @throws SLUICE_CONFIG_UNKNOWN, SLUICE_CONFIG_INVALID, SLUICE_CONFIG_SECRET
 */
export function resolveSettings(layers: readonly Layer[], sources: ProviderSources): Resolved {
  for (const layer of layers) checkNames(layer)
  const read = SETTING_NAMES.map((name) => {
    const layer = layers.findLast(({ given }) => given.get(name)?.value !== undefined)
    const given = layer?.given.get(name)
    const field = settingsSpec.fields[name] as Field<unknown>
    if (layer === undefined || given === undefined) {
      const value = field.default === undefined ? undefined : field.read(field.default, name)
      return { name, value, shown: value, origin: 'default', place: '' } as const
    }
    // Flags and variables name the setting themselves.
    const named = layer.kind === 'flag' || layer.kind === 'environment'
    const at = named ? given.place : `${given.place}: ${name}`
    const { value, shown } = readGiven(field, given.value, at, sources)
    return { name, value, shown, origin: layer.kind, place: given.place } as const
  })
  const settings = Object.fromEntries(read.map(({ name, value }) => [name, value])) as Settings
  return { settings, all: read.map(({ name, shown, origin, place }) => ({ name, shown, origin, place })) }
}

function checkNames({ given, spell = (name) => name }: Layer): void {
  for (const [name, { place, namePlace }] of given) {
    if (!SETTING_NAMES.includes(name as SettingName))
      lintUnknown([spell(name)], SETTING_NAMES.map(spell), namePlace ?? place)
  }
}

function readGiven(
  field: Field<unknown>,
  value: unknown,
  at: string,
  sources: ProviderSources,
): { readonly value: unknown; readonly shown: unknown } {
  if (typeof value !== 'string' || !hasReference(value)) {
    const read = readText(field, value, at)
    return { value: read, shown: field.secret ? HIDDEN : read }
  }
  const expanded = expand(value, at, sources)
  try {
    return { value: readText(field, expanded, at), shown: value }
  } catch (error) {
    if (!isSluiceError(error, 'SLUICE_CONFIG_INVALID')) throw error
    // Neither the value nor the error that carries it may leave.
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: at,
      expected: field.type,
      came: `what ${value} gives`,
    })
  }
}

/** Files of text know no numbers: what does not fit as text is tried as what it looks like. */
function readText(field: Field<unknown>, value: unknown, place: string): unknown {
  try {
    return field.read(value, place)
  } catch (error) {
    const plain = typeof value === 'string' ? asPlain(value.trim()) : undefined
    if (plain === undefined) throw error
    try {
      return field.read(plain, place)
    } catch {
      throw error
    }
  }
}

function asPlain(text: string): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
}

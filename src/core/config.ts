/**
 * Specs of option objects: fields declared once with type, default, doc and example; parsing, linting and the reference
 * table come from them. Runs when something is defined, never per record.
 */
import { milliseconds } from './duration.ts'
import type { Duration } from './duration.ts'
import { sluiceError } from './errors.ts'

/** One option. `T` is what `read` gives, not what the user writes (a duration is read into milliseconds). */
export interface Field<T> {
  /** For the reference and the messages, for instance `duration` or `'key' | 'none'`. */
  readonly type: string
  readonly doc: string
  /** As the user would write it; shown in the reference and read when the option is absent. */
  readonly default?: unknown
  readonly example?: string
  /** Never shown: not in messages, not in `redact`. */
  readonly secret: boolean
  /** Absent without a default is an error. */
  readonly required: boolean
  /** @throws SLUICE_CONFIG_INVALID */
  read(came: unknown, place: string): T
}

export interface FieldNote<D = unknown> {
  readonly doc: string
  readonly default?: D
  readonly example?: string
  readonly secret?: boolean
  readonly required?: boolean
}

type Fields = Readonly<Record<string, Field<unknown>>>

/** What `parse` gives: every declared field is present; `undefined` where absent and without a default. */
export type Parsed<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends Field<infer T> ? T : never
}

export interface ConfigSpec<F extends Fields> {
  readonly fields: F
  /**
   * Options with defaults filled in; `undefined` counts as absent.
   * @param place where the object stands, for messages: `enrich profile`
   * @throws SLUICE_CONFIG_UNKNOWN, SLUICE_CONFIG_INVALID
   */
  parse(options: unknown, place: string): Parsed<F>
  /** The same options with secrets replaced, for logs and `explain`. */
  redact(options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>
  /** The reference as a markdown table. */
  document(): string
}

export const HIDDEN = '(hidden)'

/** Makes a spec of an option object. */
export function defineConfig<F extends Fields>(fields: F): ConfigSpec<F> {
  const names = Object.keys(fields)
  return {
    fields,
    parse(options, place) {
      const given = options ?? {}
      if (typeof given !== 'object' || Array.isArray(given))
        throw invalid(place, 'an object of options', given)
      lintUnknown(Object.keys(given), names, place)
      const came = given as Readonly<Record<string, unknown>>
      return Object.fromEntries(
        names.map((name) => [name, readField(fields[name]!, came[name], `${place}: ${name}`)]),
      ) as Parsed<F>
    },
    redact: (options) =>
      Object.fromEntries(
        Object.entries(options).map(([name, value]) => [
          name,
          fields[name]?.secret === true ? HIDDEN : value,
        ]),
      ),
    document: () => documentFields(fields),
  }
}

function readField(field: Field<unknown>, came: unknown, place: string): unknown {
  const value = came === undefined ? field.default : came
  if (value !== undefined) return field.read(value, place)
  if (!field.required) return undefined
  throw invalid(place, field.type, 'nothing')
}

/**
 * Refuses names that are not known, with the nearest known one.
 * @throws SLUICE_CONFIG_UNKNOWN
 */
export function lintUnknown(given: readonly string[], known: readonly string[], place: string): void {
  const option = given.find((name) => !known.includes(name))
  if (option === undefined) return
  const close = nearest(option, known)
  throw sluiceError('SLUICE_CONFIG_UNKNOWN', {
    place,
    option,
    nearest: close === undefined ? '' : `; did you mean "${close}"?`,
    options: known.join(', '),
  })
}

/** A text of at least one character. */
export function textField(note: FieldNote<string>): Field<string> {
  return field('text', note, (came) => (typeof came === 'string' && came !== '' ? came : undefined))
}

export function flagField(note: FieldNote<boolean>): Field<boolean> {
  return field('boolean', note, (came) => (typeof came === 'boolean' ? came : undefined))
}

/** A whole number within [min, max]. */
export function countField(note: FieldNote<number> & { min?: number; max?: number }): Field<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = note
  const range = max === Number.MAX_SAFE_INTEGER ? `>= ${min}` : `${min} to ${max}`
  return field(`whole number ${range}`, note, (came) =>
    typeof came === 'number' && Number.isInteger(came) && came >= min && came <= max ? came : undefined,
  )
}

/** A duration, read into milliseconds. */
export function durationField(note: FieldNote<Duration>): Field<number> {
  return {
    ...field('duration', note, () => undefined),
    read: (came, place) => milliseconds(came as Duration, place),
  }
}

export function choiceField<const C extends string>(
  choices: readonly C[],
  note: FieldNote<NoInfer<C>>,
): Field<C> {
  return field(choices.map((choice) => `'${choice}'`).join(' | '), note, (came) =>
    choices.find((choice) => choice === came),
  )
}

/**
 * Anything else. `read` gives undefined for what does not fit; it may throw a SluiceError of its own.
 * @param type what is expected, for messages and reference
 */
export function customField<T, D = unknown>(
  type: string,
  note: FieldNote<D>,
  read: (came: unknown, place: string) => T | undefined,
): Field<T> {
  return field(type, note, read)
}

/** The same field, which may stay absent. */
export function optional<T>(base: Field<T>): Field<T | undefined> {
  return { ...base, required: false }
}

function field<T>(
  type: string,
  note: FieldNote,
  read: (came: unknown, place: string) => T | undefined,
): Field<T> {
  const secret = note.secret === true
  return {
    type,
    doc: note.doc,
    secret,
    required: note.required ?? note.default === undefined,
    ...(note.default === undefined ? {} : { default: note.default }),
    ...(note.example === undefined ? {} : { example: note.example }),
    read(came, place) {
      const value = read(came, place)
      if (value === undefined) throw invalid(place, type, secret ? HIDDEN : came)
      return value
    },
  }
}

function invalid(place: string, expected: string, came: unknown): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', { place, expected, came: show(came) })
}

function show(came: unknown): string {
  if (came === HIDDEN || came === 'nothing') return came
  if (typeof came === 'function') return 'a function'
  if (typeof came === 'bigint' || typeof came === 'symbol') return String(came)
  try {
    return JSON.stringify(came) ?? 'undefined'
  } catch {
    return 'an object that refers to itself'
  }
}

function documentFields(fields: Fields): string {
  const rows = Object.entries(fields).map(([name, one]) => {
    const fallback = one.default === undefined ? (one.required ? 'required' : '') : `\`${show(one.default)}\``
    const example = one.example === undefined ? '' : ` Example: \`${one.example}\`.`
    return `| \`${name}\` | ${cell(one.type)} | ${fallback} | ${cell(one.doc)}${one.secret ? ' Secret.' : ''}${cell(example)} |`
  })
  return ['| option | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

/** The known name with the fewest typing errors, if few enough that it is likely meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Math.max(2, Math.ceil(name.length / 3)) + 1
  for (const candidate of known) {
    const errors = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (errors < fewest) {
      fewest = errors
      best = candidate
    }
  }
  return best
}

/** Insertions, deletions and replacements between two words (Levenshtein). */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let at = 1; at <= to.length; at++) {
      const replaced = above[at - 1]! + (from[row - 1] === to[at - 1] ? 0 : 1)
      current.push(Math.min(replaced, above[at]! + 1, current[at - 1]! + 1))
    }
    above = current
  }
  return above[to.length]!
}

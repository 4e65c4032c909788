/**
 * SQL with placeholders, split once into text and parameters. A value is always bound by the driver and never becomes part
 * of the text: there is no way to fill in a table, a column or a piece of SQL from a record.
 */
import { sluiceError } from '../../core/errors.ts'
import { compileLookup } from './placeholder.ts'
import type { Lookup } from './placeholder.ts'

/** How a system writes a parameter and its literals. */
export interface SqlDialect {
  /** Of the parameter at `index`, from 0. */
  parameter(index: number): string
  /** What a parameter looks like in text written by hand, which would shift all others. */
  readonly handwritten: RegExp
  /** A backslash in a literal escapes the next character (MySQL). */
  readonly backslash: boolean
}

export interface SqlTemplate {
  /** One for each placeholder; undefined: the idempotency key of the call. */
  readonly lookups: readonly (Lookup | undefined)[]
  /** Which placeholder is a list of many, `{…, ...}`; -1: none. */
  readonly listAt: number
  /** The text with `size` parameters for the list. */
  text(size: number): string
}

/** A literal, quoted name or comment as a whole, or one placeholder. */
const PARTS = {
  plain:
    /'(?:''|[^'])*'|"(?:""|[^"])*"|`[^`]*`|\[\w+\]|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|\{([^{}]*)\}/g,
  backslash:
    /'(?:''|\\[\s\S]|[^'\\])*'|"(?:""|\\[\s\S]|[^"\\])*"|`[^`]*`|\[\w+\]|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|\{([^{}]*)\}/g,
}

/** @throws SLUICE_CONFIG_INVALID */
export function compileSql(sql: string, dialect: SqlDialect, place: string): SqlTemplate {
  const literals: string[] = []
  const lookups: (Lookup | undefined)[] = []
  let listAt = -1
  let literal = ''
  let end = 0
  const outside = (text: string): string => checkOutside(text, dialect, place)
  for (const match of sql.matchAll(dialect.backslash ? PARTS.backslash : PARTS.plain)) {
    literal += outside(sql.slice(end, match.index))
    end = match.index + match[0].length
    if (match[2] === undefined) {
      literal += checkQuoted(match[0], place)
      continue
    }
    const [, expression, list] = /^\s*([^,]*?)\s*(,\s*\.\.\.\s*)?$/.exec(match[2]) ?? ['', match[2]]
    if (list !== undefined) {
      if (listAt !== -1) throw invalid(place, 'one list {…, ...}', sql)
      listAt = lookups.length
    }
    lookups.push(expression === 'idempotencyKey' ? undefined : compileLookup(expression ?? '', place))
    literals.push(literal)
    literal = ''
  }
  const tail = literal + outside(sql.slice(end))
  const body = literals.join('') + tail
  if (body.trim() === '' || /;\s*\S/.test(withoutQuotes(body))) throw invalid(place, 'one SQL statement', sql)
  return { lookups, listAt, text: textOf(literals, tail, listAt, dialect) }
}

function textOf(
  literals: readonly string[],
  tail: string,
  listAt: number,
  dialect: SqlDialect,
): (size: number) => string {
  const texts = new Map<number, string>()
  return (size) => {
    let text = texts.get(size)
    if (text === undefined) {
      text = ''
      let index = 0
      for (const [at, literal] of literals.entries()) {
        const count = at === listAt ? size : 1
        const list = Array.from({ length: count }, () => dialect.parameter(index++))
        text += literal + list.join(', ')
      }
      text += tail
      texts.set(size, text)
    }
    return text
  }
}

function checkOutside(text: string, { handwritten }: SqlDialect, place: string): string {
  const found = handwritten.exec(text)
  if (found === null) return text
  throw invalid(place, 'parameters as {key} or {value.field}', found[0])
}

/** A placeholder in quotes would be sent as it stands, and the query would find nothing, silently. */
function checkQuoted(text: string, place: string): string {
  if (/^(?:'|")/.test(text) && /\{\s*(?:key|value(?:\.[^{}\s]+)?)\s*\}/.test(text))
    throw invalid(place, 'placeholders without quotes: they are parameters, not text', text)
  return text
}

function withoutQuotes(text: string): string {
  return text.replaceAll(/'[^']*'|"[^"]*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$/g, '')
}

function invalid(place: string, expected: string, came: string): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', { place, expected, came: JSON.stringify(came) })
}

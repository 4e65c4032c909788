/**
 * Option `--filter`: a small expression over a record, parsed once and walked per record. Nothing of it is ever run as code,
 * and a path reads own properties only.
 *
 *   any := all ('||' all)*     all := one ('&&' one)*     one := '!' one | '(' any ')' | path (operator literal)?
 */
import { sluiceError } from '../core/errors.ts'

export type Filter = (record: unknown) => boolean

const OPERATORS = ['==', '!=', '<=', '>=', '<', '>', 'contains'] as const
type Operator = (typeof OPERATORS)[number]

const TOKEN =
  /\s*(?:(\|\||&&|==|!=|<=|>=|[<>!()])|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_$][\w$-]*(?:\.[\w$-]+|\[\d+\])*))/y

interface Token {
  readonly kind: 'sign' | 'number' | 'text' | 'word'
  readonly text: string
  /** Column, from 1. */
  readonly at: number
}

/**
 * Parses an expression such as `value.total > 100 && key != "o1"`.
 * @throws SLUICE_CONFIG_INVALID with the column
 */
export function parseFilter(expression: string): Filter {
  const parser = new Parser(expression)
  const filter = parser.any()
  parser.end()
  return filter
}

function tokens(expression: string): readonly Token[] {
  const found: Token[] = []
  const matcher = new RegExp(TOKEN)
  while (matcher.lastIndex < expression.trimEnd().length) {
    const from = matcher.lastIndex
    const match = matcher.exec(expression)
    if (match === null)
      throw refused(from + 1, 'a path, an operator or a literal', expression.slice(from, from + 20))
    const [, sign, number, text, word] = match
    const content = sign ?? number ?? text ?? word!
    const kind =
      sign !== undefined ? 'sign' : number !== undefined ? 'number' : text !== undefined ? 'text' : 'word'
    found.push({ kind, text: content, at: matcher.lastIndex - content.length + 1 })
  }
  return found
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #length: number
  #next = 0

  constructor(expression: string) {
    this.#tokens = tokens(expression)
    this.#length = expression.length
  }

  any(): Filter {
    const parts = [this.#all()]
    while (this.#take('||')) parts.push(this.#all())
    return parts.length === 1 ? parts[0]! : (record) => parts.some((part) => part(record))
  }

  end(): void {
    const token = this.#tokens[this.#next]
    if (token !== undefined) throw refused(token.at, '&&, || or the end', token.text)
  }

  #all(): Filter {
    const parts = [this.#one()]
    while (this.#take('&&')) parts.push(this.#one())
    return parts.length === 1 ? parts[0]! : (record) => parts.every((part) => part(record))
  }

  #one(): Filter {
    if (this.#take('!')) {
      const inner = this.#one()
      return (record) => !inner(record)
    }
    if (this.#take('(')) {
      const inner = this.any()
      if (!this.#take(')')) throw this.#refuse(')')
      return inner
    }
    return this.#comparison()
  }

  #comparison(): Filter {
    const token = this.#tokens[this.#next]
    if (token?.kind !== 'word') throw this.#refuse('a path such as key, value.total or headers.trace')
    this.#next++
    const path = pathOf(token)
    const operator = OPERATORS.find((sign) => this.#take(sign))
    if (operator === undefined) return (record) => Boolean(at(record, path))
    const literal = this.#literal()
    return (record) => compare(at(record, path), operator, literal)
  }

  #literal(): unknown {
    const token = this.#tokens[this.#next]
    if (token === undefined) throw this.#refuse('a literal')
    this.#next++
    if (token.kind === 'number') return Number(token.text)
    if (token.kind === 'text') return unquote(token.text)
    if (token.text === 'true') return true
    if (token.text === 'false') return false
    if (token.text === 'null') return null
    throw refused(token.at, 'a literal: a number, "text", true, false or null', token.text)
  }

  #take(text: string): boolean {
    const token = this.#tokens[this.#next]
    if (token?.text !== text || token.kind === 'text') return false
    this.#next++
    return true
  }

  #refuse(expected: string): Error {
    const token = this.#tokens[this.#next]
    return refused(token?.at ?? this.#length + 1, expected, token?.text ?? 'the end')
  }
}

const ROOTS = ['key', 'value', 'headers', 'timestamp', 'partition', 'offset', 'topic']

function pathOf({ text, at: column }: Token): readonly string[] {
  const path = text.split(/\.|\[|\]/).filter((part) => part !== '')
  if (ROOTS.includes(path[0]!)) return path
  throw refused(column, `a path that starts with ${ROOTS.join(', ')}`, text)
}

function at(record: unknown, path: readonly string[]): unknown {
  let here = record
  for (const name of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined
    here = (here as Readonly<Record<string, unknown>>)[name]
  }
  return here
}

function compare(left: unknown, operator: Operator, right: unknown): boolean {
  switch (operator) {
    case '==':
      // What is not there equals null, as people expect of JSON.
      return (left ?? null) === right
    case '!=':
      return (left ?? null) !== right
    case 'contains':
      return Array.isArray(left)
        ? left.includes(right)
        : typeof left === 'string' && left.includes(String(right))
    default:
      return ordered(left, operator, right)
  }
}

/** Only numbers with numbers and text with text: JavaScript's other orders surprise. */
function ordered(left: unknown, operator: '<' | '<=' | '>' | '>=', right: unknown): boolean {
  const order =
    typeof left === 'number' && typeof right === 'number'
      ? left - right
      : typeof left === 'string' && typeof right === 'string'
        ? Number(left > right) - Number(left < right)
        : NaN
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  return operator === '>' ? order > 0 : order >= 0
}

function unquote(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, '$1')
}

function refused(column: number, expected: string, came: string): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', { place: `--filter, column ${column}`, expected, came })
}

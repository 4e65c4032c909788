/** One struct as TypeScript: its type, its draft, its reader and its writer. Pure functions from schema to text. */
import type { Field, Message, Struct } from './schema.ts'
import { constantCase, defaultOf, differsCode, equalsCode, readCode, typeOf, writeCode } from './values.ts'
import { condition, covers, negated } from './versions.ts'
import type { Range } from './versions.ts'

/** Names the generated functions use themselves; a tagged field of that name would hide one. */
const RESERVED = ['output', 'body', 'version', 'compact', 'field', 'input', 'message', 'tag', 'end', 'left']

/** A struct and the versions its code can meet. */
interface Scope {
  readonly struct: Struct
  readonly versions: Range
  readonly flexible: Range | undefined
}

/** All code of a message; `defaults` names the structs that need a default value and a comparison with it. */
export function emitMessage(message: Message): string {
  const defaults = structsWithDefault(message)
  return message.structs
    .map((struct) => {
      const parts = [emitType(struct), emitDraft(struct)]
      if (defaults.has(struct.name)) parts.push(emitDefault(struct))
      const scope = { struct, versions: struct.versions, flexible: message.flexible }
      return [...parts, emitReader(scope), emitWriter(scope)].join('\n\n')
    })
    .join('\n\n')
}

/** Structs that stand in a field which some version lacks. */
function structsWithDefault(message: Message): ReadonlySet<string> {
  const found = message.structs.flatMap(({ fields, versions }) =>
    fields
      .filter((field) => !field.list && 'struct' in field.type && field.nullable === undefined)
      .filter((field) => field.tagged !== undefined || !covers(field.versions, versions)),
  )
  return new Set(found.flatMap(({ type }) => ('struct' in type ? [type.struct] : [])))
}

function emitType({ name, fields, versions: all }: Struct): string {
  const lines = fields.flatMap((field) => {
    const versions = condition(field.versions, all)
    const note = versions === 'true' ? [] : [`  /** ${versionsText(field, all)}. */`]
    return [...note, `  readonly ${field.name}: ${typeOf(field)}`]
  })
  return [`export interface ${name} {`, ...lines, '}'].join('\n')
}

function versionsText({ versions, tagged }: Field, all: Range): string {
  const from = versions.to === all.to ? `From version ${versions.from} on` : undefined
  const until = versions.from === all.from ? `Up to version ${versions.to}` : undefined
  const text = from ?? until ?? `Versions ${versions.from} to ${versions.to}`
  return tagged === undefined ? text : `${text}, tagged`
}

/** Fields that a draft may leave out. */
function isOptional(field: Field, versions: Range): boolean {
  if (field.tagged !== undefined || field.default !== undefined) return true
  return !covers(field.versions, versions)
}

function emitDraft({ name, fields, versions }: Struct): string {
  const optional = fields.filter((field) => isOptional(field, versions)).map((field) => `'${field.name}'`)
  const nested = fields
    .filter(({ type }) => 'struct' in type)
    .map(
      (field) => `readonly ${field.name}${isOptional(field, versions) ? '?' : ''}: ${typeOf(field, 'Draft')}`,
    )
  const head = `export type ${name}Draft =`
  if (optional.length === 0 && nested.length === 0) return `${head} ${name}`
  const keys = optional.length === 0 ? 'never' : optional.join(' | ')
  if (nested.length === 0) return `${head} Draft<${name}, ${keys}>`
  return [
    `${head} Draft<`,
    `  ${name},`,
    `  ${keys},`,
    '  {',
    ...nested.map((line) => `    ${line}`),
    '  }',
    '>',
  ].join('\n')
}

function emitDefault({ name, fields }: Struct): string {
  const same = fields.map((field) => {
    return equalsCode(field, `(${orDefault(`value.${field.name}`, field)})`)
  })
  return [
    `const DEFAULT_${constantCase(name)}: ${name} = {`,
    ...fields.map((field) => `  ${field.name}: ${defaultOf(field)},`),
    '}',
    '',
    `function isDefault${name}(value: ${name}Draft): boolean {`,
    `  return ${same.join(' && ')}`,
    '}',
  ].join('\n')
}

/** Code for whether the version is flexible, and the line that computes it if it is more than a constant. */
function compactness(scope: Scope): { readonly code: string; readonly lines: readonly string[] } {
  const test = condition(scope.flexible, scope.versions)
  if (test === 'true' || test === 'false') return { code: test, lines: [] }
  return { code: 'compact', lines: [`  const compact = ${test}`] }
}

/** Leaves out the line of `compact` where nothing uses it. */
function withCompact(scope: Scope, body: readonly string[]): readonly string[] {
  return body.some((line) => line.includes('compact')) ? [...compactness(scope).lines, ...body] : body
}

function emitReader(scope: Scope): string {
  const { struct } = scope
  const compact = compactness(scope).code
  const tagged = struct.fields.filter((field) => field.tagged !== undefined)
  const fields = struct.fields.map((field) => `    ${field.name}: ${readField(field, scope, compact)},`)
  const type = tagged.length === 0 ? struct.name : `Mutable<${struct.name}>`
  const body = [`  const message: ${type} = {`, ...fields, '  }', ...readTags(tagged, scope, compact)]
  return [
    `export function read${struct.name}(input: Reader, ${versionName(body)}: number): ${struct.name} {`,
    ...withCompact(scope, body),
    '  return message',
    '}',
  ].join('\n')
}

/** The parameter `version`, under a name that says so where the code does not look at it. */
function versionName(lines: readonly string[]): string {
  return lines.some((line) => /\b(?:version|compact)\b/.test(line)) ? 'version' : '_version'
}

function readField(field: Field, scope: Scope, compact: string): string {
  if (field.tagged !== undefined) return defaultOf(field)
  const test = condition(field.versions, scope.versions)
  const read = readCode(field, compact)
  return test === 'true' ? read : `${test} ? ${read} : ${defaultOf(field)}`
}

function readTags(tagged: readonly Field[], scope: Scope, compact: string): readonly string[] {
  if (compact === 'false') return []
  if (tagged.length === 0)
    return [compact === 'true' ? '  input.skipTags()' : '  if (compact) input.skipTags()']
  const count = compact === 'true' ? 'input.tagCount()' : 'compact ? input.tagCount() : 0'
  const cases = tagged.map((field, index) => {
    const test = condition(field.versions, scope.versions)
    const known = test === 'true' || test === compactTest(scope) ? '' : ` && ${test}`
    const keyword = index === 0 ? 'if' : 'else if'
    return `    ${keyword} (tag === ${field.tagged!.tag}${known}) message.${field.name} = ${readCode(field, 'true')}`
  })
  return [
    `  for (let left = ${count}; left > 0; left--) {`,
    '    const tag = input.unsigned()',
    '    const end = input.tagEnd()',
    ...cases,
    '    input.leaveTag(end)',
    '  }',
  ]
}

function compactTest(scope: Scope): string {
  return condition(scope.flexible, scope.versions)
}

function emitWriter(scope: Scope): string {
  const { struct } = scope
  const compact = compactness(scope).code
  const tagged = struct.fields.filter((field) => field.tagged !== undefined)
  const plain = struct.fields.filter((field) => field.tagged === undefined)
  const body = [
    ...struct.fields.flatMap((field) => refusals(field, scope)),
    ...plain.map((field) => writeField(field, scope, compact)),
    ...writeTags(tagged, scope, compact),
  ]
  return [
    `export function write${struct.name}(output: Writer, body: ${struct.name}Draft, ${versionName(body)}: number): void {`,
    ...withCompact(scope, body),
    '}',
  ].join('\n')
}

/** The value of a field of a draft, as code. */
function draftValue(field: Field, scope: Scope): string {
  return isOptional(field, scope.versions)
    ? `(${orDefault(`body.${field.name}`, field)})`
    : `body.${field.name}`
}

/** A value that may be left out. Null is a value of its own where the default is another one. */
function orDefault(value: string, field: Field): string {
  const fallback = defaultOf(field)
  if (field.nullable === undefined || fallback === 'null') return `${value} ?? ${fallback}`
  return `${value} === undefined ? ${fallback} : ${value}`
}

/** Lines that refuse what this version cannot say, unless it may be dropped. */
function refusals(field: Field, scope: Scope): readonly string[] {
  const absent = negated(condition(field.versions, scope.versions))
  const value = draftValue(field, scope)
  const refuse = `throw cannotSay('${scope.struct.name}', version, '${field.name}')`
  const lines: string[] = []
  if (absent !== 'false' && !field.ignorable) {
    lines.push(`  if (${absent} && ${differsCode(field, value)}) ${refuse}`)
  }
  if (field.nullable !== undefined && field.nullable.from > field.versions.from) {
    const range = { from: field.versions.from, to: field.nullable.from - 1 }
    lines.push(`  if (${condition(range, scope.versions)} && body.${field.name} === null) ${refuse}`)
  }
  return lines
}

function writeField(field: Field, scope: Scope, compact: string): string {
  const test = condition(field.versions, scope.versions)
  const value = draftValue(field, scope).replace(/^\((.*)\)$/, '$1')
  const write = writeCode(field, 'output', value, compact)
  return test === 'true' ? `  ${write}` : `  if (${test}) ${write}`
}

function writeTags(tagged: readonly Field[], scope: Scope, compact: string): readonly string[] {
  if (compact === 'false') return []
  if (tagged.length === 0) {
    return [compact === 'true' ? '  output.unsigned(0)' : '  if (compact) output.unsigned(0)']
  }
  const ordered = tagged.toSorted((a, b) => a.tagged!.tag - b.tagged!.tag)
  for (const { name } of ordered) {
    if (RESERVED.includes(name)) throw new Error(`a tagged field called ${name}: rename it in the generator`)
  }
  const lines = [
    ...ordered.flatMap((field) => tagPresence(field, scope)),
    `output.unsigned(${ordered.map(({ name }) => `Number(${presenceName(name)})`).join(' + ')})`,
    ...ordered.flatMap((field) => [
      `if (${presenceName(field.name)}) {`,
      `  output.tagged(${field.tagged!.tag}, (field) => ${writeCode(field, 'field', field.name, 'true')})`,
      '}',
    ]),
  ]
  if (compact === 'true') return lines.map((line) => `  ${line}`)
  return ['  if (compact) {', ...lines.map((line) => `    ${line}`), '  }']
}

/** The value of a tagged field, and whether it is written: not where it is the default. */
function tagPresence(field: Field, scope: Scope): readonly string[] {
  const test = condition(field.versions, scope.versions)
  const always = test === 'true' || test === compactTest(scope)
  return [
    `const ${field.name} = ${orDefault(`body.${field.name}`, field)}`,
    `const ${presenceName(field.name)} = ${always ? '' : `${test} && `}${differsCode(field, field.name)}`,
  ]
}

function presenceName(name: string): string {
  return `has${name[0]!.toUpperCase()}${name.slice(1)}`
}

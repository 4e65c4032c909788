/** How one field is typed, read, written and compared with its default, as TypeScript. */
import type { Field, Primitive } from './schema.ts'

const TYPES: Readonly<Record<Primitive, string>> = {
  bool: 'boolean',
  int8: 'number',
  int16: 'number',
  uint16: 'number',
  int32: 'number',
  uint32: 'number',
  int64: 'number',
  float64: 'number',
  uuid: 'string',
  string: 'string',
  bytes: 'Bytes',
  records: 'Bytes',
}

/** Primitives whose form depends on whether the version is flexible. */
const SIZED: readonly Primitive[] = ['string', 'bytes', 'records']

/** The TypeScript type of a field; `suffix` is put behind the names of structs (`Draft`). */
export function typeOf(field: Field, suffix: '' | 'Draft' = ''): string {
  const element = 'primitive' in field.type ? TYPES[field.type.primitive] : field.type.struct + suffix
  const whole = field.list ? `readonly ${element}[]` : element
  return field.nullable === undefined ? whole : `${whole} | null`
}

/** What a version that does not have the field means, as code. */
export function defaultOf(field: Field): string {
  if (field.default === null) return 'null'
  if (field.list) return '[]'
  if ('struct' in field.type) {
    return field.nullable === undefined ? `DEFAULT_${constantCase(field.type.struct)}` : 'null'
  }
  switch (field.type.primitive) {
    case 'bool':
      return String(field.default === true || field.default === 'true')
    case 'string':
      return `'${String(field.default ?? '')}'`
    case 'uuid':
      return 'ZERO_UUID'
    case 'bytes':
    case 'records':
      if (field.nullable === undefined)
        throw new Error(`${field.name}: bytes that a version lacks: give them a default`)
      return 'null'
    default:
      return numberCode(field.default)
  }
}

function numberCode(value: Field['default']): string {
  const number = Number(value === undefined || value === '' ? 0 : value)
  return Number.isSafeInteger(number) ? String(number) : '2 ** 63'
}

export function constantCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase()
}

/** The expression that reads a field; `compact` is code for whether the version is flexible. */
export function readCode(field: Field, compact: string): string {
  if (field.list) {
    const method = field.nullable === undefined ? 'list' : 'nullableList'
    return `input.${method}(${compact}, version, ${elementCode(field, 'read', compact)})`
  }
  if ('struct' in field.type) {
    const read = `read${field.type.struct}`
    return field.nullable === undefined ? `${read}(input, version)` : `input.nullable(version, ${read})`
  }
  const method = methodOf(field.type.primitive)
  if (!SIZED.includes(field.type.primitive)) return `input.${method}()`
  const name = field.nullable === undefined ? method : `nullable${method[0]!.toUpperCase()}${method.slice(1)}`
  return `input.${name}(${compact})`
}

/** The statement that writes `value` (code) into `output` (code). */
export function writeCode(field: Field, output: string, value: string, compact: string): string {
  if (field.list) {
    return `${output}.list(${value}, ${compact}, version, ${elementCode(field, 'write', compact)})`
  }
  if ('struct' in field.type) {
    const write = `write${field.type.struct}`
    return field.nullable === undefined
      ? `${write}(${output}, ${value}, version)`
      : `${output}.nullable(${value}, version, ${write})`
  }
  const method = methodOf(field.type.primitive)
  const sized = SIZED.includes(field.type.primitive)
  return sized ? `${output}.${method}(${value}, ${compact})` : `${output}.${method}(${value})`
}

function methodOf(primitive: Primitive): string {
  return primitive === 'records' ? 'bytes' : primitive
}

/** The function that reads or writes one element of a list. */
function elementCode({ type, name }: Field, verb: 'read' | 'write', compact: string): string {
  if ('struct' in type) return verb + type.struct
  if (type.primitive === 'string') {
    const short = `${verb}String`
    const long = `${verb}CompactString`
    if (compact === 'true' || compact === 'false') return compact === 'true' ? long : short
    return `${compact} ? ${long} : ${short}`
  }
  const known: readonly Primitive[] = ['int16', 'int32', 'int64']
  if (!known.includes(type.primitive)) throw new Error(`${name}: a list of ${type.primitive}: teach Reader`)
  return verb + type.primitive[0]!.toUpperCase() + type.primitive.slice(1)
}

/** The condition that `value` (code) is something else than the default. */
export function differsCode(field: Field, value: string): string {
  const fallback = defaultOf(field)
  if (fallback === '[]') {
    return field.nullable === undefined ? `${value}.length !== 0` : `${value}?.length !== 0`
  }
  if (fallback.startsWith('DEFAULT_') && 'struct' in field.type) {
    return `!isDefault${field.type.struct}(${value})`
  }
  if (fallback === 'true') return `!${value}`
  return fallback === 'false' ? value : `${value} !== ${fallback}`
}

/** The condition that `value` (code) is the default. */
export function equalsCode(field: Field, value: string): string {
  const differs = differsCode(field, value)
  return differs.includes(' !== ') ? differs.replace(' !== ', ' === ') : `!${differs}`.replace(/^!!/, '')
}

/** Kafka's message schemas, read from JSON into structs whose names are unique within one generated file. */
import { overlap, parseRange } from './versions.ts'
import type { Range } from './versions.ts'

/** A field or struct as the JSON has it. */
interface RawField {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean | null
  readonly ignorable?: boolean
  readonly fields?: readonly RawField[]
}

interface RawStruct {
  readonly name: string
  readonly fields: readonly RawField[]
}

export interface RawMessage extends RawStruct {
  readonly apiKey?: number
  readonly validVersions: string
  readonly flexibleVersions?: string
  readonly latestVersionUnstable?: boolean
  readonly commonStructs?: readonly RawStruct[]
}

export type Primitive = (typeof PRIMITIVES)[number]

const PRIMITIVES = [
  ...(['bool', 'int8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'float64'] as const),
  ...(['uuid', 'string', 'bytes', 'records'] as const),
]

export interface Field {
  readonly name: string
  /** What one element is: a primitive, or the name of a struct of the file. */
  readonly type: { readonly primitive: Primitive } | { readonly struct: string }
  readonly list: boolean
  readonly versions: Range
  readonly nullable: Range | undefined
  readonly tagged: { readonly tag: number; readonly versions: Range } | undefined
  readonly default: string | number | boolean | null | undefined
  /** May be dropped in silence by a version that does not have it. */
  readonly ignorable: boolean
}

export interface Struct {
  readonly name: string
  /** Versions of the message that can hold it. */
  readonly versions: Range
  readonly fields: readonly Field[]
}

export interface Message {
  /** As in the schema: FetchRequest. */
  readonly name: string
  readonly apiKey: number | undefined
  readonly versions: Range
  readonly flexible: Range | undefined
  /** The structs it is made of, inner ones first; the last is the message itself. */
  readonly structs: readonly Struct[]
}

/** The JSON of a schema file, which has comments. */
export function parseSchema(text: string): RawMessage {
  const bare = text.replace(/^\s*\/\/.*$/gm, '').replace(/\s\/\/ .*$/gm, '')
  return JSON.parse(bare) as RawMessage
}

/**
 * A message with its structs named for a file of `subject` (Fetch).
 * @param taken names of structs that the file has already; those of this message are added
 */
export function readMessage(raw: RawMessage, subject: string, taken: Set<string>): Message {
  const valid = parseRange(raw.validVersions)
  if (valid === undefined) throw new Error(`${raw.name} has no versions`)
  const versions = raw.latestVersionUnstable === true ? { ...valid, to: valid.to - 1 } : valid
  const rawStructs = collect(raw)
  const names = new Map(rawStructs.map(({ name }) => [name, structName(name, raw.name, subject, taken)]))
  const ranges = structRanges(rawStructs, versions)
  const structs = rawStructs.map(({ name, fields }) => {
    const range = ranges.get(name)!
    return {
      name: names.get(name)!,
      versions: range,
      fields: fields.flatMap((field) => readField(field, names, range)),
    }
  })
  return {
    name: raw.name,
    apiKey: raw.apiKey,
    versions,
    flexible: overlap(parseRange(raw.flexibleVersions ?? 'none'), versions),
    structs,
  }
}

/** All structs of a message, inner ones before the ones that use them. */
function collect(raw: RawMessage): readonly RawStruct[] {
  const shared = new Map((raw.commonStructs ?? []).map((struct) => [struct.name, struct]))
  const found = new Map<string, RawStruct>()
  const visit = (struct: RawStruct): void => {
    for (const field of struct.fields) {
      const type = elementType(field.type)
      const inner = field.fields === undefined ? shared.get(type) : { name: type, fields: field.fields }
      if (inner !== undefined && !found.has(type)) visit(inner)
    }
    found.set(struct.name, struct)
  }
  visit(raw)
  return [...found.values()]
}

/** The versions in which each struct can occur: those of the fields that hold it. */
function structRanges(structs: readonly RawStruct[], all: Range): ReadonlyMap<string, Range> {
  const ranges = new Map<string, Range>([[structs.at(-1)!.name, all]])
  // Inner structs stand before their users, so backwards every user is known when its inner ones are met.
  for (const struct of structs.toReversed()) {
    for (const field of struct.fields) {
      const range = overlap(parseRange(field.versions), ranges.get(struct.name))
      if (range === undefined) continue
      const inner = elementType(field.type)
      const known = ranges.get(inner) ?? range
      ranges.set(inner, { from: Math.min(known.from, range.from), to: Math.max(known.to, range.to) })
    }
  }
  return ranges
}

/** Starts with the subject, so that names are unique over all files; with the message's name where that is taken. */
function structName(name: string, message: string, subject: string, taken: Set<string>): string {
  const short = name.startsWith(subject) ? name : `${subject}${name}`
  const unique = taken.has(short) ? `${message}${name}` : short
  if (taken.has(unique)) throw new Error(`${unique} is there twice`)
  taken.add(unique)
  return unique
}

function elementType(type: string): string {
  return type.startsWith('[]') ? type.slice(2) : type
}

function isPrimitive(type: string): type is Primitive {
  return (PRIMITIVES as readonly string[]).includes(type)
}

/** A field; none if no version that we speak has it. */
function readField(raw: RawField, names: ReadonlyMap<string, string>, all: Range): readonly Field[] {
  const versions = overlap(parseRange(raw.versions), all)
  if (versions === undefined) return []
  const type = elementType(raw.type)
  const struct = names.get(type)
  if (!isPrimitive(type) && struct === undefined) throw new Error(`${raw.name}: unknown type ${type}`)
  const field: Field = {
    name: raw.name[0]!.toLowerCase() + raw.name.slice(1),
    type: isPrimitive(type) ? { primitive: type } : { struct: struct! },
    list: raw.type.startsWith('[]'),
    versions,
    nullable: overlap(parseRange(raw.nullableVersions), versions),
    tagged: readTag(raw, versions),
    default: raw.default === 'null' ? null : raw.default,
    ignorable: raw.ignorable === true,
  }
  return [field]
}

function readTag(raw: RawField, versions: Range): Field['tagged'] {
  const tagged = overlap(parseRange(raw.taggedVersions), versions)
  if (tagged === undefined || raw.tag === undefined) return undefined
  if (tagged.from !== versions.from || tagged.to !== versions.to) {
    throw new Error(`${raw.name} is tagged in some of its versions only: teach the generator`)
  }
  return { tag: raw.tag, versions: tagged }
}

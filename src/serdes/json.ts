/**
 * JSON, by option checked against a Standard Schema (zod, valibot, arktype …). Integers that a number would round (beyond
 * 2^53) are never rounded silently: they are an error, or bigints by option.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Bytes } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import { decodeTextAt, describeValue } from './text.ts'

export interface JsonOptions {
  /** What an integer beyond 2^53 is read as. Default `error`: one that would be rounded is refused. */
  readonly largeIntegers?: 'error' | 'bigint'
}

const PLAIN = makeJson(undefined, false)
const BIGINTS = makeJson(undefined, true)
/** One serde per schema, so that a topic named twice with one schema is the same topic. */
const bySchema = new WeakMap<StandardSchemaV1, Serde<unknown>[]>()

/**
 * JSON text in UTF-8. With a schema each value read is validated (and transformed as the schema says); a value that does not fit
 * is a deserialisation error. Values written are not validated: the types say what they are.
 * Without a schema, `json<Rating>()` trusts the data.
 * @example
 * import { json, string, topic } from 'sluice'
 * import { z } from 'zod'
 *
 * const ratings = topic('ratings', { key: string, value: json(z.object({ stars: z.number() })) })
 */
export function json<T = unknown>(
  schema?: StandardSchemaV1<unknown, T>,
  options: JsonOptions = {},
): Serde<T> {
  const bigints = options.largeIntegers === 'bigint'
  if (schema === undefined) return (bigints ? BIGINTS : PLAIN) as Serde<T>
  const made = bySchema.get(schema) ?? []
  bySchema.set(schema, made)
  const serde = (made[Number(bigints)] ??= makeJson(schema, bigints))
  return serde as Serde<T>
}

function makeJson(schema: StandardSchemaV1 | undefined, bigints: boolean): Serde<unknown> {
  const parse = bigints ? parseWithBigints : parseStrictly
  const parseAt = (data: Bytes, from: number, to: number): unknown =>
    parse(decodeTextAt(data, from, to), hasLongDigitRun(data, from, to))
  const read =
    schema === undefined
      ? parseAt
      : (data: Bytes, from: number, to: number) => validated(schema, parseAt(data, from, to))
  return Object.freeze({
    format: 'json',
    serialize: bigints ? stringifyWithBigints : stringify,
    deserialize: (data: Bytes) => read(data, 0, data.length),
    deserializeAt: read,
  })
}

function stringify(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`${describeValue(value)} has no JSON form`)
  return text
}

function stringifyWithBigints(value: unknown): string {
  const text = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? rawJson(part) : part,
  ) as string | undefined
  if (text === undefined) throw new TypeError(`${describeValue(value)} has no JSON form`)
  return text
}

// Standard since ES2026, in every Node this package runs on; not yet in TypeScript's library types.
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown }

function rawJson(value: bigint): unknown {
  return rawJSON(String(value))
}

/** May contain an integer of 16 digits or more (2^53 has 16); may also be text that looks like one. */
const MAYBE_LARGE = /(?:^|[:,[\s])-?\d{16,}(?![\d.eE])/
const STRINGS = /"(?:[^"\\]|\\.)*"/g

/** @param long 16 digits or more stand in a row somewhere */
function parseStrictly(text: string, long: boolean): unknown {
  const value: unknown = JSON.parse(text)
  if (long && MAYBE_LARGE.test(text)) refuseLargeIntegers(text)
  return value
}

/**
 * Whether 16 digits stand in a row. Such a run covers an index of each residue modulo 16, so one probe in 16 bytes is enough:
 * the regular expression alone would cost half as much as parsing. Looked for in bytes, where a probe costs a third of a
 * `charCodeAt`; no byte of a longer character looks like a digit.
 */
function hasLongDigitRun(data: Bytes, from: number, to: number): boolean {
  for (let at = from + 15; at < to; at += 16) {
    if (!isDigit(data[at]!)) continue
    let first = at
    let end = at + 1
    while (first > from && isDigit(data[first - 1]!)) first--
    while (end < to && isDigit(data[end]!)) end++
    if (end - first >= 16) return true
  }
  return false
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57
}

function refuseLargeIntegers(text: string): void {
  for (const [match] of text.replace(STRINGS, '""').matchAll(new RegExp(MAYBE_LARGE, 'g'))) {
    const digits = match.replace(/^[^-\d]+/, '')
    // Digits that a number prints again were not rounded: our own output must always be readable.
    if (String(Number(digits)) === digits) continue
    throw new RangeError(
      `the integer ${digits} is too large for a number: use json(schema, { largeIntegers: 'bigint' })`,
    )
  }
}

function parseWithBigints(text: string, long: boolean): unknown {
  if (!long || !MAYBE_LARGE.test(text)) return JSON.parse(text) as unknown
  const reviver = (_: string, value: unknown, context?: { readonly source?: string }): unknown => {
    const large = typeof value === 'number' && !Number.isSafeInteger(value)
    return large && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context!.source!) : value
  }
  return JSON.parse(text, reviver) as unknown
}

function validated(schema: StandardSchemaV1, value: unknown): unknown {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    // The rejection belongs to nobody any more: without a handler it would end the process.
    result.catch(() => {})
    throw new TypeError('the schema validates asynchronously; a serde must answer at once')
  }
  if (result.issues === undefined) return result.value
  throw new TypeError(result.issues.slice(0, 5).map(describeIssue).join('; '))
}

function describeIssue({ path, message }: StandardSchemaV1.Issue): string {
  const steps = (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step))
  return steps.length === 0 ? message : `${steps.join('.')}: ${message}`
}

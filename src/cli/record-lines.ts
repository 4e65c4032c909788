/** Lines of text as records to be written: JSON objects with key, value and more, or values alone. It writes nothing. */
import { sluiceError } from '../core/errors.ts'
import { encodedBytes } from '../core/serde.ts'
import type { Serde } from '../core/serde.ts'
import type { Bytes, Headers } from '../core/record.ts'
import { EXACT_JSON } from './formats.ts'

/** One record to write; what is undefined is decided by the writer. */
export interface LineRecord {
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly timestamp: number | undefined
  readonly partition: number | undefined
  readonly headers: Headers
}

export interface LineOptions {
  /** For messages: the file, or `stdin`. */
  readonly file: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** Each line is a value, not an object with key and value. */
  readonly valuesOnly: boolean
  /** Key of lines that bring none. */
  readonly defaultKey?: string
}

const FIELDS = ['key', 'value', 'timestamp', 'partition', 'headers']
const RECORD =
  'a JSON object {"key": …, "value": …, "timestamp": ms or ISO 8601, "partition": number, "headers": {name: text}}, all but one of key and value optional'

/** A reader of lines. @throws SLUICE_SOURCE_INPUT with file and line */
export function lineReader(options: LineOptions): (text: string, line: number) => LineRecord {
  return (text, line) => {
    const refuse = (expected: string, came: string, cause?: unknown): Error => {
      const short = came.length > 120 ? `${came.slice(0, 120)}…` : came
      return sluiceError('SLUICE_SOURCE_INPUT', { file: options.file, line, expected, came: short }, cause)
    }
    const side = (serde: Serde<unknown>, name: string, content: unknown): Bytes | null => {
      if (content === null || content === undefined) return null
      try {
        return encodedBytes(serde.serialize(content))
      } catch (error) {
        throw refuse(`a ${name} of format ${serde.format}`, show(content), error)
      }
    }
    const came = options.valuesOnly ? valueOf(text, options.value, refuse) : objectOf(text, refuse)
    return {
      key: side(options.key, 'key', came['key'] ?? options.defaultKey),
      value: side(options.value, 'value', came['value']),
      timestamp: timeOf(came['timestamp'], refuse),
      partition: partitionOfLine(came['partition'], refuse),
      headers: headersOf(came['headers'], refuse),
    }
  }
}

type Refuse = (expected: string, came: string, cause?: unknown) => Error
type Fields = Readonly<Record<string, unknown>>

/** Text formats take the line as it is; all others are written as JSON. */
function valueOf(text: string, { format }: Serde<unknown>, refuse: Refuse): Fields {
  if (format === 'string' || format === 'uuid' || format === 'bytes') return { value: text }
  return { value: parse(text, 'a value in JSON', refuse) }
}

function objectOf(text: string, refuse: Refuse): Fields {
  const came = parse(text, RECORD, refuse)
  if (typeof came !== 'object' || came === null || Array.isArray(came)) throw refuse(RECORD, text)
  const unknown = Object.keys(came).find((name) => !FIELDS.includes(name))
  if (unknown !== undefined) throw refuse(RECORD, `${text} (unknown field "${unknown}")`)
  if (!('key' in came) && !('value' in came)) throw refuse(RECORD, text)
  return came
}

function parse(text: string, expected: string, refuse: Refuse): unknown {
  try {
    return EXACT_JSON.deserialize(Buffer.from(text, 'utf8'))
  } catch (error) {
    throw refuse(expected, text, error)
  }
}

function timeOf(came: unknown, refuse: Refuse): number | undefined {
  if (came === undefined) return undefined
  const time = typeof came === 'string' ? Date.parse(came) : came
  if (typeof time === 'number' && Number.isSafeInteger(time) && time >= 0) return time
  throw refuse('a timestamp in ms since 1970 or ISO 8601', show(came))
}

function partitionOfLine(came: unknown, refuse: Refuse): number | undefined {
  if (came === undefined) return undefined
  if (typeof came === 'number' && Number.isInteger(came) && came >= 0) return came
  throw refuse('a partition, counted from 0', show(came))
}

function headersOf(came: unknown, refuse: Refuse): Headers {
  if (came === undefined) return []
  if (typeof came !== 'object' || came === null || Array.isArray(came))
    throw refuse('headers as an object {name: text}', show(came))
  return Object.entries(came).map(([key, value]: readonly [string, unknown]) => {
    if (value === null) return { key, value }
    if (typeof value !== 'string') throw refuse(`text or null in header "${key}"`, show(value))
    return { key, value: Buffer.from(value, 'utf8') }
  })
}

function show(content: unknown): string {
  return String(EXACT_JSON.serialize(content))
}

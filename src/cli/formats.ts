/** The formats of keys and values by name, for commands that know no application: `--key-format`, `--value-format`. */
import { Option } from 'commander'
import type { Serde } from '../core/serde.ts'
import { bigint64, boolean, bytes, double, float, int16, int32, json, string, uuid } from '../serdes/index.ts'

export const FORMATS = [
  'string',
  'json',
  'int16',
  'int32',
  'int64',
  'float',
  'double',
  'boolean',
  'uuid',
  'bytes',
] as const

export type Format = (typeof FORMATS)[number]

/** Bytes as base64, since JSON has none. */
const base64: Serde<string> = {
  format: 'bytes',
  serialize: (text) => bytes.serialize(Buffer.from(string.serialize(text) as string, 'base64')),
  deserialize: (data) => Buffer.from(data).toString('base64'),
}

/** All 64 bits: numbers where they are safe, text of digits beyond. */
const int64: Serde<number | string> = {
  format: 'int64',
  serialize: (value) => bigint64.serialize(BigInt(value)),
  deserialize: (data) => {
    const value = bigint64.deserialize(data)
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  },
}

/** JSON that keeps integers beyond 2^53 as they stand. */
export const EXACT_JSON: Serde<unknown> = json(undefined, { largeIntegers: 'bigint' })

const SERDES: Readonly<Record<Format, unknown>> = {
  string,
  json: EXACT_JSON,
  int16,
  int32,
  int64,
  float,
  double,
  boolean,
  uuid,
  bytes: base64,
}

/** The serde of a format, between JSON and bytes. */
export function serdeOf(format: Format): Serde<unknown> {
  return SERDES[format] as Serde<unknown>
}

/** Both options with their defaults. */
export function formatOptions(): readonly [Option, Option] {
  return [
    new Option('--key-format <format>', 'how keys are written').choices(FORMATS).default('string'),
    new Option('--value-format <format>', 'how values are written').choices(FORMATS).default('json'),
  ]
}

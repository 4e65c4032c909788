/** Compares bytes of Sluice with byte vectors of Kafka's classes (`bytes.json` of a set): what is written, and what is read back. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { indexBatches } from '../../src/brokers/record-batch/reader.ts'
import { murmur2, partitionOf } from '../../src/core/partitioner.ts'
import type { Bytes } from '../../src/core/record.ts'
import { encodedBytes } from '../../src/core/serde.ts'
import type { Serde } from '../../src/core/serde.ts'
import { changeSerde } from '../../src/engine/operators/change-serde.ts'
import { hash128 } from '../../src/engine/operators/murmur3.ts'
import {
  combinedKeySerde,
  foreignPrefix,
  responseSerde,
  subscriptionSerde,
} from '../../src/engine/operators/subscription.ts'
import type { Instruction } from '../../src/engine/operators/subscription.ts'
import { heldBackSerde } from '../../src/engine/operators/suppress-value.ts'
import { unmatchedKeySerde, unmatchedValuesSerde } from '../../src/engine/operators/unmatched.ts'
import { decodeEnvelope, encodeEnvelope } from '../../src/engine/runtime/envelope.ts'
import { withTimestamp } from '../../src/engine/state/codec.ts'
import { SEGMENT_BYTES, WindowKeys } from '../../src/engine/state/window-keys.ts'
import * as serdes from '../../src/serdes/index.ts'

/** A vector in the form that the README of the set gives its section; fields fit wherever that says so. */
type Vector = Readonly<Record<Field, never>>
type Field =
  | ('type' | 'value' | 'hex' | 'ts' | 'key' | 'murmur2' | 'partition' | 'start' | 'end' | 'text')
  | ('timeWindowedSerde' | 'sessionWindowedSerde' | 'sessionStoreKey' | 'partitionByBaseKey')
  | `windowStoreKeySeq${number}`
  | ('hashOf' | 'instructionByte' | 'primaryKey' | 'primaryPartition' | 'version' | 'foreignValue')
  | ('foreignKey' | 'prefix' | 'new' | 'old' | 'partitionTime' | 'processorMetadata')
  | ('records' | 'control' | 'baseOffset' | 'lastOffset' | 'left' | 'keyHex' | 'valueHex')
  | ('offset' | 'topic' | 'headers' | 'prior' | 'bufferTime')

export interface BytesVerdict {
  readonly section: string
  readonly vectors: number
  readonly differences: readonly string[]
}

/** Nothing where the folder has no vectors. */
export function compareBytes(folder: string): readonly BytesVerdict[] {
  const file = join(folder, 'bytes.json')
  if (!existsSync(file)) return []
  const { foreignKey, ...sections } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  const all = { ...sections, ...(foreignKey as object | undefined) }
  return Object.entries(all).flatMap(([section, vectors]) => {
    const check = CHECKS[section]
    if (check === undefined || !Array.isArray(vectors)) return []
    const differences = (vectors as readonly Vector[]).flatMap((vector) => attempt(check, vector))
    return [{ section, vectors: vectors.length, differences }]
  })
}

function attempt(check: (vector: Vector) => readonly Pair[], vector: Vector): readonly string[] {
  const shown = JSON.stringify(vector).slice(0, 200)
  try {
    return check(vector)
      .filter(([wanted, came]) => wanted !== came)
      .map(([wanted, came]) => `${shown}: expected ${String(wanted)}, came ${String(came)}`)
  } catch (error) {
    return [`${shown}: ${String(error)}`]
  }
}

type Pair = readonly [wanted: unknown, came: unknown]

const { string } = serdes as { readonly string: Serde<unknown> }

function hex(encoded: Bytes | string): string {
  return Buffer.from(encodedBytes(encoded)).toString('hex')
}

function written(serde: Serde<never>, value: unknown): string {
  return hex((serde as Serde<unknown>).serialize(value))
}

/** Written, and the same again after reading. */
function both(serde: unknown, value: unknown, wanted: string): readonly Pair[] {
  const exact = serde as Serde<never>
  const read = exact.deserialize(Buffer.from(wanted, 'hex'))
  return [
    [wanted, written(exact, value)],
    [wanted, written(exact, read)],
  ]
}

const NUMBERS: Readonly<Record<string, unknown>> = {
  Short: serdes.int16,
  Integer: serdes.int32,
  Float: serdes.float,
  Double: serdes.double,
}

function simple({ type, value, hex: wanted }: Vector): readonly Pair[] {
  if (type === 'String') return both(serdes.string, value, wanted)
  if (type === 'UUID') return both(serdes.uuid, value, wanted)
  if (type === 'Boolean') return both(serdes.boolean, value === 'true', wanted)
  if (type === 'Long') return both(serdes.bigint64, BigInt(value), wanted)
  const number = type === 'Float' ? Math.fround(Number(value)) : Number(value)
  return both(NUMBERS[type], number, wanted)
}

function lists({ type, value, hex: wanted }: Vector): readonly Pair[] {
  const inner = { 'List<String>': serdes.string, 'List<Long>': serdes.int64, 'List<Integer>': serdes.int32 }[
    type as string
  ] as Serde<unknown>
  const between = (value as string).slice(1, -1)
  const parts = between === '' ? [] : between.split(', ')
  const of = (part: string): unknown => (type === 'List<String>' ? part : Number(part))
  return both(
    serdes.list(inner),
    parts.map((part) => (part === 'null' ? null : of(part))),
    wanted,
  )
}

function windowed(vector: Vector): readonly Pair[] {
  const { key, start, end } = vector as {
    readonly key: string
    readonly start: number
    readonly end: number
  }
  const value = { key, start, end }
  const time = serdes.timeWindowed(serdes.string, end - start)
  const stored = (kind: 'window' | 'session', at: number, minor: number): string =>
    hex(new WindowKeys(serdes.string, kind, 60_000, false).stored(key, at, minor)).slice(SEGMENT_BYTES * 2)
  const partitions = Object.entries<number>(vector.partitionByBaseKey)
  const bytes = time.serialize(value)
  return [
    ...both(time, value, vector.timeWindowedSerde),
    ...both(serdes.sessionWindowed(serdes.string), value, vector.sessionWindowedSerde),
    ...[0, 1, 7].map((minor): Pair => [vector[`windowStoreKeySeq${minor}`], stored('window', start, minor)]),
    [vector.sessionStoreKey, stored('session', end, start)],
    ...partitions.map(([count, wanted]): Pair => {
      return [wanted, partitionOf(bytes, Number(count), time.windowBytes)]
    }),
  ]
}

function hashOf(of: string | null): Bytes | null {
  return of === null ? null : hash128(Buffer.from(of))
}

function subscription(vector: Vector): readonly Pair[] {
  const { hashOf: of, instructionByte, primaryKey, primaryPartition, version, hex: wanted } = vector
  const serde = subscriptionSerde(string)
  const value = {
    instruction: instructionByte as Instruction,
    hash: hashOf(of),
    primaryKey,
    primaryPartition,
  }
  if (version === 1) return both(serde, value, wanted)
  // What older versions wrote is read only.
  const { instruction, primaryKey: key } = serde.deserialize(Buffer.from(wanted, 'hex'))
  return [
    [instructionByte, instruction],
    [primaryKey, key],
  ]
}

function response({ hashOf: of, foreignValue, hex: wanted }: Vector): readonly Pair[] {
  const value = { hash: hashOf(of), foreignValue, primaryPartition: undefined }
  return [[wanted, written(responseSerde(string) as Serde<never>, value)]]
}

/** What control records say is not for applications. */
function batches({ records, control, baseOffset, lastOffset, hex: wanted }: Vector): readonly Pair[] {
  const options = { topic: 't', partition: 0, from: baseOffset, endOffset: lastOffset + 1 }
  const batch = indexBatches([Buffer.from(wanted, 'hex')], options)
  const shown = Array.from({ length: batch.count }, (_, at) => {
    const [key, value] = [batch.keyAt(at), batch.valueAt(at)]
    return [batch.offsetAt(at), batch.timestampAt(at), key && hex(key), value && hex(value)]
  })
  const expected = (records as readonly Readonly<Record<string, unknown>>[]).map(
    ({ offset, ts, key, value }) => [offset, ts, key, value],
  )
  return [[JSON.stringify(control ? [] : expected), JSON.stringify(shown)]]
}

function metadata({ partitionTime, processorMetadata, text: wanted }: Vector): readonly Pair[] {
  const entries = new Map(Object.entries<number>(processorMetadata))
  const read = decodeEnvelope(wanted)
  return [
    [wanted, encodeEnvelope({ partitionTime, entries })],
    [partitionTime, read.partitionTime],
    [JSON.stringify([...entries]), JSON.stringify([...read.entries])],
  ]
}

function held(vector: Vector): readonly Pair[] {
  const { ts, offset, partition, topic, headers, prior, old, new: next, bufferTime, hex: wanted } = vector
  const pairs = headers as readonly (readonly [string, string | null])[]
  const value = {
    turn: bufferTime,
    prior,
    oldValue: old,
    newValue: next,
    timestamp: ts,
    headers: pairs.map(([key, of]) => ({ key, value: of === null ? null : Buffer.from(of, 'hex') })),
    topic,
    partition,
    offset,
  }
  return both(heldBackSerde(string), value, wanted)
}

const CHECKS: Readonly<Record<string, (vector: Vector) => readonly Pair[]>> = {
  murmur2: ({ key, murmur2: wanted, partition }) => [
    [wanted, murmur2(Buffer.from(key, 'hex'))],
    ...Object.entries(partition as Readonly<Record<string, number>>).map(([count, at]): Pair => {
      return [at, partitionOf(Buffer.from(key, 'hex'), Number(count))]
    }),
  ],
  serdes: simple,
  listSerde: lists,
  windowedKeys: windowed,
  valueAndTimestamp: ({ value, ts, hex: wanted }) => {
    const bytes: Bytes | string =
      typeof value === 'number' ? encodedBytes(serdes.int64.serialize(value)) : value
    return [[wanted, hex(withTimestamp(ts, bytes))]]
  },
  hash128: ({ text: of, hex: wanted }) => [[wanted, hex(hash128(Buffer.from(of)))]],
  subscription,
  response,
  combinedKey: ({ foreignKey, primaryKey, hex: wanted, prefix }) => [
    ...both(combinedKeySerde(string, string), { foreignKey, primaryKey }, wanted),
    [prefix, hex(foreignPrefix(string, foreignKey))],
  ],
  change: ({ new: newValue, old: oldValue, hex: wanted }) => [
    [wanted, written(changeSerde(string) as Serde<never>, { newValue, oldValue })],
  ],
  commitMetadata: metadata,
  recordBatches: batches,
  outerJoinSharedStore: ({ left, ts, key, value, keyHex, valueHex }) => [
    ...both(unmatchedKeySerde(string), { timestamp: ts, left, key }, keyHex),
    [
      `0100000001${Buffer.from([0, 0, 0, (valueHex as string).length / 2]).toString('hex')}${String(valueHex)}`,
      written(unmatchedValuesSerde(string, string) as Serde<never>, [{ left, value }]),
    ],
  ],
  suppressBufferValue: held,
}

/**
 * What the two tables of a foreign-key join tell each other through topics, and the bytes of it, exactly as Kafka Streams
 * writes them: subscriptions of primary keys to foreign keys, and the responses.
 */
import type { Bytes } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'
import { isAbsent } from './absent.ts'

/** What the foreign side shall do with a subscription. Numbers are Kafka's. */
export const INSTRUCTION = {
  deleteSilently: 0,
  deleteAndAnswer: 1,
  answerAlways: 2,
  answerMatch: 3,
} as const

export type Instruction = (typeof INSTRUCTION)[keyof typeof INSTRUCTION]

/** Travels under the foreign key. */
export interface Subscription {
  readonly instruction: Instruction
  /** Of the left value that asks; null = it was deleted. */
  readonly hash: Bytes | null
  readonly primaryKey: unknown
  /** Where the answer goes; undefined when an old Kafka Streams wrote it: then by the key's hash. */
  readonly primaryPartition: number | undefined
}

/** Travels under the primary key. */
export interface SubscriptionResponse {
  /** Of the left value that asked: an answer to an older one is stale. */
  readonly hash: Bytes | null
  /** Null = none. */
  readonly foreignValue: unknown
  /** Only on the way out; it is not written. */
  readonly primaryPartition: number | undefined
}

/** The key under which a subscription is kept. */
export interface CombinedKey {
  readonly foreignKey: unknown
  readonly primaryKey: unknown
}

const NO_HASH = 0x80
const HASH_BYTES = 16
const WITH_PARTITION = 1

/** Version and null bit, instruction, hash, primary key, and from version 1 on the partition. */
export function subscriptionSerde(primaryKey: Serde<unknown>): Serde<Subscription> {
  return Object.freeze({
    format: `subscription of ${primaryKey.format}`,
    serialize: ({ instruction, hash, primaryKey: key, primaryPartition }: Subscription) => {
      const version = primaryPartition === undefined ? 0 : WITH_PARTITION
      const head = Buffer.of(version | (hash === null ? NO_HASH : 0), instruction)
      const parts = [head, hash ?? NOTHING, encodedBytes(primaryKey.serialize(key))]
      return Buffer.concat(primaryPartition === undefined ? parts : [...parts, int32(primaryPartition)])
    },
    deserialize: (bytes: Bytes) => {
      const version = versionOf(bytes, WITH_PARTITION)
      const instruction = bytes[1]
      if (instruction === undefined || instruction > INSTRUCTION.answerMatch)
        throw new TypeError(`unknown instruction ${instruction} of a subscription`)
      const { hash, rest } = hashOf(bytes, 2)
      const end = version < WITH_PARTITION ? bytes.length : bytes.length - 4
      if (end < rest) throw new TypeError('a subscription is shorter than its head')
      return {
        instruction: instruction as Instruction,
        hash,
        primaryKey: primaryKey.deserialize(bytes.subarray(rest, end)),
        primaryPartition: version < WITH_PARTITION ? undefined : readInt32(bytes, end),
      }
    },
  })
}

/** Version and null bit, hash, foreign value. A value of no bytes reads as none, as in Java. */
export function responseSerde(foreignValue: Serde<unknown>): Serde<SubscriptionResponse> {
  return Object.freeze({
    format: `response of ${foreignValue.format}`,
    serialize: ({ hash, foreignValue: value }: SubscriptionResponse) =>
      Buffer.concat([
        Buffer.of(hash === null ? NO_HASH : 0),
        hash ?? NOTHING,
        isAbsent(value) ? NOTHING : encodedBytes(foreignValue.serialize(value)),
      ]),
    deserialize: (bytes: Bytes) => {
      versionOf(bytes, 0)
      const { hash, rest } = hashOf(bytes, 1)
      const value = rest === bytes.length ? null : foreignValue.deserialize(bytes.subarray(rest))
      return { hash, foreignValue: value, primaryPartition: undefined }
    },
  })
}

/** Length of the foreign key, foreign key, primary key: the subscriptions of one foreign key lie together. */
export function combinedKeySerde(foreignKey: Serde<unknown>, primaryKey: Serde<unknown>): Serde<CombinedKey> {
  return Object.freeze({
    format: `${foreignKey.format} and ${primaryKey.format}`,
    serialize: (key: CombinedKey) =>
      Buffer.concat([
        foreignPrefix(foreignKey, key.foreignKey),
        encodedBytes(primaryKey.serialize(key.primaryKey)),
      ]),
    deserialize: (bytes: Bytes) => {
      const end = 4 + readInt32(bytes, 0)
      if (end < 4 || end > bytes.length) throw new TypeError('a combined key is shorter than its foreign key')
      return {
        foreignKey: foreignKey.deserialize(bytes.subarray(4, end)),
        primaryKey: primaryKey.deserialize(bytes.subarray(end)),
      }
    },
  })
}

/** What the combined keys of one foreign key begin with. */
export function foreignPrefix(foreignKey: Serde<unknown>, key: unknown): Bytes {
  const bytes = encodedBytes(foreignKey.serialize(key))
  return Buffer.concat([int32(bytes.length), bytes])
}

const NOTHING: Bytes = Buffer.alloc(0)

function versionOf(bytes: Bytes, latest: number): number {
  const version = (bytes[0] ?? 0xff) & ~NO_HASH
  if (version > latest) throw new TypeError(`version ${version} is newer than ${latest}`)
  return version
}

function hashOf(bytes: Bytes, at: number): { readonly hash: Bytes | null; readonly rest: number } {
  if ((bytes[0]! & NO_HASH) !== 0) return { hash: null, rest: at }
  const rest = at + HASH_BYTES
  if (rest > bytes.length) throw new TypeError('a hash is cut off')
  // A copy: what is kept outlives the batch it came in.
  return { hash: Buffer.from(bytes.subarray(at, rest)), rest }
}

function int32(value: number): Bytes {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function readInt32(bytes: Bytes, at: number): number {
  if (at + 4 > bytes.length) throw new TypeError('a length or partition is cut off')
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getInt32(0)
}

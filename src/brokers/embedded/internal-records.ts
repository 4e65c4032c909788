/**
 * What the broker writes into its own two logs, in Kafka's forms: committed offsets (key v1, value v3) and the state of
 * transactions (key v0, value v0). Used once per commit, never per record of a user.
 */
import type { CommittedOffset } from '../../core/broker.ts'
import type { Bytes } from '../../core/record.ts'

const OFFSET_KEY_VERSION = 1
const OFFSET_VALUE_VERSION = 3

export interface OffsetKey {
  readonly group: string
  readonly topic: string
  readonly partition: number
}

export interface OffsetValue {
  readonly offset: number
  readonly metadata: string
}

export function encodeOffsetKey(group: string, topic: string, partition: number): Bytes {
  return new FieldWriter().int16(OFFSET_KEY_VERSION).text(group).text(topic).int32(partition).done()
}

export function encodeOffsetValue(committed: CommittedOffset, timestamp: number): Bytes {
  const noLeaderEpoch = -1
  return new FieldWriter()
    .int16(OFFSET_VALUE_VERSION)
    .int64(committed.offset)
    .int32(noLeaderEpoch)
    .text(committed.metadata)
    .int64(timestamp)
    .done()
}

/** Undefined: a key of another kind, to be skipped. */
export function decodeOffsetKey(bytes: Bytes): OffsetKey | undefined {
  const reader = new FieldReader(bytes)
  if (reader.int16() !== OFFSET_KEY_VERSION) return undefined
  return { group: reader.text(), topic: reader.text(), partition: reader.int32() }
}

export function decodeOffsetValue(bytes: Bytes): OffsetValue {
  const reader = new FieldReader(bytes)
  reader.int16()
  const offset = reader.int64()
  reader.int32()
  return { offset, metadata: reader.text() }
}

/** Kafka's numbers of the states that are written. */
export const STATUS = {
  empty: 0,
  prepareCommit: 2,
  prepareAbort: 3,
  completeCommit: 4,
  completeAbort: 5,
} as const

export type TransactionStatus = keyof typeof STATUS

export interface TransactionRecord {
  readonly producerId: number
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly status: TransactionStatus
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
}

export function encodeTransactionKey(transactionalId: string): Bytes {
  return new FieldWriter().int16(0).text(transactionalId).done()
}

export function decodeTransactionKey(bytes: Bytes): string {
  const reader = new FieldReader(bytes)
  reader.int16()
  return reader.text()
}

export function encodeTransaction(record: TransactionRecord, timestamp: number): Bytes {
  const byTopic = Map.groupBy(record.partitions, ({ topic }) => topic)
  const writer = new FieldWriter()
    .int16(0)
    .int64(record.producerId)
    .int16(record.producerEpoch)
    .int32(record.timeoutMs)
    .int8(STATUS[record.status])
    .int32(byTopic.size)
  for (const [topic, partitions] of byTopic) {
    writer.text(topic).int32(partitions.length)
    for (const { partition } of partitions) writer.int32(partition)
  }
  return writer.int64(timestamp).int64(timestamp).done()
}

export function decodeTransaction(bytes: Bytes): TransactionRecord {
  const reader = new FieldReader(bytes)
  reader.int16()
  const producerId = reader.int64()
  const producerEpoch = reader.int16()
  const timeoutMs = reader.int32()
  const status = statusOf(reader.int8())
  const partitions: { topic: string; partition: number }[] = []
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.text()
    for (let count = reader.int32(); count > 0; count--) partitions.push({ topic, partition: reader.int32() })
  }
  return { producerId, producerEpoch, timeoutMs, status, partitions }
}

function statusOf(number: number): TransactionStatus {
  if (number === STATUS.prepareCommit) return 'prepareCommit'
  if (number === STATUS.prepareAbort) return 'prepareAbort'
  if (number === STATUS.completeCommit) return 'completeCommit'
  return number === STATUS.completeAbort ? 'completeAbort' : 'empty'
}

class FieldWriter {
  readonly #parts: Buffer[] = []

  int8(value: number): this {
    return this.#fixed(1, (b) => b.writeInt8(value))
  }

  int16(value: number): this {
    return this.#fixed(2, (b) => b.writeInt16BE(value))
  }

  int32(value: number): this {
    return this.#fixed(4, (b) => b.writeInt32BE(value))
  }

  int64(value: number): this {
    return this.#fixed(8, (b) => b.writeBigInt64BE(BigInt(value)))
  }

  text(value: string): this {
    const bytes = Buffer.from(value, 'utf8')
    this.int16(bytes.length)
    this.#parts.push(bytes)
    return this
  }

  done(): Bytes {
    return Buffer.concat(this.#parts)
  }

  #fixed(size: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(size)
    write(buffer)
    this.#parts.push(buffer)
    return this
  }
}

class FieldReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Bytes) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  int8(): number {
    return this.#bytes.readInt8(this.#skip(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4))
  }

  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#skip(8)))
  }

  text(): string {
    const length = this.int16()
    const from = this.#skip(length)
    return this.#bytes.toString('utf8', from, from + length)
  }

  /** Moves on and returns where it was. */
  #skip(size: number): number {
    const at = this.#at
    this.#at += size
    return at
  }
}

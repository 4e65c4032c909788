/**
 * What a suppressing table holds back of a key, and its bytes in the changelog, as Kafka Streams writes them (version 3):
 * where the last update came from, the value before all of it, the value before the last update, the new value, and its turn.
 */
import type { Bytes, Header } from '../../core/record.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { Serde } from '../../core/serde.ts'
import { isAbsent } from './absent.ts'

export interface HeldBack {
  /** Event time at which it is its turn. */
  readonly turn: number
  /** What the table below shows while this is held back; null = nothing. */
  readonly prior: unknown
  readonly oldValue: unknown
  readonly newValue: unknown
  /** Of the record that caused the last update. */
  readonly timestamp: number
  readonly headers: readonly Header[]
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Header of a changelog record: the version of its value. */
export const VERSION_HEADERS: readonly Header[] = Object.freeze([
  Object.freeze({ key: 'v', value: Buffer.of(3) }),
])

const NONE = -1
const SAME_AS_PRIOR = -2

export function heldBackSerde(inner: Serde<unknown>): Serde<HeldBack> {
  return Object.freeze({
    format: `suppressed ${inner.format}`,
    serialize: (held: HeldBack) => Buffer.concat(partsOf(held, inner)),
    deserialize: (bytes: Bytes) => readHeldBack(new Reader(bytes), inner),
  })
}

/** Bytes of an update as Kafka Streams counts them for a bound on bytes. */
export function sizeOf(key: Bytes, held: HeldBack, inner: Serde<unknown>): number {
  const [prior, old, next] = [held.prior, held.oldValue, held.newValue].map((value) => bytesOf(value, inner))
  let size = 8 + key.length + (prior?.length ?? 0) + (next?.length ?? 0)
  if (old !== undefined && (prior === undefined || !prior.equals(old))) size += old.length
  size += 8 + 8 + held.topic.length + 4
  for (const header of held.headers) size += header.key.length + (header.value?.length ?? 0)
  return size
}

function partsOf(held: HeldBack, inner: Serde<unknown>): Buffer[] {
  const prior = bytesOf(held.prior, inner)
  const old = bytesOf(held.oldValue, inner)
  const same = prior !== undefined && old !== undefined && prior.equals(old)
  return [
    ...contextOf(held),
    ...sized(prior),
    ...(same ? [int(SAME_AS_PRIOR)] : sized(old)),
    ...sized(bytesOf(held.newValue, inner)),
    long(held.turn),
  ]
}

function contextOf({ timestamp, offset, topic, partition, headers }: HeldBack): Buffer[] {
  return [
    long(timestamp),
    long(offset),
    ...sized(Buffer.from(topic)),
    int(partition),
    int(headers.length),
    ...headers.flatMap(({ key, value }) => [
      ...sized(Buffer.from(key)),
      ...sized(value === null ? undefined : asBuffer(value)),
    ]),
  ]
}

function readHeldBack(reader: Reader, inner: Serde<unknown>): HeldBack {
  const [timestamp, offset] = [reader.long(), reader.long()]
  const topic = reader.bytes()!.toString()
  const partition = reader.int()
  const headers = Array.from({ length: reader.int() }, () => {
    const key = reader.bytes()!.toString()
    return { key, value: reader.bytes() ?? null }
  })
  const prior = reader.bytes()
  const length = reader.int()
  const old = length === SAME_AS_PRIOR ? prior : reader.take(length)
  const next = reader.bytes()
  const read = (bytes: Buffer | undefined): unknown => (bytes === undefined ? null : inner.deserialize(bytes))
  const values = { prior: read(prior), oldValue: read(old), newValue: read(next) }
  return { turn: reader.long(), ...values, timestamp, headers, topic, partition, offset }
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  /** Its content outlives the call: the bytes are copied. */
  constructor(bytes: Bytes) {
    this.#bytes = Buffer.from(bytes)
  }

  int(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  long(): number {
    this.#at += 8
    return Number(this.#bytes.readBigInt64BE(this.#at - 8))
  }

  bytes(): Buffer | undefined {
    return this.take(this.int())
  }

  /** @param length NONE = nothing */
  take(length: number): Buffer | undefined {
    if (length === NONE) return undefined
    if (length < 0 || this.#at + length > this.#bytes.length)
      throw new RangeError(`a suppressed update is shorter than it says: ${length} bytes at ${this.#at}`)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}

function sized(bytes: Buffer | undefined): Buffer[] {
  return bytes === undefined ? [int(NONE)] : [int(bytes.length), bytes]
}

function int(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function long(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

function bytesOf(value: unknown, inner: Serde<unknown>): Buffer | undefined {
  return isAbsent(value) ? undefined : asBuffer(encodedBytes(inner.serialize(value)))
}

function asBuffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

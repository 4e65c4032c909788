/**
 * Records that an operator holds back for a while, as bytes: Kafka Streams' format for buffers, so that either may take over the
 * other's changelog. What a record came with (time, origin, headers) comes back with it.
 */
import type { Bytes, Header } from '../../core/record.ts'
import { FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'

/** The place of a held record: by time, then key, then order of arrival. */
export interface BufferedKey {
  readonly timestamp: number
  readonly key: unknown
  readonly sequence: number
}

/** A byte 0, time, key, sequence: the order of bytes is the order of times. */
export function bufferedKeySerde(key: Serde<unknown>): Serde<BufferedKey> {
  return Object.freeze({
    format: `time, ${key.format} and sequence`,
    serialize: ({ timestamp, key: own, sequence }: BufferedKey) =>
      Buffer.concat([Buffer.of(0), int64(timestamp), encodedBytes(key.serialize(own)), int32(sequence)]),
    deserialize: (bytes: Bytes) => {
      const view = viewOf(bytes)
      const end = bytes.length - 4
      return {
        timestamp: Number(view.getBigInt64(1)),
        key: key.deserialize(bytes.subarray(9, end)),
        sequence: view.getInt32(end),
      }
    },
  })
}

/** A record without its key, which is in its place: context, no prior and no old value, the value, and 0 for a buffer time. */
export function bufferedRecordSerde(value: Serde<unknown>): Serde<FlowRecord> {
  return Object.freeze({
    format: `held ${value.format}`,
    serialize: (record: FlowRecord) => {
      const bytes = encodedBytes(value.serialize(record.value))
      return Buffer.concat([...contextOf(record), NONE, NONE, int32(bytes.length), bytes, int64(0)])
    },
    deserialize: (bytes: Bytes) => new Reading(bytes).record(value),
  })
}

const NONE: Bytes = int32(-1)

function contextOf({ timestamp, offset, topic, partition, headers }: FlowRecord): Bytes[] {
  const parts = [
    int64(timestamp),
    int64(offset),
    ...sized(Buffer.from(topic)),
    int32(partition),
    int32(headers.length),
  ]
  for (const { key, value } of headers) parts.push(...sized(Buffer.from(key)), ...sized(value))
  return parts
}

function sized(bytes: Bytes | null): Bytes[] {
  return bytes === null ? [NONE] : [int32(bytes.length), bytes]
}

class Reading {
  readonly #bytes: Bytes
  readonly #view: DataView
  #at = 0

  constructor(bytes: Bytes) {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
  }

  record(serde: Serde<unknown>): FlowRecord {
    const [timestamp, offset] = [this.#long(), this.#long()]
    const topic = this.#text()
    const partition = this.#int()
    const headers = Array.from({ length: this.#int() }, (): Header => ({
      key: this.#text(),
      value: this.#sized(),
    }))
    // Prior and old value; only suppressed tables have them.
    this.#sized()
    this.#sized()
    const bytes = this.#sized()
    const value = bytes === null ? null : serde.deserialize(bytes)
    return new FlowRecord(null, value, timestamp, headers, topic, partition, offset, undefined, undefined)
  }

  #text(): string {
    return Buffer.from(this.#sized() ?? []).toString('utf8')
  }

  /** A copy: a storage may overwrite the bytes with its next read. */
  #sized(): Bytes | null {
    const size = this.#int()
    if (size < 0) return null
    const from = this.#at
    this.#at += size
    return Buffer.from(this.#bytes.subarray(from, this.#at))
  }

  #int(): number {
    this.#at += 4
    return this.#view.getInt32(this.#at - 4)
  }

  #long(): number {
    this.#at += 8
    return Number(this.#view.getBigInt64(this.#at - 8))
  }
}

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

function int32(value: number): Bytes {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: number): Bytes {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

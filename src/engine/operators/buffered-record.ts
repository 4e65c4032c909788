/**
 * Records that an operator holds back for a while, as bytes: Kafka Streams' format for buffers, so that either may take over the
 * other's changelog. What a record came with (time, origin, headers) comes back with it.
 */
import type { Bytes } from '../../core/record.ts'
import { FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'
import { heldBackSerde } from './suppress-value.ts'

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
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      const end = bytes.length - 4
      return {
        timestamp: Number(view.getBigInt64(1)),
        key: key.deserialize(bytes.subarray(9, end)),
        sequence: view.getInt32(end),
      }
    },
  })
}

/** A record without its key, which is in its place; it is held as a suppressed update that replaces nothing. */
export function bufferedRecordSerde(value: Serde<unknown>): Serde<FlowRecord> {
  const held = heldBackSerde(value)
  return Object.freeze({
    format: `held ${value.format}`,
    serialize: ({ value: newValue, timestamp, headers, topic, partition, offset }: FlowRecord) => {
      const came = { timestamp, headers, topic, partition, offset }
      return held.serialize({ turn: 0, prior: null, oldValue: null, newValue, ...came })
    },
    deserialize: (bytes: Bytes) => {
      const { newValue, timestamp, headers, topic, partition, offset } = held.deserialize(bytes)
      return new FlowRecord(
        null,
        newValue,
        timestamp,
        headers,
        topic,
        partition,
        offset,
        undefined,
        undefined,
      )
    },
  })
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

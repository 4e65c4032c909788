/**
 * Between what a store holds in memory and its two serialised forms: in the storage and in the changelog. A timestamped
 * value is stored as Kafka Streams does (8 bytes big-endian time, then the value) and logged plain, with its record's time.
 */
import type { Bytes } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'

/** A value and the event time of its last update, ms since 1970. Immutable: an update makes a new one. */
export interface Timestamped<V> {
  readonly value: V
  readonly timestamp: number
}

/** `H` is what is held: the value itself, or a `Timestamped`. */
export interface HeldCodec<H> {
  readonly format: string
  /** Bytes in front of the value in the storage; the changelog gets what follows them. */
  readonly prefix: 0 | 8
  stored(held: H): Bytes
  held(stored: Bytes): H
  /** Bytes a value takes, when that costs nothing to know; undefined otherwise. */
  sizeOf(held: H): number | undefined
}

export function plainCodec<V>(serde: Serde<V>): HeldCodec<V> {
  return {
    format: serde.format,
    prefix: 0,
    stored: (value) => encodedBytes(serde.serialize(value)),
    held: (stored) => ownValue(serde.deserialize(stored)),
    sizeOf,
  }
}

export function timestampedCodec<V>(serde: Serde<V>): HeldCodec<Timestamped<V>> {
  return {
    format: serde.format,
    prefix: 8,
    stored: ({ value, timestamp }) => withTimestamp(timestamp, serde.serialize(value)),
    held: (stored) => ({
      value: ownValue(serde.deserialize(stored.subarray(8))),
      timestamp: timestampOf(stored),
    }),
    sizeOf: ({ value }) => sizeOf(value),
  }
}

/** The stored form of a timestamped value. */
export function withTimestamp(timestamp: number, value: Bytes | string): Bytes {
  const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length
  const stored = Buffer.allocUnsafe(8 + length)
  const high = Math.floor(timestamp / 0x1_0000_0000)
  stored.writeInt32BE(high, 0)
  stored.writeUInt32BE(timestamp - high * 0x1_0000_0000, 4)
  if (typeof value === 'string') stored.write(value, 8, 'utf8')
  else stored.set(value, 8)
  return stored
}

/** The time in front of a stored timestamped value. */
export function timestampOf(stored: Bytes): number {
  const view = new DataView(stored.buffer, stored.byteOffset, 8)
  return view.getInt32(0) * 0x1_0000_0000 + view.getUint32(4)
}

/** A storage's bytes may be overwritten by its next read, so a serde that returns them as they are needs a copy. */
function ownValue<V>(value: V): V {
  return value instanceof Uint8Array ? (Buffer.from(value) as unknown as V) : value
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'string') return value.length
  if (typeof value === 'object' && value !== null)
    return value instanceof Uint8Array ? value.length : undefined
  return 8
}

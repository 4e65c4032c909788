/**
 * Keys of window and session stores. In the changelog they are Kafka Streams' own: `key | start:i64 | seq:i32` for windows,
 * `key | end:i64 | start:i64` for sessions. In the storage the segment of their time stands in front (i64), so that what
 * is past retention is one range and one key's windows in it are another. Bytes only; retention is not known here.
 */
import { latin1Of } from '../../core/ordered-map.ts'
import type { Bytes } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { StoredKeys } from './stored-keys.ts'

/**
 * One window of one key. `time` is what retention and order go by: a window's start, a session's end. `minor` orders
 * within it: a sequence number (0 without duplicates), or the session's start.
 */
export interface WindowKey<K> {
  readonly key: K
  readonly time: number
  readonly minor: number
  /** Its name among all windows, once somebody asked for it: a memo. */
  id?: string | undefined
}

/** Bytes of the segment in front of a stored key. */
export const SEGMENT_BYTES = 8
const TIME_BYTES = 8
const MINOR_BYTES = { window: 4, session: 8 } as const

export class WindowKeys<K> implements StoredKeys<WindowKey<K>> {
  readonly prefix: number = SEGMENT_BYTES
  readonly serde: Serde<WindowKey<K>>
  readonly id?: (key: WindowKey<K>) => string
  readonly askedOnce: boolean
  readonly #keys: Serde<K>
  readonly #minorBytes: number
  readonly #segmentMs: number
  readonly #text: boolean
  #last: WindowKey<K> | undefined

  /** @param duplicates each key has a number of its own */
  constructor(keys: Serde<K>, kind: 'window' | 'session', segmentMs: number, duplicates: boolean) {
    this.askedOnce = duplicates
    this.#keys = keys
    this.#minorBytes = MINOR_BYTES[kind]
    this.#segmentMs = segmentMs
    this.#text = keys.format === 'string'
    if (this.#text) this.id = textId
    this.serde = {
      format: keys.format,
      serialize: (key) => this.stored(key.key, key.time, key.minor),
      deserialize: (stored) => this.#read(stored),
    }
  }

  /** The key of a window. A read and the update after it get the same one, which is named only once. */
  of(key: K, time: number, minor: number): WindowKey<K> {
    const last = this.#last
    if (last !== undefined && last.key === key && last.time === time && last.minor === minor) return last
    const made = { key: this.wellFormed(key), time, minor, id: undefined }
    if (this.#text) this.#last = made
    return made
  }

  segmentOf(time: number): number {
    return Math.floor(time / this.#segmentMs)
  }

  /** The first time of a segment. */
  segmentBegin(segment: number): number {
    return segment * this.#segmentMs
  }

  /** The key as it will be read back: text with lone surrogates is written as U+FFFD. */
  wellFormed(key: K): K {
    if (!this.#text || typeof key !== 'string' || key.isWellFormed()) return key
    return key.toWellFormed() as K
  }

  /** Names the key of a window, whatever its time. */
  baseId(key: K): string {
    return this.#text ? (key as string) : latin1Of(encodedBytes(this.#keys.serialize(key)))
  }

  baseBytes(key: K): Bytes {
    return encodedBytes(this.#keys.serialize(key))
  }

  stored(key: K, time: number, minor: number): Bytes {
    const encoded = this.#keys.serialize(key)
    const length = typeof encoded === 'string' ? Buffer.byteLength(encoded) : encoded.length
    const stored = Buffer.allocUnsafe(SEGMENT_BYTES + length + TIME_BYTES + this.#minorBytes)
    writeLong(stored, this.segmentOf(time), 0)
    if (typeof encoded === 'string') stored.write(encoded, SEGMENT_BYTES)
    else stored.set(encoded, SEGMENT_BYTES)
    this.#writeTimes(stored, time, minor)
    return stored
  }

  /** The first or last key that windows of these key bytes in a segment can have, at this time. */
  bound(segment: number, key: Bytes, time: number, last: boolean): Bytes {
    const bound = Buffer.allocUnsafe(SEGMENT_BYTES + key.length + TIME_BYTES + this.#minorBytes)
    writeLong(bound, segment, 0)
    bound.set(key, SEGMENT_BYTES)
    writeLong(bound, time, SEGMENT_BYTES + key.length)
    bound.fill(last ? 0xff : 0, SEGMENT_BYTES + key.length + TIME_BYTES)
    return bound
  }

  /** The stored form of a key of the changelog; undefined when it is too short to be one. */
  restored(logged: Bytes): Bytes | undefined {
    const at = logged.length - TIME_BYTES - this.#minorBytes
    if (at < 0) return undefined
    const stored = Buffer.allocUnsafe(SEGMENT_BYTES + logged.length)
    writeLong(stored, this.segmentOf(readLong(logged, at)), 0)
    stored.set(logged, SEGMENT_BYTES)
    return stored
  }

  timeOf(stored: Bytes): number {
    return readLong(stored, stored.length - this.#minorBytes - TIME_BYTES)
  }

  minorOf(stored: Bytes): number {
    const at = stored.length - this.#minorBytes
    return this.#minorBytes === 8 ? readLong(stored, at) : readInt(stored, at)
  }

  /** Length of a stored key with so many bytes of key. */
  lengthOf(keyBytes: number): number {
    return SEGMENT_BYTES + keyBytes + TIME_BYTES + this.#minorBytes
  }

  #read(stored: Bytes): WindowKey<K> {
    const end = stored.length - this.#minorBytes - TIME_BYTES
    const key = this.#keys.deserialize(stored.subarray(SEGMENT_BYTES, end))
    const own = key instanceof Uint8Array ? (Buffer.from(key) as unknown as K) : key
    return { key: own, time: readLong(stored, end), minor: this.minorOf(stored) }
  }

  #writeTimes(stored: Buffer, time: number, minor: number): void {
    const at = stored.length - this.#minorBytes
    writeLong(stored, time, at - TIME_BYTES)
    if (this.#minorBytes === 8) writeLong(stored, minor, at)
    else stored.writeInt32BE(minor, at)
  }
}

function textId(window: WindowKey<unknown>): string {
  if (window.id !== undefined) return window.id
  const { key, time, minor } = window
  const id = minor === 0 ? `${time}|${key as string}` : `${time}.${minor}|${key as string}`
  window.id = id
  return id
}

/** Where the entries of a segment begin. */
export function segmentStart(segment: number): Bytes {
  const start = Buffer.allocUnsafe(SEGMENT_BYTES)
  writeLong(start, segment, 0)
  return start
}

export function writeLong(into: Buffer, value: number, at: number): void {
  into.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
  into.writeUInt32BE(value >>> 0, at + 4)
}

export function readLong(from: Bytes, at: number): number {
  return readInt(from, at) * 0x1_0000_0000 + (readInt(from, at + 4) >>> 0)
}

function readInt(from: Bytes, at: number): number {
  return (from[at]! << 24) | (from[at + 1]! << 16) | (from[at + 2]! << 8) | from[at + 3]!
}

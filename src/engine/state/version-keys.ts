/**
 * How the versions of a versioned store lie in its storage: the latest value of each key under `0 | key`, and what came before
 * by segment of the time until which it was true, `1 | segment:i64 | key | time:i64 | kind`, so that history expires as a range.
 * Bytes only.
 */
import type { Bytes } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { HeldCodec } from './codec.ts'
import type { StoredKeys } from './stored-keys.ts'
import { readLong, writeLong } from './window-keys.ts'

/**
 * `latest`: the value that is true now. `past`: a value that was true until `time`. `deleted`: a deletion at `time`, kept
 * since an older value that comes late was true until then only.
 */
export interface VersionKey<K> {
  readonly kind: 'latest' | 'past' | 'deleted'
  readonly key: K
  /** 0 for the latest. */
  readonly time: number
}

/** A value and since when; `value` is undefined for a deletion. */
export interface Version<V> {
  readonly value: V | undefined
  readonly validFrom: number
  /** The stored form, while it is at hand. */
  readonly stored?: Bytes
}

const LATEST = 0
const PAST = 1
const HEAD_BYTES = 9
const TAIL_BYTES = 9
const KIND_BYTE = { past: 0, deleted: 1 } as const
/** Time, and whether there is a value. */
const STORED_HEAD = 9

export class VersionKeys<K> implements StoredKeys<VersionKey<K>> {
  readonly prefix: number = 1
  readonly serde: Serde<VersionKey<K>>
  readonly id?: (key: VersionKey<K>) => string
  readonly #keys: Serde<K>
  readonly #text: boolean
  readonly #segmentMs: number

  constructor(keys: Serde<K>, retentionMs: number) {
    this.#keys = keys
    this.#segmentMs = segmentMs(retentionMs)
    this.#text = keys.format === 'string'
    if (this.#text) this.id = textId
    this.serde = {
      format: keys.format,
      serialize: (key) => this.#stored(key),
      deserialize: (stored) => this.#read(stored),
    }
  }

  segmentOf(time: number): number {
    return Math.floor(time / this.#segmentMs)
  }

  /** The key as it will be read back: text with lone surrogates is written as U+FFFD. */
  wellFormed(key: K): K {
    if (!this.#text || typeof key !== 'string' || key.isWellFormed()) return key
    return key.toWellFormed() as K
  }

  /** The key of a changelog record. */
  logged(key: Bytes): K {
    return this.wellFormed(this.#keys.deserialize(key))
  }

  isSame(a: K, b: K): boolean {
    if (this.#text) return a === b
    return Buffer.compare(encodedBytes(this.#keys.serialize(a)), encodedBytes(this.#keys.serialize(b))) === 0
  }

  /** Where the latest values of keys from this one on begin, or where they all end. */
  latestBound(key: K | undefined, last: boolean): Bytes {
    if (key === undefined) return Buffer.of(last ? PAST : LATEST)
    return this.#stored({ kind: 'latest', key, time: 0 })
  }

  /** Bounds of what one segment has of a key from a time on, both inclusive. Longer keys may lie in between. */
  pastBounds(segment: number, key: K, from: number): readonly [Bytes, Bytes] {
    const base = encodedBytes(this.#keys.serialize(key))
    const low = this.#past(segment, base, from, 0)
    const high = this.#past(segment, base, 0, 0xff)
    high.fill(0xff, HEAD_BYTES + base.length)
    return [low, high]
  }

  /** Bounds of the past in segments before this one. */
  expiredBounds(segment: number): readonly [Bytes, Bytes] {
    return [Buffer.of(PAST), this.#past(segment, new Uint8Array(0), 0, 0).subarray(0, HEAD_BYTES)]
  }

  #stored({ kind, key, time }: VersionKey<K>): Bytes {
    const base = encodedBytes(this.#keys.serialize(key))
    if (kind !== 'latest') return this.#past(this.segmentOf(time), base, time, KIND_BYTE[kind])
    const stored = Buffer.allocUnsafe(1 + base.length)
    stored[0] = LATEST
    stored.set(base, 1)
    return stored
  }

  #past(segment: number, base: Bytes, time: number, kind: number): Buffer {
    const stored = Buffer.allocUnsafe(HEAD_BYTES + base.length + TAIL_BYTES)
    stored[0] = PAST
    writeLong(stored, segment, 1)
    stored.set(base, HEAD_BYTES)
    writeLong(stored, time, HEAD_BYTES + base.length)
    stored[stored.length - 1] = kind
    return stored
  }

  #read(stored: Bytes): VersionKey<K> {
    const isLatest = stored[0] === LATEST
    const end = stored.length - TAIL_BYTES
    const base = isLatest ? stored.subarray(1) : stored.subarray(HEAD_BYTES, end)
    const read = this.#keys.deserialize(base)
    const key = read instanceof Uint8Array ? (Buffer.from(read) as unknown as K) : read
    if (isLatest) return { kind: 'latest', key, time: 0 }
    const kind = stored[stored.length - 1] === KIND_BYTE.deleted ? 'deleted' : 'past'
    return { kind, key, time: readLong(stored, end) }
  }
}

function textId({ kind, key, time }: VersionKey<unknown>): string {
  return kind === 'latest' ? `|${key as string}` : `${kind} ${time}|${key as string}`
}

/** As Kafka Streams chooses it: history leaves the store in such steps. */
function segmentMs(retentionMs: number): number {
  if (retentionMs <= 60_000) return Math.max(Math.floor(retentionMs / 3), 2_000)
  if (retentionMs <= 300_000) return Math.max(Math.floor(retentionMs / 5), 20_000)
  if (retentionMs <= 3_600_000) return Math.max(Math.floor(retentionMs / 12), 60_000)
  return Math.max(Math.floor(retentionMs / 24), 300_000)
}

export function versionCodec<V>(serde: Serde<V>): HeldCodec<Version<V>> {
  return {
    format: serde.format,
    prefix: 0,
    stored: ({ value, validFrom, stored }) =>
      stored ?? storedVersion(value === undefined ? null : encodedBytes(serde.serialize(value)), validFrom),
    held: (stored) => ({ value: valueOf(serde, stored), validFrom: readLong(stored, 0) }),
    sizeOf: ({ stored }) => stored?.length,
  }
}

/** What the changelog gets of a stored version. */
export function loggedVersion(stored: Bytes): Bytes | null {
  return stored[STORED_HEAD - 1] === 1 ? stored.subarray(STORED_HEAD) : null
}

/** The stored form of a changelog record. */
export function storedVersion(value: Bytes | null, validFrom: number): Bytes {
  const stored = Buffer.allocUnsafe(STORED_HEAD + (value?.length ?? 0))
  writeLong(stored, validFrom, 0)
  stored[STORED_HEAD - 1] = value === null ? 0 : 1
  if (value !== null) stored.set(value, STORED_HEAD)
  return stored
}

function valueOf<V>(serde: Serde<V>, stored: Bytes): V | undefined {
  const logged = loggedVersion(stored)
  if (logged === null) return undefined
  const value = serde.deserialize(logged)
  return value instanceof Uint8Array ? (Buffer.from(value) as unknown as V) : value
}

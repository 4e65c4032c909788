/** Keys and values of one store to bytes and back, with errors that name the store, the side and the record that wrote. */
import type { Bytes, FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { HeldCodec } from './codec.ts'
import { deepFreeze } from './freeze.ts'
import type { EntryReader } from './overlay.ts'

export class StoreSerializer<K, H> implements EntryReader<K, H> {
  readonly #store: string
  readonly #node: string
  readonly #keys: Serde<K>
  readonly #codec: HeldCodec<H>
  readonly #freeze: boolean
  /** Moving average of serialised values: the estimate for objects. */
  #averageBytes = 100

  constructor(store: string, node: string, keys: Serde<K>, codec: HeldCodec<H>, freeze: boolean) {
    this.#store = store
    this.#node = node
    this.#keys = keys
    this.#codec = codec
    this.#freeze = freeze
  }

  /** @throws SLUICE_SERIALIZE */
  keyBytes(key: K, writer: FlowRecord | undefined): Bytes {
    try {
      return encodedBytes(this.#keys.serialize(key))
    } catch (error) {
      throw this.#writeError('key', this.#keys.format, error, writer)
    }
  }

  /** @throws SLUICE_SERIALIZE */
  stored(held: H, writer: FlowRecord | undefined): Bytes {
    try {
      const stored = this.#codec.stored(held)
      this.#averageBytes += (stored.length - this.#averageBytes) / 64
      return stored
    } catch (error) {
      throw this.#writeError('value', this.#codec.format, error, writer)
    }
  }

  /** What the changelog gets of a stored value. */
  logged(stored: Bytes): Bytes {
    return this.#codec.prefix === 0 ? stored : stored.subarray(this.#codec.prefix)
  }

  /** @throws SLUICE_STORE_READ */
  key(bytes: Bytes): K {
    try {
      return this.#keys.deserialize(bytes)
    } catch (error) {
      throw this.#readError('key', this.#keys.format, error)
    }
  }

  /** @throws SLUICE_STORE_READ */
  held(stored: Bytes): H {
    try {
      this.#averageBytes += (stored.length - this.#averageBytes) / 64
      return this.own(this.#codec.held(stored))
    } catch (error) {
      throw this.#readError('value', this.#codec.format, error)
    }
  }

  /** A value that enters the store. */
  own(held: H): H {
    return this.#freeze ? deepFreeze(held) : held
  }

  estimate(held: H): number {
    return this.#codec.sizeOf(held) ?? this.#averageBytes
  }

  #writeError(side: string, format: string, error: unknown, writer: FlowRecord | undefined): Error {
    const place =
      writer === undefined ? '' : ` (written by ${writer.topic}-${writer.partition} offset ${writer.offset})`
    const details = {
      node: this.#node,
      side,
      topic: `store "${this.#store}"`,
      format,
      problem: problemOf(error) + place,
      recordTopic: writer?.topic,
      recordPartition: writer?.partition,
      recordOffset: writer?.offset,
    }
    return sluiceError('SLUICE_SERIALIZE', details, error)
  }

  #readError(side: string, format: string, error: unknown): Error {
    return sluiceError(
      'SLUICE_STORE_READ',
      { store: this.#store, side, format, problem: problemOf(error) },
      error,
    )
  }
}

/** A changelog record that its topic does not take, with the record that wrote the value: it becomes the dead letter. */
export function writtenBy(error: unknown, store: string, writer: FlowRecord | undefined): unknown {
  if (!isSluiceError(error, 'SLUICE_RECORD_TOO_LARGE', 'SLUICE_RECORD_REFUSED')) return error
  const details = {
    ...error.details,
    node: `store ${store}`,
    recordTopic: writer?.topic,
    recordPartition: writer?.partition,
    recordOffset: writer?.offset,
  }
  return sluiceError(error.code, details, error)
}

/** How the keys of a store lie in its storage and what names them in its cache. Text keys name themselves: nothing is serialised. */
import { latin1Of } from '../../core/ordered-map.ts'
import type { Bytes, FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { StateSpec } from './spec.ts'

/** For stores whose keys are more than the bytes of their serde (windows, versions). */
export interface StoredKeys<K> {
  readonly serde: Serde<K>
  /** A text that names a key without serialising it, always well formed; absent: its bytes do. */
  readonly id?: (key: K) => string
  /** Leading bytes of a stored key that the changelog does not get. */
  readonly prefix: number
  /** No key is asked for by itself once it was committed: it need not be kept in the cache. Default false. */
  readonly askedOnce?: boolean
}

interface KeyWriter<K> {
  keyBytes(key: K, writer: FlowRecord | undefined): Bytes
}

export class KeyIds<K> {
  readonly #id: ((key: K) => string) | undefined
  readonly #prefix: number
  readonly askedOnce: boolean
  readonly #writer: KeyWriter<K>
  readonly #current: (() => FlowRecord | undefined) | undefined

  constructor(
    spec: StateSpec,
    keys: StoredKeys<K> | undefined,
    writer: KeyWriter<K>,
    current: (() => FlowRecord | undefined) | undefined,
  ) {
    const text = keys === undefined && spec.key.format === 'string'
    this.#id = text ? (key) => key as string : keys?.id
    this.#prefix = keys?.prefix ?? 0
    this.askedOnce = keys?.askedOnce ?? false
    this.#writer = writer
    this.#current = current
  }

  /** @throws SLUICE_SERIALIZE */
  id(key: K, keyBytes: Bytes | null | undefined): string {
    return this.#id === undefined ? latin1Of(keyBytes ?? this.bytes(key)) : this.#id(key)
  }

  /** @throws SLUICE_SERIALIZE */
  bytes(key: K): Bytes {
    return this.#writer.keyBytes(key, this.#current?.())
  }

  /** The stored bytes of the key with that id. @throws SLUICE_SERIALIZE */
  bytesOf(id: string, key: K, record?: FlowRecord): Bytes {
    if (this.#id === undefined) return Buffer.from(id, 'latin1')
    return this.#writer.keyBytes(key, record ?? this.#current?.())
  }

  /** What the changelog gets of stored key bytes. */
  logged(stored: Bytes): Bytes {
    return this.#prefix === 0 ? stored : stored.subarray(this.#prefix)
  }
}

/**
 * The updates a suppressing table holds back: one per key, in the order of their turns, then of their key bytes. Kept in the
 * node's store; only the order is in memory. A later update of a key takes the place, and the turn, of the one there.
 */
import { latin1Of, OrderedMap } from '../../core/ordered-map.ts'
import type { FlowRecord } from '../../core/record.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { Serde } from '../../core/serde.ts'
import type { KeyValueStore } from '../state/key-value.ts'
import { sizeOf } from './suppress-value.ts'
import type { HeldBack } from './suppress-value.ts'

export interface SuppressBufferParts {
  readonly store: KeyValueStore<unknown, HeldBack>
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** Whether bytes are counted: it costs serialising each update. */
  readonly measured: boolean
}

/** Where a key stands in the order. */
interface Turn {
  readonly key: unknown
  readonly turn: number
}

export class SuppressBuffer {
  readonly #parts: SuppressBufferParts
  readonly #order = new OrderedMap<Turn>()
  #bytes = 0

  constructor(parts: SuppressBufferParts) {
    this.#parts = parts
    for (const [key, held] of parts.store.all()) {
      this.#order.set(this.#placeOf(key, held.turn), { key, turn: held.turn })
      this.#bytes += this.#sizeOf(key, held)
    }
  }

  get count(): number {
    return this.#order.size
  }

  /** As Kafka Streams counts them; 0 unless measured. */
  get bytes(): number {
    return this.#bytes
  }

  get(key: unknown): HeldBack | undefined {
    return this.#parts.store.get(key)
  }

  /** @param there what `get` gave for the key */
  put(key: unknown, there: HeldBack | undefined, held: HeldBack, record: FlowRecord): void {
    if (there === undefined) this.#order.set(this.#placeOf(key, held.turn), { key, turn: held.turn })
    else this.#bytes -= this.#sizeOf(key, there)
    this.#bytes += this.#sizeOf(key, held)
    this.#parts.store.put(key, held, record)
  }

  /** The update whose turn is first, with turn <= bound. */
  first(bound: number): Turn | undefined {
    const first = this.#order.first()
    return first === undefined || first[1].turn > bound ? undefined : first[1]
  }

  /** Takes an update out; undefined when its value could not be kept. @param record what causes it */
  take({ key, turn }: Turn, record: FlowRecord | undefined): HeldBack | undefined {
    const held = this.#parts.store.get(key)
    this.#order.delete(this.#placeOf(key, turn))
    if (held === undefined) return undefined
    this.#bytes -= this.#sizeOf(key, held)
    this.#parts.store.delete(key, record)
    return held
  }

  /** Text that sorts by turn, then by key bytes. Turns are not negative. */
  #placeOf(key: unknown, turn: number): string {
    const time = Buffer.allocUnsafe(8)
    time.writeBigInt64BE(BigInt(turn))
    return latin1Of(time) + latin1Of(encodedBytes(this.#parts.key.serialize(key)))
  }

  #sizeOf(key: unknown, held: HeldBack): number {
    const { measured, key: keys, value } = this.#parts
    return measured ? sizeOf(encodedBytes(keys.serialize(key)), held, value) : 0
  }
}

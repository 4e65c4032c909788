/**
 * Records of a left or outer join of streams that have found no partner yet, of both sides, in the order of their times. They
 * are emitted alone once their window has closed, and forgotten when a partner comes before. Bytes as in Kafka Streams.
 */
import type { KeptNumber } from '../../core/processor.ts'
import type { Bytes, FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { KeyValueStore } from '../state/key-value.ts'

/** How far from its own time a record of the left side finds partners, and how long it waits for late ones; ms. */
export interface JoinWindow {
  readonly beforeMs: number
  readonly afterMs: number
  readonly graceMs: number
}

export interface UnmatchedKey {
  readonly timestamp: number
  readonly left: boolean
  readonly key: unknown
}

export interface UnmatchedValue {
  readonly left: boolean
  readonly value: unknown
}

export type UnmatchedStore = KeyValueStore<UnmatchedKey, readonly UnmatchedValue[]>

/** Hands out one whose window has closed, with the record that moved time on. */
export type EmitUnmatched = (cause: FlowRecord, key: UnmatchedKey, value: UnmatchedValue) => void

/** What both sides of one join share in one task. */
export class Unmatched {
  readonly #store: UnmatchedStore
  readonly #window: JoinWindow
  readonly #time: KeptNumber
  readonly #wallClock: () => number
  readonly #intervalMs: number
  /** Nothing older waits, as far as the last look saw; undefined: not looked yet. */
  #oldest: number | undefined
  #nextLook = 0

  /** @param time the highest event time either side has seen */
  constructor(
    store: UnmatchedStore,
    window: JoinWindow,
    time: KeptNumber,
    wallClock: () => number,
    intervalMs: number,
  ) {
    this.#store = store
    this.#window = window
    this.#time = time
    this.#wallClock = wallClock
    this.#intervalMs = intervalMs
  }

  get streamTime(): number {
    return this.#time.value
  }

  advance(timestamp: number): void {
    if (timestamp > this.#time.value) this.#time.value = timestamp
  }

  add(record: FlowRecord, left: boolean): void {
    const { key, value, timestamp } = record
    const at: UnmatchedKey = { timestamp, left, key }
    this.#oldest = Math.min(timestamp, this.#first())
    this.#store.put(at, [...(this.#store.get(at) ?? []), { left, value }], record)
  }

  /** A partner came: all records of that side, time and key have one now. */
  remove(key: UnmatchedKey, cause: FlowRecord): void {
    if (this.#store.get(key) !== undefined) this.#store.delete(key, cause)
  }

  /**
   * Emits what has waited long enough, oldest first. Only where there may be any, and not more often than the interval says.
   * @param left the side of `cause`
   */
  emitClosed(cause: FlowRecord, left: boolean, emit: EmitUnmatched): void {
    if (!this.#mayBeDue(left)) return
    const now = this.#wallClock()
    if (now < this.#nextLook) return
    this.#nextLook = now + this.#intervalMs
    this.#oldest = Number.POSITIVE_INFINITY
    let leftOpen = false
    let rightOpen = false
    for (const [key, values] of this.#store.all()) {
      this.#oldest = key.timestamp
      if (leftOpen && rightOpen) break
      if (this.#isOpen(key.timestamp, key.left)) {
        // Windows of the other side may be shorter: its records behind this one may be due.
        if (key.left) leftOpen = true
        else rightOpen = true
        continue
      }
      this.#emitAll(cause, key, values, emit)
    }
  }

  /** One whose emission throws is gone, or it would fail at every look; those behind it stay. */
  #emitAll(
    cause: FlowRecord,
    key: UnmatchedKey,
    values: readonly UnmatchedValue[],
    emit: EmitUnmatched,
  ): void {
    this.#store.delete(key, cause)
    for (const [at, value] of values.entries()) {
      try {
        emit(cause, key, value)
      } catch (error) {
        if (at + 1 < values.length) this.#store.put(key, values.slice(at + 1), cause)
        throw error
      }
    }
  }

  #isOpen(timestamp: number, left: boolean): boolean {
    const { beforeMs, afterMs, graceMs } = this.#window
    return timestamp + (left ? afterMs : beforeMs) + graceMs >= this.#time.value
  }

  /** With nothing known to wait a look is due all the same: it starts the interval, as in Kafka Streams. */
  #mayBeDue(left: boolean): boolean {
    const oldest = this.#first()
    if (oldest !== Number.POSITIVE_INFINITY) return !this.#isOpen(oldest, left)
    const { beforeMs, afterMs, graceMs } = this.#window
    return (left ? afterMs : beforeMs) + graceMs > 0
  }

  /** After a restart there may be records from before. */
  #first(): number {
    if (this.#oldest === undefined) {
      const [first] = this.#store.all()
      this.#oldest = first === undefined ? Number.POSITIVE_INFINITY : first[0].timestamp
    }
    return this.#oldest
  }
}

const LEFT = 1
const RIGHT = 0

/** Time, side (1 = left), key: unsigned byte order is the order of times. */
export function unmatchedKeySerde(key: Serde<unknown>): Serde<UnmatchedKey> {
  return Object.freeze({
    format: `time, side and ${key.format}`,
    serialize: ({ timestamp, left, key: own }: UnmatchedKey) => {
      const head = Buffer.allocUnsafe(9)
      head.writeBigInt64BE(BigInt(timestamp))
      head[8] = left ? LEFT : RIGHT
      return Buffer.concat([head, encodedBytes(key.serialize(own))])
    },
    deserialize: (bytes: Bytes) => {
      if (bytes.length < 9) throw new TypeError('an unmatched record has no time and side')
      const timestamp = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0))
      return { timestamp, left: bytes[8] === LEFT, key: key.deserialize(bytes.subarray(9)) }
    },
  })
}

/** A list whose items say how long they are. */
const VARIABLE_SIZE = 1

/** Java's list of values, each with its side in front. */
export function unmatchedValuesSerde(
  left: Serde<unknown>,
  right: Serde<unknown>,
): Serde<readonly UnmatchedValue[]> {
  return Object.freeze({
    format: `list of ${left.format} or ${right.format}`,
    serialize: (values: readonly UnmatchedValue[]) => {
      const parts: Bytes[] = [Buffer.of(VARIABLE_SIZE), int32(values.length)]
      for (const { left: ofLeft, value } of values) {
        const bytes = encodedBytes((ofLeft ? left : right).serialize(value))
        parts.push(int32(bytes.length + 1), Buffer.of(ofLeft ? LEFT : RIGHT), bytes)
      }
      return Buffer.concat(parts)
    },
    deserialize: (bytes: Bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      if (bytes[0] !== VARIABLE_SIZE) throw new TypeError(`unknown form of list ${bytes[0]}`)
      const values: UnmatchedValue[] = []
      for (let at = 5; values.length < view.getInt32(1);) {
        const end = at + 4 + view.getInt32(at)
        const ofLeft = view.getUint8(at + 4) === LEFT
        if (end > bytes.length) throw new RangeError('a list is cut off')
        // A copy: the bytes may be overwritten by the next read of the storage.
        const own = Buffer.from(bytes.subarray(at + 5, end))
        values.push({ left: ofLeft, value: (ofLeft ? left : right).deserialize(own) })
        at = end
      }
      return values
    },
  })
}

function int32(value: number): Bytes {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

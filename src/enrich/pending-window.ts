/**
 * How many records a task takes before it waits for outcomes: a fixed number, or one that grows with how much longer the
 * slowest calls take than the mean, because so many records wait behind such a call for their order; and never more than a
 * number of bytes. Bytes are those of the record as it was read; where they are not known, every sixteenth record is measured.
 */
import type { FlowRecord } from '../core/record.ts'
import type { Meter } from './meter.ts'
import { roughBytes } from './rough-bytes.ts'
import type { Slots } from './slots.ts'

export interface WindowPolicy {
  /** Fixed; undefined: sized by measured latency. */
  readonly records: number | undefined
  /** For each slot: where it starts, and the most it grows to. */
  readonly perSlot: number
  readonly bytes: number
}

/** A window grows to so many times where it started. */
const MOST = 8
/** A record whose bytes are not known is measured so often. */
const MEASURE_EVERY = 16
/** What a record takes beside key and value. */
const OVERHEAD = 64

export class PendingWindow {
  readonly #policy: WindowPolicy
  readonly #slots: Slots
  #perSlot: number
  #records = 0
  #bytes = 0
  #unknown = 0
  #typical = 0
  /** It held records back while slots were free. */
  #tight = false

  constructor(policy: WindowPolicy, slots: Slots) {
    this.#policy = policy
    this.#slots = slots
    this.#perSlot = policy.perSlot
  }

  get records(): number {
    return this.#records
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Most records. */
  get size(): number {
    return this.#policy.records ?? Math.ceil(this.#perSlot * this.#slots.limit)
  }

  get fullBytes(): boolean {
    return this.#bytes >= this.#policy.bytes
  }

  get fullRecords(): boolean {
    return this.#records >= this.size
  }

  get full(): boolean {
    if (this.#records < this.size && this.#bytes < this.#policy.bytes) return false
    if (this.#slots.running < this.#slots.limit) this.#tight = true
    return true
  }

  /** @returns its bytes, to be given back when it leaves */
  enter(record: FlowRecord): number {
    const bytes = this.#bytesOf(record)
    this.#records++
    this.#bytes += bytes
    return bytes
  }

  leave(bytes: number): void {
    this.#records--
    this.#bytes -= bytes
  }

  clear(): void {
    this.#records = 0
    this.#bytes = 0
  }

  /** Fits it to what calls took lately. */
  fit(meters: readonly Meter[]): void {
    if (this.#policy.records !== undefined) return
    const { perSlot } = this.#policy
    if (this.#tight) {
      let needed = perSlot
      for (const { mean, slowest } of meters) if (mean > 0) needed = Math.max(needed, 1 + slowest / mean)
      this.#perSlot = Math.max(this.#perSlot, Math.min(MOST * perSlot, needed))
    } else {
      this.#perSlot = Math.max(perSlot, this.#perSlot * 0.98)
    }
    this.#tight = false
  }

  #bytesOf({ key, value, keyBytes, valueBytes }: FlowRecord): number {
    if (valueBytes !== undefined) return OVERHEAD + (valueBytes?.length ?? 0) + (keyBytes?.length ?? 0)
    if (this.#unknown++ % MEASURE_EVERY === 0) this.#typical = OVERHEAD + roughBytes(value) + roughBytes(key)
    return this.#typical
  }
}

/**
 * In which order calls begin and outcomes leave. `key`: calls begin at once, outcomes of a key leave in admission order;
 * `key-serial`: a call begins when the one before it of the same key has left; `partition`: one lane for all records;
 * `none`: no lanes. A record waits only for records of its own lane.
 */
import { Lane } from './entry.ts'
import type { Entry } from './entry.ts'

export type OrderMode = 'key' | 'key-serial' | 'partition' | 'none'

export const ORDER_MODES = ['key', 'key-serial', 'partition', 'none'] as const

export class Order {
  readonly #mode: OrderMode
  readonly #begin: (entry: Entry) => void
  readonly #settle: (entry: Entry) => void
  readonly #lanes = new Map<string, Lane>()
  /** A lane of so many records is crowded. */
  readonly #mostPerLane: number
  #crowded = 0
  #held = 0

  /**
   * @param begin starts a record's calls; it may decide the record at once
   * @param settle hands a decided record on; it is its turn
   */
  constructor(
    mode: OrderMode,
    mostPerLane: number,
    begin: (entry: Entry) => void,
    settle: (entry: Entry) => void,
  ) {
    this.#mode = mode
    this.#mostPerLane = mostPerLane
    this.#begin = begin
    this.#settle = settle
  }

  /** Decided records that wait for their turn. */
  get held(): number {
    return this.#held
  }

  /** Lanes that hold as many records as a lane may. */
  get crowded(): number {
    return this.#crowded
  }

  /** Records whose calls wait for their predecessors of the same key. */
  get waiting(): number {
    let waiting = 0
    if (this.#mode === 'key-serial') for (const lane of this.#lanes.values()) waiting += lane.length - 1
    return waiting
  }

  /** Lanes with records in them. */
  get lanes(): number {
    return this.#lanes.size
  }

  enter(entry: Entry): void {
    const name = this.#laneOf(entry)
    const lane = name === null ? undefined : this.#lanes.get(name)
    if (name === null || lane === undefined) {
      this.#begin(entry)
      // Decided at once: it has left already, and no lane was needed.
      if (name !== null && entry.state === 'asking') this.#open(name, entry)
      return
    }
    entry.lane = lane
    if (lane.tail === undefined) lane.head = entry
    else lane.tail.next = entry
    lane.tail = entry
    lane.length++
    if (lane.length === this.#mostPerLane) this.#crowded++
    if (this.#mode === 'key-serial') this.#drain(lane)
    else this.#begin(entry)
  }

  /** The outcome of a record is known; it and those behind it leave as far as their turn has come. */
  decided(entry: Entry): void {
    if (entry.lane === undefined) {
      this.#settle(entry)
      return
    }
    this.#held++
    this.#drain(entry.lane)
  }

  clear(): void {
    for (const lane of this.#lanes.values()) lane.head = undefined
    this.#lanes.clear()
    this.#crowded = 0
    this.#held = 0
  }

  #laneOf(entry: Entry): string | null {
    if (this.#mode === 'none') return null
    return this.#mode === 'partition' ? '' : entry.ticket.orderKey
  }

  #open(name: string, entry: Entry): void {
    entry.lane = new Lane(name, entry)
    if (this.#mostPerLane === 1) this.#crowded++
    this.#lanes.set(name, entry.lane)
  }

  /** A loop, not a recursion: a thousand records behind a slow one may leave in one go. */
  #drain(lane: Lane): void {
    if (lane.draining) return
    lane.draining = true
    while (lane.head !== undefined) {
      const first = lane.head
      if (first.state === 'waiting') this.#begin(first)
      if (first.state !== 'decided' || lane.head !== first) break
      lane.head = first.next
      if (lane.head === undefined) lane.tail = undefined
      if (lane.length === this.#mostPerLane) this.#crowded--
      lane.length--
      this.#held--
      this.#settle(first)
    }
    lane.draining = false
    if (lane.head === undefined) this.#lanes.delete(lane.name)
  }
}

/**
 * Many timeouts over one port timer. Calls start and end 100,000 times a second and hardly any of them times out, so an
 * alarm costs a heap entry, not a timer; no port timer is left when no alarm is set.
 */
import type { Clock, Timer } from '../core/clock.ts'

export interface Alarm {
  /** Idempotent; after it the alarm never rings. */
  cancel(): void
}

/** Dead entries tolerated on top of the live ones before the heap is rebuilt. */
const SLACK = 64

class Entry implements Alarm {
  readonly due: number
  readonly order: number
  readonly #owner: Alarms
  ring: (() => void) | undefined

  constructor(due: number, order: number, ring: () => void, owner: Alarms) {
    this.due = due
    this.order = order
    this.ring = ring
    this.#owner = owner
  }

  cancel(): void {
    if (this.ring === undefined) return
    this.ring = undefined
    this.#owner.forget()
  }
}

export class Alarms {
  readonly #clock: Clock
  #heap: Entry[] = []
  #live = 0
  #order = 0
  #timer: Timer | undefined
  #timerDue = 0
  /** Alarms set by one that rings must not arm the timer: it is armed for the earliest of all when all due ones have rung. */
  #ringing = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Rings once after `ms`; alarms due at the same time ring in the order in which they were set. */
  set(ms: number, ring: () => void): Alarm {
    const now = this.#clock.monotonic()
    const entry = new Entry(now + Math.max(0, ms), this.#order++, ring, this)
    this.#live++
    this.#push(entry)
    if (!this.#ringing && (this.#timer === undefined || entry.due < this.#timerDue)) this.#arm(entry.due, now)
    return entry
  }

  get size(): number {
    return this.#live
  }

  /** Forgets all alarms. */
  clear(): void {
    for (const entry of this.#heap) entry.ring = undefined
    this.#empty()
  }

  /** For entries only: one of them was cancelled. */
  forget(): void {
    this.#live--
    if (this.#live === 0) this.#empty()
    else if (this.#heap.length > 2 * this.#live + SLACK) this.#rebuild()
  }

  #empty(): void {
    this.#heap = []
    this.#live = 0
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(due: number, now: number): void {
    this.#timer?.cancel()
    this.#timerDue = due
    this.#timer = this.#clock.setTimer(Math.ceil(Math.max(0, due - now)), () => this.#ringDue())
  }

  #ringDue(): void {
    this.#timer = undefined
    this.#ringing = true
    const now = this.#clock.monotonic()
    try {
      this.#ringUntil(now)
    } finally {
      this.#ringing = false
      const first = this.#heap[0]
      if (first !== undefined) this.#arm(first.due, now)
    }
  }

  #ringUntil(now: number): void {
    while (this.#heap.length > 0) {
      const first = this.#heap[0]!
      if (first.ring !== undefined && first.due > now) return
      this.#pop()
      this.#ring(first)
    }
  }

  #ring(entry: Entry): void {
    const { ring } = entry
    if (ring === undefined) return
    entry.ring = undefined
    this.#live--
    ring()
  }

  #rebuild(): void {
    const alive = this.#heap.filter((entry) => entry.ring !== undefined)
    // A sorted array is a heap.
    this.#heap = alive.sort((a, b) => (before(a, b) ? -1 : 1))
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (before(heap[parent]!, entry)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (before(last, heap[child]!)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order)
}

/**
 * Which windows are open, in the order in which they close: by time, in it by start and key bytes, as Kafka Streams emits
 * them. Names of windows only, in memory; their values stay in the store. It may name windows that were deleted since.
 */
import { latin1Of } from '../../core/ordered-map.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'

/** `time`: a window's start, a session's end. `minor`: 0, or a session's start. */
export interface OpenWindow {
  readonly key: unknown
  readonly time: number
  readonly minor: number
}

/** The windows of one time; sorted when it is their turn. */
interface Closing {
  keys: unknown[]
  minors: number[]
}

/**
 * Different times, the earliest at hand: a heap. Most come in order and stay where they are added; after a restart they come in
 * the order of keys, where a sorted list would take minutes for what is open in a large store.
 */
class Times {
  #heap: number[] = []

  get first(): number | undefined {
    return this.#heap[0]
  }

  add(time: number): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(time)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (heap[above]! <= time) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = time
  }

  /** Takes the first out. */
  take(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && heap[below + 1]! < heap[below]!) below++
      if (heap[below]! >= last) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = last
  }

  /** Takes out all with from <= time <= to, and returns them. */
  forget(from: number, to: number): readonly number[] {
    const inside = (time: number): boolean => time >= from && time <= to
    const forgotten = this.#heap.filter(inside)
    // Ascending numbers are a heap.
    if (forgotten.length > 0)
      this.#heap = this.#heap.filter((time) => !inside(time)).toSorted((a, b) => a - b)
    return forgotten
  }
}

/** Deleted windows that are let stand before they are weeded out. */
const LEFT_STANDING = 1_000

export class ClosingIndex {
  readonly #key: Serde<unknown>
  readonly #byTime = new Map<number, Closing>()
  readonly #times = new Times()
  /** Sorted windows of the earliest time, whose turn it is. */
  #turn: OpenWindow[] = []
  #next = 0
  #size = 0
  #deleted = 0

  constructor(key: Serde<unknown>) {
    this.#key = key
  }

  add(key: unknown, time: number, minor: number): void {
    let closing = this.#byTime.get(time)
    if (closing === undefined) {
      closing = { keys: [], minors: [] }
      this.#byTime.set(time, closing)
      this.#times.add(time)
    }
    closing.keys.push(key)
    closing.minors.push(minor)
    this.#size++
  }

  /**
   * One of the windows was deleted: a session that grows deletes one per record. Weeds them out when they are more than half.
   * @param isOpen whether a window is still there
   */
  deleted(isOpen: (window: OpenWindow) => boolean): void {
    this.#deleted++
    if (this.#deleted < LEFT_STANDING || this.#deleted * 2 < this.#size) return
    this.#deleted = 0
    this.#size = 0
    for (const [time, closing] of this.#byTime) {
      const open = closing.keys.map((key, index) => isOpen({ key, time, minor: closing.minors[index]! }))
      closing.keys = closing.keys.filter((_, index) => open[index])
      closing.minors = closing.minors.filter((_, index) => open[index])
      this.#size += closing.keys.length
    }
  }

  /** Takes out the earliest window with time <= bound. */
  take(bound: number): OpenWindow | undefined {
    while (this.#next === this.#turn.length) {
      const time = this.#times.first
      if (time === undefined || time > bound) return undefined
      this.#times.take()
      this.#turn = this.#sorted(time)
      this.#next = 0
    }
    return this.#turn[this.#next++]
  }

  /** Forgets the windows with from <= time <= to; returns how many. */
  forget(from: number, to: number): number {
    const { first } = this.#times
    if (first === undefined || first > to) return 0
    const before = this.#size
    for (const time of this.#times.forget(from, to)) {
      this.#size -= this.#byTime.get(time)!.keys.length
      this.#byTime.delete(time)
    }
    return before - this.#size
  }

  #sorted(time: number): OpenWindow[] {
    const { keys, minors } = this.#byTime.get(time)!
    this.#byTime.delete(time)
    this.#size -= keys.length
    const named = keys.map((key, index) => {
      const bytes = latin1Of(encodedBytes(this.#key.serialize(key)))
      return { bytes, window: { key, time, minor: minors[index]! } }
    })
    named.sort((a, b) => a.window.minor - b.window.minor || compare(a.bytes, b.bytes))
    // A window deleted and opened again stands here twice.
    return named
      .filter(({ bytes, window }, index) => {
        const before = named[index - 1]
        return before?.bytes !== bytes || before.window.minor !== window.minor
      })
      .map(({ window }) => window)
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

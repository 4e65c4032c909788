/**
 * What is going to happen, soonest first; events of one instant come in the order of their tie, which the world draws
 * from the seed. A binary heap; cancelled events stay in it until they come up or outnumber the others.
 */

export interface ScheduledEvent {
  /** Virtual ms. */
  readonly time: number
  readonly tie: number
  /** Insertion number: makes the order total. */
  readonly sequence: number
  readonly name: string
  /** Undefined once cancelled or fired: what it closed over is free. */
  run: (() => void) | undefined
}

/** Below this a clean-up costs more than the memory is worth. */
const COMPACT_FROM = 1024

export class EventQueue {
  #heap: ScheduledEvent[] = []
  #cancelled = 0

  /** Events that will still fire. */
  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  push(event: ScheduledEvent): void {
    this.#heap.push(event)
    this.#up(this.#heap.length - 1)
  }

  cancel(event: ScheduledEvent): void {
    if (event.run === undefined) return
    event.run = undefined
    this.#cancelled++
    if (this.#cancelled > COMPACT_FROM && this.#cancelled * 2 > this.#heap.length) this.#compact()
  }

  /** The next event that was not cancelled. */
  pop(): ScheduledEvent | undefined {
    for (;;) {
      const event = this.#take()
      if (event === undefined || event.run !== undefined) return event
      this.#cancelled--
    }
  }

  #take(): ScheduledEvent | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (first !== undefined && last !== undefined && first !== last) {
      this.#heap[0] = last
      this.#down(0)
    }
    return first
  }

  #compact(): void {
    // A sorted array is a heap.
    this.#heap = this.#heap.filter(({ run }) => run !== undefined).sort((a, b) => (before(a, b) ? -1 : 1))
    this.#cancelled = 0
  }

  #up(from: number): void {
    const heap = this.#heap
    const event = heap[from]!
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  #down(from: number): void {
    const heap = this.#heap
    const event = heap[from]!
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, event)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = event
  }
}

function before(a: ScheduledEvent, b: ScheduledEvent): boolean {
  if (a.time !== b.time) return a.time < b.time
  return a.tie === b.tie ? a.sequence < b.sequence : a.tie < b.tie
}

/**
 * Records a test driver has yet to feed back, one queue per topic: the queue whose first record is oldest comes first, as the
 * original driver's task chooses. Equal times are as in its binary heap, so that its recorded outputs can be compared.
 */
import type { CapturedRecord } from './capture.ts'

interface Queue {
  readonly records: CapturedRecord[]
}

export class LoopedRecords {
  readonly #queues = new Map<string, Queue>()
  /** Queues with records; each is not younger than its parent, at half its place. */
  readonly #heap: Queue[] = []

  add(record: CapturedRecord): void {
    const known = this.#queues.get(record.topic)
    const queue = known ?? { records: [] }
    if (known === undefined) this.#queues.set(record.topic, queue)
    queue.records.push(record)
    if (queue.records.length === 1) this.#offer(queue)
  }

  /** Takes the next record. */
  take(): CapturedRecord | undefined {
    const queue = this.#poll()
    if (queue === undefined) return undefined
    const record = queue.records.shift()
    if (queue.records.length > 0) this.#offer(queue)
    return record
  }

  #offer(queue: Queue): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (headTime(queue) >= headTime(heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = queue
  }

  #poll(): Queue | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last !== undefined && heap.length > 0) this.#sink(last)
    return first
  }

  /** Puts a queue in the place of the first one, down to where it belongs. */
  #sink(queue: Queue): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && headTime(heap[child]!) > headTime(heap[child + 1]!)) child++
      if (headTime(queue) <= headTime(heap[child]!)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = queue
  }
}

function headTime({ records }: Queue): number {
  return records[0]!.timestamp
}

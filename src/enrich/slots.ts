/**
 * The limit of calls under way. First come, first served: a call that waits for a retry holds no slot and queues again
 * behind the others, so that a sick request can't starve healthy ones.
 */

export interface SlotUser {
  /** A slot was granted; the user gives it back with `release`, possibly before this returns. */
  begin(): void
  /** Ends what is under way without an outcome. */
  abandon(): void
}

export class Slots {
  #limit: number
  readonly #running = new Set<SlotUser>()
  #queue: (SlotUser | undefined)[] = []
  #head = 0
  #draining = false
  #closed = false

  /** Somebody had to wait for a slot since it was last set to false. */
  crowded = false

  constructor(limit: number) {
    this.#limit = limit
  }

  get limit(): number {
    return this.#limit
  }

  /** A lower one ends nothing: slots that are given back are not granted again until it is kept. */
  set limit(limit: number) {
    this.#limit = limit
    this.#drain()
  }

  /** Users that wait. */
  get waiting(): number {
    return this.#queue.length - this.#head
  }

  /** Calls under way. */
  get running(): number {
    return this.#running.size
  }

  /** Nothing begins any more. */
  get closed(): boolean {
    return this.#closed
  }

  /** Begins at once when a slot is free, otherwise in its turn. */
  request(user: SlotUser): void {
    if (this.#closed) return
    if (this.#running.size < this.#limit && this.#head === this.#queue.length) {
      this.#running.add(user)
      user.begin()
    } else {
      this.crowded = true
      this.#queue.push(user)
    }
  }

  /** Gives a slot back, or leaves the queue. */
  release(user: SlotUser): void {
    if (this.#running.delete(user)) this.#drain()
    else this.#withdraw(user)
  }

  /** Abandons everything; nothing begins afterwards. */
  close(): void {
    this.#closed = true
    const running = [...this.#running]
    this.#running.clear()
    this.#queue = []
    this.#head = 0
    for (const user of running) user.abandon()
  }

  /** A loop, not a recursion: users that end at once would otherwise pile up one stack frame each. */
  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    while (this.#running.size < this.#limit && this.#head < this.#queue.length) {
      const user = this.#queue[this.#head]
      this.#queue[this.#head++] = undefined
      if (user === undefined) continue
      this.#running.add(user)
      user.begin()
    }
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    this.#draining = false
  }

  #withdraw(user: SlotUser): void {
    const at = this.#queue.indexOf(user, this.#head)
    if (at >= 0) this.#queue[at] = undefined
  }
}

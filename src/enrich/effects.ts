/**
 * Calls that write and whose effect is not known yet: under way, timed out, cut off by a restart. Known by the idempotency key,
 * which is the same for every attempt; what is pending at a commit is handed over and comes back with the task, so that a
 * record given up after a restart is still told apart from one that was never sent. It must never forget an effect that may be.
 */

export class Effects {
  /** Keys of calls that may have had their effect; true: an attempt ended without anybody knowing. */
  readonly #pending = new Map<string, boolean>()
  /** Keys that changed since they were handed over. */
  readonly #changed = new Set<string>()
  /** Keys that were handed over as pending. */
  readonly #kept = new Set<string>()

  /** Writes whose effect is not known. */
  get pending(): number {
    return this.#pending.size
  }

  /** An attempt begins: from now on the effect may be. */
  started(key: string): void {
    if (this.#pending.has(key)) return
    this.#pending.set(key, false)
    this.#changed.add(key)
  }

  /** The service answered: the effect is. */
  confirmed(key: string): void {
    this.#forget(key)
  }

  /** An attempt ended without an answer. @param refused the service said that it did nothing */
  failed(key: string, refused: boolean): void {
    if (this.#pending.get(key) === undefined) return
    if (!refused) this.#pending.set(key, true)
    // What an attempt before this one did, its refusal does not say.
    else if (this.#pending.get(key) === false) this.#forget(key)
  }

  /** Nobody will ask again. @returns true if the effect may be all the same */
  givenUp(key: string): boolean {
    const may = this.#pending.has(key)
    if (may) this.#forget(key)
    return may
  }

  save(write: (key: string, pending: boolean) => void): void {
    for (const key of this.#changed) {
      const pending = this.#pending.has(key)
      // Begun and ended between two commits: nobody needs to know.
      if (!pending && !this.#kept.has(key)) continue
      write(key, pending)
      if (pending) this.#kept.add(key)
      else this.#kept.delete(key)
    }
    this.#changed.clear()
  }

  load(key: string): void {
    this.#pending.set(key, true)
    this.#kept.add(key)
  }

  #forget(key: string): void {
    if (this.#pending.delete(key)) this.#changed.add(key)
  }
}

/**
 * Answers kept for a while: least recently used out first, each with its end. One per task and source.
 * It must never keep a failure.
 */
import type { Clock } from '../core/clock.ts'

export interface CachePolicy {
  /** How long an answer is fresh, ms. */
  readonly ttlMs: number
  /** How long "there is none" (null or undefined) is believed, ms; 0: not at all. */
  readonly negativeTtlMs: number
  readonly maxEntries: number
}

interface Kept {
  readonly value: unknown
  /** On the monotonic clock: a wall clock that jumps must not revive or kill answers. */
  readonly end: number
}

export class AnswerCache {
  readonly #policy: CachePolicy
  readonly #clock: Clock
  /** In order of last use. */
  readonly #kept = new Map<string, Kept>()

  constructor(policy: CachePolicy, clock: Clock) {
    this.#policy = policy
    this.#clock = clock
  }

  get size(): number {
    return this.#kept.size
  }

  /** The entry of a key, if fresh; the answer itself may be null. */
  get(key: string): { readonly value: unknown } | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    this.#kept.delete(key)
    if (kept.end <= this.#clock.monotonic()) return undefined
    this.#kept.set(key, kept)
    return kept
  }

  put(key: string, value: unknown): void {
    const ttl = value === null || value === undefined ? this.#policy.negativeTtlMs : this.#policy.ttlMs
    this.#kept.delete(key)
    if (ttl === 0) return
    this.#kept.set(key, { value, end: this.#clock.monotonic() + ttl })
    if (this.#kept.size <= this.#policy.maxEntries) return
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest)
      return
    }
  }
}

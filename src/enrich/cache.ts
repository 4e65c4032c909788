/**
 * Answers kept for a while: least recently used out first, each with its end. One per task and source. With `persist` what
 * changed is handed over at each commit and comes back with the task. It must never keep a failure.
 */
import type { Clock } from '../core/clock.ts'
import type { CachePolicy } from './cache-policy.ts'
import { roughBytes } from './rough-bytes.ts'

export interface Kept {
  readonly value: unknown
  /** On the monotonic clock: a wall clock that jumps must not revive or kill answers. */
  readonly freshUntil: number
  /** Wall clock, ms since 1970: how old it is after a restart. */
  readonly answeredAt: number
  readonly bytes: number
}

/** What an entry takes beside key and value. */
const OVERHEAD = 100

export class AnswerCache {
  readonly #policy: CachePolicy
  readonly #clock: Clock
  /** In order of last use. */
  readonly #kept = new Map<string, Kept>()
  /** Keys that changed since they were handed over; undefined: nobody wants them. */
  readonly #changed: Set<string> | undefined
  #bytes = 0

  constructor(policy: CachePolicy, clock: Clock) {
    this.#policy = policy
    this.#clock = clock
    this.#changed = policy.persist ? new Set() : undefined
  }

  get size(): number {
    return this.#kept.size
  }

  /** About what the answers take; 0 unless they are bounded by bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** The entry of a key, if fresh or good enough while it is asked for again; the answer itself may be null. */
  get(key: string): Kept | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    const { staleWhileRevalidateMs, staleIfErrorMs } = this.#policy
    const age = this.#clock.monotonic() - kept.freshUntil
    if (age >= Math.max(staleWhileRevalidateMs, staleIfErrorMs)) {
      this.#remove(key, kept)
      return undefined
    }
    if (age >= staleWhileRevalidateMs) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    return kept
  }

  isFresh({ freshUntil }: Kept): boolean {
    return freshUntil > this.#clock.monotonic()
  }

  /** The entry of a key, if it is better than a failure. */
  insteadOfError(key: string): Kept | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    return this.#clock.monotonic() - kept.freshUntil < this.#policy.staleIfErrorMs ? kept : undefined
  }

  put(key: string, value: unknown): void {
    this.#put(key, value, this.#clock.now())
    this.#changed?.add(key)
  }

  /** Hands over what changed since the last time; undefined: it is gone. */
  save(write: (key: string, kept: Kept | undefined) => void): void {
    if (this.#changed === undefined || this.#changed.size === 0) return
    for (const key of this.#changed) write(key, this.#kept.get(key))
    this.#changed.clear()
  }

  /** Takes back what was handed over in an earlier life. */
  load(key: string, value: unknown, answeredAt: number): void {
    this.#put(key, value, answeredAt)
    // Too old or too many by now: its entry must not come back at every start.
    if (!this.#kept.has(key)) this.#changed?.add(key)
  }

  #put(key: string, value: unknown, answeredAt: number): void {
    const { negativeTtlMs, ttlMs, staleWhileRevalidateMs, staleIfErrorMs, maxBytes } = this.#policy
    const ttl = value === null || value === undefined ? negativeTtlMs : ttlMs
    const old = this.#kept.get(key)
    if (old !== undefined) this.#remove(key, old)
    if (ttl === 0) return
    const age = Math.max(0, this.#clock.now() - answeredAt)
    if (age >= ttl + Math.max(staleWhileRevalidateMs, staleIfErrorMs)) return
    const bytes = maxBytes === undefined ? 0 : OVERHEAD + key.length + roughBytes(value)
    const freshUntil = this.#clock.monotonic() + ttl - age
    this.#kept.set(key, { value, freshUntil, answeredAt, bytes })
    this.#bytes += bytes
    this.#shrink()
  }

  #shrink(): void {
    const { maxEntries, maxBytes = Infinity } = this.#policy
    if (this.#kept.size <= maxEntries && this.#bytes <= maxBytes) return
    for (const [key, kept] of this.#kept) {
      this.#remove(key, kept)
      if (this.#kept.size <= maxEntries && this.#bytes <= maxBytes) return
    }
  }

  #remove(key: string, kept: Kept): void {
    this.#kept.delete(key)
    this.#bytes -= kept.bytes
    this.#changed?.add(key)
  }
}

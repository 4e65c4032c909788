/**
 * About how long the slowest calls of late take: a log-scaled histogram whose counts fade, so that it follows the service.
 * Buckets are 9 % wide; nothing is allocated by an observation.
 */

const PER_OCTAVE = 8
/** 0.001 ms to 17 minutes and more. */
const BUCKETS = 30 * PER_OCTAVE
/** Known from so many observations on, and counted anew so often. */
const FEWEST = 100
/** Counts are halved when there are so many. */
const MOST = 2000

export class LatencyQuantile {
  readonly #quantile: number
  readonly #counts = new Float64Array(BUCKETS)
  #total = 0
  #since = 0
  #value: number | undefined

  /** @param quantile share of calls that take less, 0 to 1 */
  constructor(quantile: number) {
    this.#quantile = quantile
  }

  /** Milliseconds; undefined before enough was observed. */
  get value(): number | undefined {
    return this.#value
  }

  observe(ms: number): void {
    const at = ms <= 0.001 ? 0 : Math.ceil(Math.log2(ms * 1000) * PER_OCTAVE)
    this.#counts[Math.min(BUCKETS - 1, Math.max(0, at))]! += 1
    this.#total++
    this.#since++
    if (this.#since >= FEWEST) this.#count()
  }

  #count(): void {
    this.#since = 0
    const wanted = this.#quantile * this.#total
    let seen = 0
    for (let at = 0; at < BUCKETS; at++) {
      seen += this.#counts[at]!
      if (seen < wanted || seen === 0) continue
      this.#value = 2 ** (at / PER_OCTAVE) / 1000
      break
    }
    if (this.#total < MOST) return
    for (let at = 0; at < BUCKETS; at++) this.#counts[at]! /= 2
    this.#total /= 2
  }
}

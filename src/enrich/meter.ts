/** How long the calls of one source take, in stretches that the operator ends. Numbers only: it is fed by every call. */

export class Meter {
  /** Answered calls of this stretch, and the sum of their times, ms. */
  calls = 0
  sum = 0
  /** The slowest call lately, ms; fades by a tenth a stretch. */
  slowest = 0
  /** Mean of the last stretch that had calls, ms. */
  mean = 0
  /** Mean when the service has little to do, as far as it is known, ms. */
  baseline = 0

  answered(ms: number): void {
    this.calls++
    this.sum += ms
    if (ms > this.slowest) this.slowest = ms
  }

  /** Ends a stretch. @returns times a call took longer than with little to do; undefined without calls */
  end(): number | undefined {
    if (this.calls === 0) return undefined
    // Answers within the turn would make every real wait look infinite.
    this.mean = Math.max(0.1, this.sum / this.calls)
    if (this.baseline === 0) this.baseline = this.mean
    else if (this.mean < this.baseline) this.baseline += FALL * (this.mean - this.baseline)
    this.calls = 0
    this.sum = 0
    this.slowest *= FADE
    return this.mean / this.baseline
  }

  /** The last stretch was one with little to do. */
  rebase(): void {
    if (this.mean > 0) this.baseline += (this.mean - this.baseline) / 2
  }
}

/** A lucky stretch must not become the measure of all that follow. */
const FALL = 0.2
const FADE = 0.9

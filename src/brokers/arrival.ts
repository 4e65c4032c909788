/** The wait of a fetcher's `arrived`: one at a time, ended by news or by time. What counts as news is the fetcher's business. */
import type { Clock } from '../core/clock.ts'

export class Arrival {
  readonly #clock: Clock
  #end: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get awaited(): boolean {
    return this.#end !== undefined
  }

  /** Resolves at `wake` or after the time; whoever waited before is let go. */
  wait(timeoutMs: number): Promise<void> {
    this.wake()
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        if (this.#end === end) this.#end = undefined
        resolve()
      }
      const timer = this.#clock.setTimer(timeoutMs, end)
      this.#end = end
    })
  }

  wake(): void {
    this.#end?.()
  }
}

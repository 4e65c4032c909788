/**
 * When metadata is asked anew: after its age, soon after something said that it is not right any more, and with a back-off
 * while nobody answers. Calls at the same time share one request.
 */
import type { Clock, Timer } from '../../../core/clock.ts'
import { problemOf } from '../../../core/errors.ts'
import type { Logger } from '../../../core/log.ts'
import type { Random } from '../../../core/random.ts'
import { createBackoff } from '../network/backoff.ts'
import type { Backoff } from '../network/backoff.ts'

export interface RefresherOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly maxAgeMs: number
  /** Asks, and tells whether the answer was whole (every leader known). */
  ask(): Promise<boolean>
}

export class Refresher {
  readonly #options: RefresherOptions
  readonly #backoff: Backoff
  #timer: Timer | undefined
  #due = Infinity
  #asking: Promise<void> | undefined
  /** A request is due soon already: more reasons for it must not put it off. */
  #isSoon = false
  #warned = false
  #closed = false

  constructor(options: RefresherOptions) {
    this.#options = options
    this.#backoff = createBackoff(options.random)
  }

  /** Asks now, or waits for the answer that is under way. */
  now(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  /** Something is not right any more: asks soon, each time later until an answer is whole. */
  soon(): void {
    if (this.#isSoon) return
    this.#isSoon = true
    this.#schedule(this.#backoff.next())
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  async #ask(): Promise<void> {
    this.#timer?.cancel()
    this.#due = Infinity
    this.#isSoon = false
    let whole = false
    try {
      whole = await this.#options.ask()
    } finally {
      if (whole) this.#backoff.reset()
      this.#schedule(whole ? this.#options.maxAgeMs : this.#backoff.next())
    }
  }

  #schedule(ms: number): void {
    const { clock } = this.#options
    const due = clock.monotonic() + ms
    if (this.#closed || due >= this.#due) return
    this.#timer?.cancel()
    this.#due = due
    this.#timer = clock.setTimer(ms, () => {
      this.now().then(
        () => {
          this.#warned = false
        },
        (error: unknown) => this.#warn(error),
      )
    })
  }

  /** Once per outage: whoever needs the cluster meanwhile is told by its own error. */
  #warn(error: unknown): void {
    if (this.#warned || this.#closed) return
    this.#warned = true
    this.#options.log.warn({ problem: problemOf(error) }, 'no answer about metadata from Kafka; asking again')
  }
}

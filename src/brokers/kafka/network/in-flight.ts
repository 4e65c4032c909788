/**
 * The requests of one connection that wait for their answers. A broker answers in order, so answers are matched by
 * position and their correlation ids only checked.
 */
import type { Clock, Timer } from '../../../core/clock.ts'
import { correlationIdOf } from '../protocol/message.ts'

interface Waiting {
  readonly correlationId: number
  readonly timer: Timer
  answered(frame: Buffer): void
  failed(error: unknown): void
}

export interface Expected {
  readonly correlationId: number
  readonly timeoutMs: number
  /** Time was up: the connection must be closed, since the answer may still come. */
  timedOut(): void
}

export class InFlight {
  readonly #clock: Clock
  #waiting: Waiting[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves with the frame of the answer, without its size. */
  expect({ correlationId, timeoutMs, timedOut }: Expected): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(timeoutMs, timedOut)
      this.#waiting.push({ correlationId, timer, answered: resolve, failed: reject })
    })
  }

  /** The next answer. @returns what is wrong with it; undefined if nothing */
  answered(frame: Buffer): string | undefined {
    const first = this.#waiting[0]
    if (first === undefined) return 'an answer that nobody waits for'
    const correlationId = correlationIdOf(frame)
    if (correlationId !== first.correlationId) {
      return `the answer to ${correlationId} where that to ${first.correlationId} was expected`
    }
    this.#waiting.shift()
    first.timer.cancel()
    first.answered(frame)
    return undefined
  }

  /** No answer will come any more. */
  failAll(error: unknown): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { timer, failed } of waiting) {
      timer.cancel()
      failed(error)
    }
  }
}

/** The faults of a hostile broker: what may go wrong, how likely it is, and the dice. It must never roll others than its own. */
import type { Clock } from '../core/clock.ts'
import { sleep } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { sluiceError } from '../core/errors.ts'

/** Probabilities from 0 to 1; all 0 by default. */
export interface HostileFaults {
  /** A call, or news of a change, is late by up to `maxDelayMs`. */
  readonly delay?: number
  /** Default 5. */
  readonly maxDelayMs?: number
  /** A fetched batch arrives in two pieces. */
  readonly split?: number
  /** A fetched batch, and what follows it in its partition, waits for a later `take`. */
  readonly hold?: number
  /** A read or an administrative call fails before it happened: SLUICE_BROKER_UNAVAILABLE. */
  readonly unavailable?: number
  /** No answer to a commit, of which half happened: SLUICE_TXN_OUTCOME_UNKNOWN. */
  readonly lostCommit?: number
  /** No answer to a send that happened: SLUICE_BROKER_UNAVAILABLE. */
  readonly lostSend?: number
  /** No answer to a sendOffsets that happened: SLUICE_BROKER_UNAVAILABLE. */
  readonly lostOffsets?: number
  /**
   * Above 0, news of an expulsion are late like all others, against the contract (a client's own clock tells it): only the
   * fences of transactions stop such a zombie. Default 0.
   */
  readonly lateLoss?: number
}

export interface HostileOptions {
  /** Delays go by it. */
  readonly clock: Clock
  readonly random: Random
  readonly faults: HostileFaults
  /** Told of every fault, for traces. */
  readonly log?: (event: HostileEvent) => void
}

export interface HostileEvent {
  readonly call: string
  readonly fault: keyof HostileFaults
  readonly detail?: string
}

/** Draws the faults. */
export class Hostility {
  readonly #clock: Clock
  readonly #random: Random
  readonly #faults: HostileFaults
  readonly #log: (event: HostileEvent) => void

  constructor({ clock, random, faults, log }: HostileOptions) {
    this.#clock = clock
    this.#random = random
    this.#faults = faults
    this.#log = log ?? (() => undefined)
  }

  /** True when this fault happens now. */
  strikes(call: string, fault: Exclude<keyof HostileFaults, 'maxDelayMs'>, detail?: string): boolean {
    if (this.#random.next() >= (this.#faults[fault] ?? 0)) return false
    this.#log(detail === undefined ? { call, fault } : { call, fault, detail })
    return true
  }

  /** True when a member may learn late that it was expelled. */
  get lateLoss(): boolean {
    return (this.#faults.lateLoss ?? 0) > 0
  }

  /** A whole number from 1 to `most`. */
  pick(most: number): number {
    return 1 + Math.floor(this.#random.next() * most)
  }

  async late(call: string): Promise<void> {
    if (!this.strikes(call, 'delay')) return
    await sleep(this.#clock, this.#random.next() * (this.#faults.maxDelayMs ?? 5))
  }

  /** A call that may be late on its way there and back. */
  async call<T>(name: string, run: () => Promise<T>): Promise<T> {
    await this.late(name)
    const result = await run()
    await this.late(name)
    return result
  }

  /** A call that may also fail before it happened. */
  async read<T>(name: string, run: () => Promise<T>): Promise<T> {
    if (this.strikes(name, 'unavailable')) {
      await this.late(name)
      throw unavailable(name, 'the connection was refused')
    }
    return this.call(name, run)
  }
}

/** The error of a call without an answer. */
export function unavailable(operation: string, problem: string): Error {
  return sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation, problem })
}

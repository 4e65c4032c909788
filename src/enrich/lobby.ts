/**
 * Where the requests of one source in one task meet to be asked for together. A batch leaves when its wait is over, at
 * once when it is full, and takes further requests while it waits for a slot. It must never hold a request that could go.
 */
import type { Alarm } from './alarms.ts'
import type { BatchPolicy } from './batch-policy.ts'
import type { BranchTools, Carrier, Lobby, Rider } from './tools.ts'
import { Trip } from './trip.ts'

export class BatchLobby implements Lobby {
  readonly #tools: BranchTools
  readonly #policy: BatchPolicy
  /** The batch that takes requests. */
  #open: Trip | undefined
  /** Its wait; undefined when it is over. */
  #alarm: Alarm | undefined

  constructor(tools: BranchTools, policy: BatchPolicy) {
    this.#tools = tools
    this.#policy = policy
  }

  board(rider: Rider): void {
    const { size, waitMs } = this.#policy
    const open = this.#open
    if (open === undefined) {
      this.#open = new Trip(this.#tools, rider, [rider])
      this.#alarm = this.#tools.alarms.set(waitMs, () => this.#leave())
    } else {
      open.add(rider)
    }
    const trip = this.#open!
    if (trip.size < size) return
    this.#open = undefined
    // Without an alarm it waits for a slot already.
    if (this.#alarm === undefined) return
    this.#alarm.cancel()
    this.#alarm = undefined
    trip.resume()
  }

  closed(carrier: Carrier): void {
    if (this.#open !== carrier) return
    this.#open = undefined
    this.#alarm?.cancel()
    this.#alarm = undefined
  }

  #leave(): void {
    this.#alarm = undefined
    this.#open?.resume()
  }
}

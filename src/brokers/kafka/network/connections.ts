/**
 * The connections of one client: at most one per address and purpose, made when first needed and again after a fault, then
 * not before the back-off of its address is over.
 */
import { sleep } from '../../../core/clock.ts'
import { problemOf, sluiceError } from '../../../core/errors.ts'
import type { Logger } from '../../../core/log.ts'
import { showAddress } from './address.ts'
import type { Address } from './address.ts'
import { createBackoff } from './backoff.ts'
import type { Backoff } from './backoff.ts'
import { Connection } from './connection.ts'
import type { ConnectionOptions } from './connection.ts'

export interface ConnectionsOptions extends Omit<ConnectionOptions, 'address'> {
  readonly log: Logger
  /** A connection is ready. */
  opened(connection: Connection): void
  /** A connection could not be made, or was lost without our closing it. */
  down(address: Address): void
}

interface Lane {
  readonly purpose: string
  readonly opening: Promise<Connection>
  connection: Connection | undefined
}

/** When an address may be tried again. */
interface Patience {
  readonly backoff: Backoff
  notBefore: number
}

export class Connections {
  readonly #options: ConnectionsOptions
  /** By address and purpose. */
  readonly #lanes = new Map<string, Lane>()
  readonly #patience = new Map<string, Patience>()
  readonly #released = new Set<string>()
  readonly #closing = new AbortController()

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  /**
   * The connection to an address for a purpose.
   * @throws what `Connection.open` does; SLUICE_CLOSED
   */
  get(address: Address, purpose: string): Promise<Connection> {
    this.#checkOpen(purpose)
    const key = `${showAddress(address)} ${purpose}`
    const known = this.#lanes.get(key)
    if (known !== undefined) return known.opening
    const lane: Lane = { purpose, opening: this.#open(address, purpose, key), connection: undefined }
    this.#lanes.set(key, lane)
    return lane.opening
  }

  /** True if there is a connection that can be used at once. */
  isOpen(address: Address, purpose: string): boolean {
    return this.#lanes.get(`${showAddress(address)} ${purpose}`)?.connection?.isOpen === true
  }

  /** Closes the connections of a purpose, and refuses to make others for it. */
  release(purpose: string): void {
    this.#released.add(purpose)
    for (const [key, lane] of this.#lanes) if (lane.purpose === purpose) this.#drop(key, lane)
  }

  /** Closes all. */
  close(): void {
    this.#closing.abort()
    for (const [key, lane] of this.#lanes) this.#drop(key, lane)
  }

  #drop(key: string, lane: Lane): void {
    this.#lanes.delete(key)
    lane.connection?.close()
  }

  #checkOpen(purpose: string): void {
    if (!this.#closing.signal.aborted && !this.#released.has(purpose)) return
    throw sluiceError('SLUICE_CLOSED', { what: `the connection for ${purpose}` })
  }

  async #open(address: Address, purpose: string, key: string): Promise<Connection> {
    const patience = this.#patienceFor(address)
    try {
      await this.#wait(patience)
      this.#checkOpen(purpose)
      const connection = await Connection.open({ ...this.#options, address })
      patience.backoff.reset()
      patience.notBefore = 0
      this.#adopt(connection, address, purpose, key)
      return connection
    } catch (error) {
      this.#lanes.delete(key)
      this.#failed(error, patience, address)
      throw error
    }
  }

  async #wait({ notBefore }: Patience): Promise<void> {
    const { clock } = this.#options
    const wait = notBefore - clock.monotonic()
    if (wait > 0) await sleep(clock, wait, this.#closing.signal)
  }

  #adopt(connection: Connection, address: Address, purpose: string, key: string): void {
    const lane = this.#lanes.get(key)
    if (lane === undefined || this.#closing.signal.aborted || this.#released.has(purpose)) {
      connection.close()
      this.#checkOpen(purpose)
    }
    if (lane !== undefined) lane.connection = connection
    this.#options.opened(connection)
    connection.onClose(() => {
      // Released lanes are gone from the map already; only a fault takes one that is still there.
      if (this.#lanes.get(key) !== lane) return
      this.#lanes.delete(key)
      this.#options.down(address)
    })
  }

  #failed(error: unknown, patience: Patience, address: Address): void {
    if (this.#closing.signal.aborted) return
    const { clock, log } = this.#options
    patience.notBefore = clock.monotonic() + patience.backoff.next()
    log.debug({ broker: showAddress(address), problem: problemOf(error) }, 'no connection to a Kafka broker')
    this.#options.down(address)
  }

  #patienceFor(address: Address): Patience {
    const name = showAddress(address)
    const known = this.#patience.get(name)
    if (known !== undefined) return known
    const fresh = { backoff: createBackoff(this.#options.random), notBefore: 0 }
    this.#patience.set(name, fresh)
    return fresh
  }
}

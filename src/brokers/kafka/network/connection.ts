/**
 * One connection to one broker: opened, its versions asked, logged in, then requests in a pipeline. After the first fault
 * it is closed for good and every waiting request fails; whoever wants another makes another.
 */
import type { Socket } from 'node:net'
import { sleep } from '../../../core/clock.ts'
import type { Clock, Timer } from '../../../core/clock.ts'
import { asError, isSluiceError, sluiceError } from '../../../core/errors.ts'
import type { SluiceError } from '../../../core/errors.ts'
import type { Random } from '../../../core/random.ts'
import type { Api } from '../protocol/api.ts'
import { decodeResponse, encodeRequest, malformed, malformedFrame } from '../protocol/message.ts'
import { showAddress } from './address.ts'
import type { Address } from './address.ts'
import { Frames } from './frames.ts'
import { askVersions, login } from './handshake.ts'
import type { Exchange } from './handshake.ts'
import { InFlight } from './in-flight.ts'
import type { Mechanism } from './sasl/mechanism.ts'
import { prepareMechanism } from './sasl/mechanisms.ts'
import type { SaslSecurity, Security } from './security.ts'
import { openSocket, socketFailure } from './socket.ts'
import type { Versions } from './versions.ts'

export interface ConnectionOptions {
  readonly address: Address
  readonly clientId: string
  readonly security: Security
  readonly clock: Clock
  readonly random: Random
  /** TCP, TLS, versions and login together. */
  readonly connectTimeoutMs: number
}

export interface SendOptions {
  readonly timeoutMs: number
  readonly maxVersion?: number
}

/** A session that ends by itself is renewed after this part of its life, less up to a tenth by chance. */
const RENEW_AFTER = 0.85
const RENEW_JITTER = 0.1
const HIGHEST_CORRELATION_ID = 0x7fff_ffff
/** After the question for versions, which may take two. */
const FIRST_REQUEST = 3

export class Connection {
  readonly #options: ConnectionOptions
  readonly #inFlight: InFlight
  readonly #broker: string
  #socket: Socket | undefined
  #versions: Versions | undefined
  #correlationId = 0
  #fault: SluiceError | undefined
  #renewal: Timer | undefined
  /** While the login is renewed, other requests wait: the broker would refuse them in between. */
  #renewing: Promise<void> | undefined
  /** While a quota is exceeded: the broker would leave requests unread, and they would run out of time. */
  #throttled: Promise<void> | undefined
  readonly #closed = new AbortController()
  readonly #onClose: (() => void)[] = []

  private constructor(options: ConnectionOptions) {
    this.#options = options
    this.#broker = showAddress(options.address)
    this.#inFlight = new InFlight(options.clock)
  }

  /**
   * A connection that is ready for requests.
   * @throws SLUICE_KAFKA_TLS, SLUICE_KAFKA_AUTHENTICATION, SLUICE_KAFKA_MALFORMED, SLUICE_UNSUPPORTED,
   * SLUICE_BROKER_UNAVAILABLE
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options)
    const limit = options.clock.setTimer(options.connectTimeoutMs, () =>
      connection.#close(
        connection.#unavailable('connect', `no connection within ${options.connectTimeoutMs} ms`),
      ),
    )
    try {
      // A token that never comes must not outlast the limit either.
      await Promise.race([connection.#open(), connection.#whenClosed()])
      return connection
    } catch (error) {
      // What closed it tells more than the request that failed by it.
      const fault = connection.#fault ?? error
      connection.close()
      throw notSent(fault)
    } finally {
      limit.cancel()
    }
  }

  async #open(): Promise<void> {
    const { address, security } = this.#options
    const frames = new Frames((frame) => this.#received(frame))
    await openSocket(address, security.tls, frames, {
      opened: (socket) => {
        this.#socket = socket
      },
      malformed: (error) => this.#close(malformed(error, this.#broker, 'a request') as SluiceError),
      closed: (error) => this.#lost(error),
    })
    this.#versions = await askVersions(this.#exchange, this.#broker)
    await this.#login()
  }

  /** Rejects once it is closed, never resolves. */
  #whenClosed(): Promise<never> {
    return new Promise((_, reject) => {
      this.onClose(() => reject(asError(this.#fault)))
    })
  }

  get address(): Address {
    return this.#options.address
  }

  get isOpen(): boolean {
    return this.#fault === undefined
  }

  /** @throws nothing: it is there once the connection is open */
  get versions(): Versions {
    return this.#versions!
  }

  /** Calls `listener` once the connection is closed, for whatever reason; at once if it is. */
  onClose(listener: () => void): void {
    if (this.isOpen) this.#onClose.push(listener)
    else listener()
  }

  /**
   * One request; the body may depend on the version.
   * @throws SLUICE_BROKER_UNAVAILABLE (detail `sent`), SLUICE_KAFKA_MALFORMED, SLUICE_UNSUPPORTED, SLUICE_CLOSED
   */
  async send<RequestDraft, Response>(
    api: Api<RequestDraft, Response>,
    body: (version: number) => RequestDraft,
    { timeoutMs, maxVersion }: SendOptions,
  ): Promise<Response> {
    for (let hold = this.#hold; hold !== undefined; hold = this.#hold) await hold
    const version = this.versions.required(api, maxVersion)
    const response = await this.#exchange(api, version, body(version), timeoutMs)
    this.#throttle(response)
    return response
  }

  get #hold(): Promise<void> | undefined {
    return this.#renewing ?? this.#throttled
  }

  /** An answer may ask to send nothing more for a while (KIP-219). */
  #throttle(response: unknown): void {
    const { throttleTimeMs = 0 } = response as { readonly throttleTimeMs?: number }
    if (throttleTimeMs <= 0 || this.#throttled !== undefined) return
    this.#throttled = sleep(this.#options.clock, throttleTimeMs, this.#closed.signal).then(() => {
      this.#throttled = undefined
    })
  }

  /** Closes it; what is under way fails with SLUICE_CLOSED. */
  close(): void {
    this.#close(sluiceError('SLUICE_CLOSED', { what: `the connection to ${this.#broker}` }))
  }

  readonly #exchange: Exchange = async (api, version, body, timeoutMs = this.#options.connectTimeoutMs) => {
    if (this.#fault !== undefined) throw notSent(this.#fault)
    this.#correlationId = this.#correlationId === HIGHEST_CORRELATION_ID ? 0 : this.#correlationId + 1
    const correlationId = this.#correlationId
    const chunks = encodeRequest(api, { version, correlationId, clientId: this.#options.clientId }, body)
    const timedOut = (): void => this.#close(this.#unavailable(api.name, `no answer within ${timeoutMs} ms`))
    const answer = this.#inFlight.expect({ correlationId, timeoutMs, timedOut })
    this.#write(chunks)
    const frame = await answer
    try {
      return decodeResponse(api, version, frame, this.#broker)
    } catch (error) {
      if (isSluiceError(error)) this.#close(error)
      throw error
    }
  }

  #write(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket!
    socket.cork()
    for (const chunk of chunks) socket.write(chunk)
    socket.uncork()
  }

  #received(frame: Buffer): void {
    const problem = this.#inFlight.answered(frame)
    if (problem !== undefined) this.#close(malformedFrame(this.#broker, 'a request', problem))
  }

  #unavailable(operation: string, problem: string): SluiceError {
    return sluiceError('SLUICE_BROKER_UNAVAILABLE', {
      operation,
      problem: `${this.#broker}: ${problem}`,
      sent: true,
    })
  }

  #lost(error: Error | undefined): void {
    const fault =
      error === undefined
        ? this.#unavailable('a request', `the broker closed the connection${this.#hint()}`)
        : socketFailure(this.#options.address, error, 'a request', true)
    this.#close(fault)
  }

  /** Brokers close a connection without a word if it is not what the listener wants. */
  #hint(): string {
    if (this.#versions === undefined)
      return ' before it said which versions it speaks; a listener of TLS does so'
    const first = this.#correlationId <= FIRST_REQUEST && this.#options.security.sasl === undefined
    return first ? ' at the first request; a listener that wants a login does so' : ''
  }

  #close(fault: SluiceError): void {
    if (this.#fault !== undefined) return
    this.#fault = fault
    this.#closed.abort()
    this.#renewal?.cancel()
    this.#socket?.destroy()
    this.#inFlight.failAll(fault)
    for (const listener of this.#onClose.splice(0)) listener()
  }

  // ---- login, and its renewal

  async #login(): Promise<void> {
    const { security, random } = this.#options
    if (security.sasl === undefined) return
    this.#renewLater(await this.#exchangeLogin(security.sasl, await prepareMechanism(security.sasl, random)))
  }

  #exchangeLogin(security: SaslSecurity, mechanism: Mechanism): Promise<number> {
    return login(security, mechanism, this.versions, this.#exchange, this.#broker)
  }

  #renewLater(lifetimeMs: number): void {
    if (lifetimeMs === 0 || !this.isOpen) return
    const { clock, random } = this.#options
    const part = RENEW_AFTER - RENEW_JITTER * random.next()
    this.#renewal = clock.setTimer(lifetimeMs * part, () => {
      this.#renew().catch((error: unknown) => this.#close(error as SluiceError))
    })
  }

  /** The new token is fetched first, so that requests wait for the exchange only. */
  async #renew(): Promise<void> {
    const security = this.#options.security.sasl!
    const mechanism = await prepareMechanism(security, this.#options.random)
    const exchanging = this.#exchangeLogin(security, mechanism)
    this.#renewing = exchanging.then(
      () => undefined,
      () => undefined,
    )
    try {
      this.#renewLater(await exchanging)
    } finally {
      this.#renewing = undefined
    }
  }
}

/** The connection was closed before, or never made: nothing of the request has left. */
function notSent(fault: unknown): unknown {
  if (!isSluiceError(fault, 'SLUICE_BROKER_UNAVAILABLE')) return fault
  return sluiceError(fault.code, { ...fault.details, sent: false }, fault)
}

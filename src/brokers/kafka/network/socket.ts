/**
 * Sockets to brokers, plain or TLS: the only file of Sluice that opens one to Kafka. It tells what is wrong for good (a
 * certificate, a name) from what may pass (a broker that is down).
 */
import { connect as connectPlain } from 'node:net'
import type { OnReadOpts, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { asError, problemOf, sluiceError } from '../../../core/errors.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { showAddress } from './address.ts'
import type { Address } from './address.ts'
import type { Frames } from './frames.ts'
import type { TlsSecurity } from './security.ts'

/** Time after which an idle connection is probed, so that one through a dead firewall is noticed. */
const KEEP_ALIVE_MS = 60_000

export interface SocketEvents {
  /** There is a socket, which is not connected yet: to be destroyed if time is up. */
  opened(socket: Socket): void
  /** Bytes came that are no frames of Kafka. */
  malformed(error: unknown): void
  /** It is closed; with the reason, if it was not closed by us or in order. Called once. */
  closed(error: Error | undefined): void
}

/**
 * Opens a socket whose bytes go straight into `frames`, and resolves when it is connected (TLS: and trusted).
 * @throws SLUICE_KAFKA_TLS, SLUICE_BROKER_UNAVAILABLE
 */
export async function openSocket(
  address: Address,
  tls: TlsSecurity | undefined,
  frames: Frames,
  events: SocketEvents,
): Promise<void> {
  const socket = startSocket(address, tls, reading(frames, events))
  events.opened(socket)
  let failure: Error | undefined
  socket.on('error', (error) => {
    failure = error
  })
  socket.once('close', () => events.closed(failure))
  await connected(socket, tls === undefined ? 'connect' : 'secureConnect', address)
}

function reading(frames: Frames, events: SocketEvents): OnReadOpts {
  return {
    buffer: () => frames.target(),
    callback: (count) => {
      try {
        frames.received(count)
      } catch (error) {
        events.malformed(error)
      }
      return true
    },
  }
}

function startSocket(address: Address, tls: TlsSecurity | undefined, onread: OnReadOpts): Socket {
  const options = { ...address, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, onread }
  if (tls === undefined) return connectPlain(options)
  const { ca, cert, key, passphrase, serverName } = tls
  // A name of the certificate cannot be an address (RFC 6066), so none is sent for addresses.
  const name = serverName ?? (/^[\d.]+$|:/.test(address.host) ? undefined : address.host)
  const given = Object.entries({ ca, cert, key, passphrase, servername: name }).filter(
    ([, value]) => value !== undefined,
  )
  try {
    // OnReadOpts works for TLS as well (one read per TLS record); its types do not say so.
    return connectTls({ ...options, ...Object.fromEntries(given) } as unknown as ConnectionOptions)
  } catch (error) {
    // Certificates and keys that are not PEM, a key that does not fit, a wrong passphrase.
    throw tlsFailure(
      address,
      problemOf(error),
      'Correct the PEM files of certificate, key and authority, and the passphrase.',
    )
  }
}

function connected(socket: Socket, event: 'connect' | 'secureConnect', address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(connectFailure(address, error, event))
    const closed = (): void => failed(new Error('the connection was closed before it was made'))
    socket.once('error', failed)
    socket.once('close', closed)
    socket.once(event, () => {
      socket.off('error', failed)
      socket.off('close', closed)
      resolve()
    })
  })
}

function connectFailure(address: Address, error: Error, event: 'connect' | 'secureConnect'): SluiceError {
  // A plain listener takes the first message of TLS for a huge request, and hangs up.
  const hungUp = event === 'secureConnect' && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
  const told = hungUp ? new Error(`${error.message}; a listener that does not speak TLS does so`) : error
  return socketFailure(address, told, 'connect', false)
}

/**
 * An error of a socket as one of the table.
 * @param sent whether the broker may have got what was asked
 */
export function socketFailure(
  address: Address,
  error: unknown,
  operation: string,
  sent: boolean,
): SluiceError {
  const { code, message } = asError(error) as NodeJS.ErrnoException
  const remedy = tlsRemedy(code)
  if (remedy !== undefined) return tlsFailure(address, `${message} (${code})`, remedy)
  const problem = `${showAddress(address)}: ${message === '' ? (code ?? 'failed') : message}`
  return sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation, problem, sent }, error)
}

function tlsFailure(address: Address, problem: string, remedy: string): SluiceError {
  return sluiceError('SLUICE_KAFKA_TLS', { broker: showAddress(address), problem, remedy })
}

/** Faults of X.509 that Node reports by OpenSSL's own names. */
const UNTRUSTED =
  /SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY|DECODE|DECRYPT)|CERT_(?!.*(?:EXPIRED|YET_VALID))|INVALID_CA/

/** What to do about a failure of TLS; undefined if it is not one. */
function tlsRemedy(code: string | undefined): string | undefined {
  if (code === undefined || /^E[A-Z]+$/.test(code)) return undefined
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'Connect to a name of the certificate, or set `serverName` to one.'
  if (/CERT_(?:HAS_EXPIRED|NOT_YET_VALID)/.test(code))
    return 'Renew the certificate of the broker, or look at the clock of this machine.'
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(code))
    return 'The listener does not speak TLS: leave it out, or use the port of a TLS listener.'
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN/.test(code))
    return 'The broker refused this client: give a certificate and key that it trusts (`cert`, `key`).'
  if (UNTRUSTED.test(code)) return "Set `ca` to the authority that signed the broker's certificate."
  return code.startsWith('ERR_SSL')
    ? 'Look at the TLS settings of the listener and of this client.'
    : undefined
}

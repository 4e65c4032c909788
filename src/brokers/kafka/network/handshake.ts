/** What happens on a new connection before any request: the versions both sides speak, and the login. */
import { isSluiceError, sluiceError } from '../../../core/errors.ts'
import type { Bytes } from '../../../core/record.ts'
import type { Api } from '../protocol/api.ts'
import { apiVersionsApi } from '../protocol/messages/api-versions.ts'
import { saslAuthenticateApi } from '../protocol/messages/sasl-authenticate.ts'
import { saslHandshakeApi } from '../protocol/messages/sasl-handshake.ts'
import { LoginRefused } from './sasl/mechanism.ts'
import type { Mechanism } from './sasl/mechanism.ts'
import type { SaslSecurity } from './security.ts'
import { versionsOf } from './versions.ts'
import type { Versions } from './versions.ts'

/** Sends a request in a given version, past all queues. */
export type Exchange = <RequestDraft, Response>(
  api: Api<RequestDraft, Response>,
  version: number,
  body: RequestDraft,
  timeoutMs?: number,
) => Promise<Response>

const UNSUPPORTED_VERSION = 35
const UNSUPPORTED_MECHANISM = 33
const SOFTWARE = { clientSoftwareName: 'sluice', clientSoftwareVersion: '1' }

/**
 * Asks which versions the broker offers. A broker that does not know our version of the question answers in version 0,
 * with the error and the versions it does know.
 * @throws SLUICE_UNSUPPORTED
 */
export async function askVersions(exchange: Exchange, broker: string): Promise<Versions> {
  const latest = await exchange(tolerantApiVersions, apiVersionsApi.maxVersion, SOFTWARE)
  if (latest.errorCode !== UNSUPPORTED_VERSION) return versionsOf(latest, broker)
  const older = versionsOf(latest, broker).common(apiVersionsApi) ?? 0
  const body = older >= 3 ? SOFTWARE : {}
  return versionsOf(await exchange(tolerantApiVersions, older, body), broker)
}

/** ApiVersions whose answer is read in version 0 when it starts with the error that says so. */
const tolerantApiVersions: typeof apiVersionsApi = {
  ...apiVersionsApi,
  readResponse(input, version) {
    const refused = input.left >= 2 && input.buffer.readInt16BE(input.position) === UNSUPPORTED_VERSION
    return apiVersionsApi.readResponse(input, refused ? 0 : version)
  },
}

/**
 * Logs in, on a new connection or again on one that is open. No other request may be sent meanwhile.
 * @returns ms after which the session ends; 0: never
 * @throws SLUICE_KAFKA_AUTHENTICATION; what the exchange throws
 */
export async function login(
  { mechanism }: SaslSecurity,
  run: Mechanism,
  versions: Versions,
  exchange: Exchange,
  broker: string,
): Promise<number> {
  const refused = (problem: string): Error =>
    sluiceError('SLUICE_KAFKA_AUTHENTICATION', { broker, mechanism, problem })
  const offer = await exchange(saslHandshakeApi, versions.required(saslHandshakeApi), { mechanism })
  if (offer.errorCode === UNSUPPORTED_MECHANISM) {
    throw refused(`the listener accepts ${offer.mechanisms.join(', ')} only`)
  }
  if (offer.errorCode !== 0) throw refused(`the listener does not take logins (error ${offer.errorCode})`)
  let lifetimeMs = 0
  const step = async (authBytes: Bytes): Promise<Bytes> => {
    const version = versions.required(saslAuthenticateApi)
    const answer = await exchange(saslAuthenticateApi, version, { authBytes })
    if (answer.errorCode !== 0) throw new LoginRefused(answer.errorMessage ?? `error ${answer.errorCode}`)
    lifetimeMs = answer.sessionLifetimeMs
    return answer.authBytes
  }
  try {
    await run(step)
  } catch (error) {
    // Only the reason is kept: a cause could carry the messages of the exchange into a log.
    if (error instanceof LoginRefused) throw refused(error.message)
    throw isSluiceError(error) ? error : refused('the exchange failed')
  }
  return lifetimeMs
}

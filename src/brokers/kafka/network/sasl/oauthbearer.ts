/** SASL OAUTHBEARER (RFC 7628): a bearer token, fetched anew for every login. */
import { problemOf, sluiceError } from '../../../../core/errors.ts'
import type { OAuthLogin, OAuthToken } from '../security.ts'
import { LoginRefused } from './mechanism.ts'
import type { Mechanism } from './mechanism.ts'

const SEPARATOR = '\u0001'

/** @throws SLUICE_BROKER_UNAVAILABLE: whoever gives the tokens did not; it may a moment later */
export async function oauthBearer(login: OAuthLogin): Promise<Mechanism> {
  const token = await tokenOf(login)
  return async (exchange) => {
    const answer = await exchange(Buffer.from(firstMessage(token)))
    if (answer.length === 0) return
    // A refusal comes as JSON, and the exchange must be ended before the broker reports the failure itself.
    const reason = statusOf(Buffer.from(answer).toString())
    await exchange(Buffer.from(SEPARATOR)).catch(() => undefined)
    throw new LoginRefused(`the token was refused (${reason})`)
  }
}

async function tokenOf(login: OAuthLogin): Promise<OAuthToken> {
  try {
    return await login.token()
  } catch (error) {
    const problem = `no token could be had: ${problemOf(error)}`
    throw sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation: 'login', problem, sent: false })
  }
}

function firstMessage({ value, extensions = {} }: OAuthToken): string {
  const pairs = [
    `auth=Bearer ${value}`,
    ...Object.entries(extensions).map(([name, text]) => `${name}=${text}`),
  ]
  return `n,,${SEPARATOR}${pairs.join(SEPARATOR)}${SEPARATOR}${SEPARATOR}`
}

/** The `status` of a refusal: `invalid_token`. */
function statusOf(json: string): string {
  try {
    const { status } = JSON.parse(json) as { readonly status?: unknown }
    return typeof status === 'string' ? status : 'no reason given'
  } catch {
    return 'no reason given'
  }
}

/** The SASL mechanisms there are. */
import type { Random } from '../../../../core/random.ts'
import type { SaslSecurity } from '../security.ts'
import type { Mechanism } from './mechanism.ts'
import { oauthBearer } from './oauthbearer.ts'
import { plain } from './plain.ts'
import { scram } from './scram.ts'

/**
 * A mechanism that is ready to run: whatever it needs from elsewhere (a token) has been fetched.
 * @throws SLUICE_BROKER_UNAVAILABLE: no token could be had
 */
export async function prepareMechanism(login: SaslSecurity, random: Random): Promise<Mechanism> {
  switch (login.mechanism) {
    case 'PLAIN':
      return plain(login)
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-512':
      return scram(login, random)
    case 'OAUTHBEARER':
      return await oauthBearer(login)
  }
}

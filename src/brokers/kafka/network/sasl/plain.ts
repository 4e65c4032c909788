/** SASL PLAIN (RFC 4616): name and password as they are, so only over TLS outside of tests. */
import type { PasswordLogin } from '../security.ts'
import type { Mechanism } from './mechanism.ts'

export function plain({ username, password }: PasswordLogin): Mechanism {
  return async (exchange) => {
    await exchange(Buffer.from(`\0${username}\0${password}`))
  }
}

/** What a SASL mechanism is to the login: an exchange of opaque messages that ends in success or a reason. */
import type { Bytes } from '../../../../core/record.ts'

/**
 * Runs the exchange to its end. `exchange` sends one message and resolves with the broker's; it rejects when the broker
 * says no. What a mechanism throws itself (`LoginRefused`) must never contain a secret.
 */
export type Mechanism = (exchange: (message: Bytes) => Promise<Bytes>) => Promise<void>

/** Why a login failed, in words that hold no secret; the login makes SLUICE_KAFKA_AUTHENTICATION of it. */
export class LoginRefused extends Error {
  constructor(problem: string) {
    super(problem)
    this.name = 'LoginRefused'
  }
}

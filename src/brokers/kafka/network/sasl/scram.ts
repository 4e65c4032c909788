/**
 * SASL SCRAM (RFC 5802, 7677): the password never leaves, and the broker proves that it knows it too. The broker's
 * messages are not trusted: its nonce must extend ours and its iterations are bounded.
 */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Random } from '../../../../core/random.ts'
import type { PasswordLogin } from '../security.ts'
import { LoginRefused } from './mechanism.ts'
import type { Mechanism } from './mechanism.ts'

const derive = promisify(pbkdf2)

/** Kafka makes no credentials with fewer; less would let a false broker guess passwords cheaply. */
const FEWEST_ITERATIONS = 4096
/** A second of work or so; more would let a false broker keep this machine busy. */
const MOST_ITERATIONS = 1_000_000

interface Challenge {
  readonly nonce: string
  readonly salt: Buffer
  readonly iterations: number
}

export function scram({ mechanism, username, password }: PasswordLogin, random: Random): Mechanism {
  const hash = mechanism === 'SCRAM-SHA-512' ? 'sha512' : 'sha256'
  return async (exchange) => {
    const ownNonce = (random.uuid() + random.uuid()).replaceAll('-', '')
    const first = `n=${escapeName(username)},r=${ownNonce}`
    const answer = Buffer.from(await exchange(Buffer.from(`n,,${first}`))).toString()
    const { nonce, salt, iterations } = readChallenge(answer, ownNonce)
    const salted = await derive(password, salt, iterations, hash === 'sha512' ? 64 : 32, hash)
    const unproved = `c=biws,r=${nonce}`
    const whole = `${first},${answer},${unproved}`
    const proof = proofOf(hash, salted, whole)
    const last = Buffer.from(await exchange(Buffer.from(`${unproved},p=${proof}`))).toString()
    checkBroker(last, signature(hash, signature(hash, salted, 'Server Key'), whole))
  }
}

function signature(hash: string, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest()
}

/** ClientKey XOR ClientSignature. */
function proofOf(hash: string, salted: Buffer, whole: string): string {
  const clientKey = signature(hash, salted, 'Client Key')
  const stored = createHash(hash).update(clientKey).digest()
  const proof = signature(hash, stored, whole)
  for (let at = 0; at < proof.length; at++) proof[at]! ^= clientKey[at]!
  return proof.toString('base64')
}

function readChallenge(message: string, ownNonce: string): Challenge {
  const fields = readFields(message)
  const nonce = fields.get('r') ?? ''
  const salt = Buffer.from(fields.get('s') ?? '', 'base64')
  const iterations = Number(fields.get('i'))
  if (!nonce.startsWith(ownNonce) || nonce === ownNonce) {
    throw new LoginRefused('the nonce in its challenge is not an extension of ours')
  }
  if (salt.length === 0) throw new LoginRefused('its challenge has no salt')
  if (!(iterations >= FEWEST_ITERATIONS && iterations <= MOST_ITERATIONS)) {
    throw new LoginRefused(`its challenge has ${iterations} iterations`)
  }
  return { nonce, salt, iterations }
}

/** The broker must show that it knows the password, else it may be anyone. */
function checkBroker(message: string, expected: Buffer): void {
  const fields = readFields(message)
  const failed = fields.get('e')
  if (failed !== undefined) throw new LoginRefused(failed)
  const came = Buffer.from(fields.get('v') ?? '', 'base64')
  if (came.length !== expected.length || !timingSafeEqual(came, expected)) {
    throw new LoginRefused('it could not prove that it knows the password; this may not be your broker')
  }
}

function readFields(message: string): ReadonlyMap<string, string> {
  return new Map(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]))
}

function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}

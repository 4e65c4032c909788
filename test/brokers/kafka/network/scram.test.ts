/** SCRAM against the example of RFC 7677, and against brokers that cheat. */
import { describe, expect, it } from 'vitest'
import { LoginRefused } from '../../../../src/brokers/kafka/network/sasl/mechanism.ts'
import { scram } from '../../../../src/brokers/kafka/network/sasl/scram.ts'
import type { PasswordLogin } from '../../../../src/brokers/kafka/network/security.ts'

const login: PasswordLogin = { mechanism: 'SCRAM-SHA-256', username: 'user', password: 'pencil' }
const nonce = { next: () => 0, uuid: () => 'abcdef12-0000' }
const ours = 'abcdef120000abcdef120000'

/** Runs the exchange with given answers and tells what the client said. */
async function exchange(answers: readonly string[], who: PasswordLogin = login): Promise<readonly string[]> {
  const said: string[] = []
  const left = [...answers]
  await scram(
    who,
    nonce,
  )(async (message) => {
    said.push(Buffer.from(message).toString())
    return Buffer.from(left.shift()!)
  })
  return said
}

describe('SCRAM', () => {
  it('gives the proof of the example in the RFC, and accepts its signature', async () => {
    // The nonce of the RFC is not hexadecimal, so it is put in by a random source of its own.
    const rfc = { next: () => 0, uuid: () => 'rOprNGfwEbeRWgbNEkqO' }
    const said: string[] = []
    const answers = [
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    ]
    const halves = ['rOprNGfwEbeRWgbNEkqO', '']
    await scram(login, { ...rfc, uuid: () => halves.shift()! })(async (message) => {
      said.push(Buffer.from(message).toString())
      return Buffer.from(answers.shift()!)
    })
    expect(said).toEqual([
      'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    ])
  })

  it('writes names that hold its own separators', async () => {
    const said: string[] = []
    const odd = scram({ ...login, username: 'a=b,c' }, nonce)
    await odd(async (message) => {
      said.push(Buffer.from(message).toString())
      throw new LoginRefused('enough')
    }).catch(() => undefined)
    expect(said).toEqual([`n,,n=a=3Db=2Cc,r=${ours}`])
  })

  it.each([
    ['does not extend our nonce', 'r=other,s=c2FsdA==,i=4096'],
    ['only repeats our nonce', `r=${ours},s=c2FsdA==,i=4096`],
    ['has no salt', `r=${ours}x,i=4096`],
    ['wants too few rounds to be safe', `r=${ours}x,s=c2FsdA==,i=1`],
    ['wants so many rounds that we hang', `r=${ours}x,s=c2FsdA==,i=2000000000`],
    ['is nonsense', 'hello'],
  ])('refuses a challenge that %s', async (_what, challenge) => {
    await expect(exchange([challenge])).rejects.toThrow(LoginRefused)
  })

  it('refuses a broker that cannot prove that it knows the password', async () => {
    const challenge = `r=${ours}x,s=c2FsdA==,i=4096`
    await expect(exchange([challenge, 'v=AAAA'])).rejects.toThrow(/could not prove/)
    await expect(exchange([challenge, ''])).rejects.toThrow(/could not prove/)
    await expect(exchange([challenge, 'e=invalid-proof'])).rejects.toThrow('invalid-proof')
  })
})

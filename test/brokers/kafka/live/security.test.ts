/** TLS, logins and ACLs against a broker configured for them: what works, and what each mistake is called. */
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { connectCluster } from '../../../../src/brokers/kafka/cluster/connect.ts'
import type { OAuthToken, SaslSecurity, Security } from '../../../../src/brokers/kafka/network/security.ts'
import { createAclsApi } from '../../../../src/brokers/kafka/protocol/messages/create-acls.ts'
import { createTopicsApi } from '../../../../src/brokers/kafka/protocol/messages/create-topics.ts'
import { metadataApi } from '../../../../src/brokers/kafka/protocol/messages/metadata.ts'
import { asError } from '../../../../src/core/errors.ts'
import { connected, noKafkaOfOurs, notInMatrix, ownName, ports, sharedKafka } from './live.ts'
import type { LiveKafka } from './live.ts'

const PASSWORDS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

/** A token that nobody signed, as the test broker takes them. */
function unsignedToken(subject: string, lifetimeMs = 3_600_000): OAuthToken {
  const now = Date.now() / 1000
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const claims = { sub: subject, iat: now, exp: now + lifetimeMs / 1000 }
  return { value: `${encode({ alg: 'none' })}.${encode(claims)}.` }
}

/** How connecting fails, and how long that takes. */
async function failing(
  bootstrap: readonly string[],
  security: Security,
): Promise<{ error: Error; ms: number }> {
  const start = performance.now()
  const error = await connectCluster({ ...ports, bootstrap, security, connectTimeoutMs: 1500 }).then(
    async (cluster) => {
      await cluster.close()
      return new Error('it connected')
    },
    asError,
  )
  return { error, ms: performance.now() - start }
}

describe.skipIf(noKafkaOfOurs())('a login', () => {
  it.each(PASSWORDS)('by %s works, alone and over TLS', { timeout: 60_000 }, async (mechanism) => {
    const { listeners, certificates, users } = await sharedKafka()
    const [{ name: username, password }] = users
    const sasl: SaslSecurity = { mechanism, username, password }
    const plain = await connected({ bootstrap: listeners.sasl, security: { sasl } })
    expect(plain.brokers()).toEqual([1])
    const security = { sasl, tls: { ca: certificates!.ca } }
    expect((await connected({ bootstrap: listeners.saslTls, security })).brokers()).toEqual([1])
  })

  it.each(PASSWORDS)(
    'by %s with a wrong password is one error at once, without any secret',
    async (mechanism) => {
      const { listeners, users } = await sharedKafka()
      const sasl: SaslSecurity = { mechanism, username: users[0].name, password: 'not-the-password' }
      const { error, ms } = await failing(listeners.sasl, { sasl })
      expect(error).toMatchObject({ code: 'SLUICE_KAFKA_AUTHENTICATION', retry: 'never', domain: 'user' })
      expect(inspect(error, { depth: 9 })).not.toContain('not-the-password')
      expect(ms).toBeLessThan(3000)
    },
  )

  it('of somebody who is not there, or by a mechanism the listener has not, says so', async () => {
    const { listeners } = await sharedKafka()
    const unknown: SaslSecurity = { mechanism: 'SCRAM-SHA-256', username: 'no=body,', password: 'x' }
    expect((await failing(listeners.sasl, { sasl: unknown })).error.message).toMatch(/invalid credentials/i)
    const odd = { mechanism: 'GSSAPI', username: 'a', password: 'b' } as unknown as SaslSecurity
    expect((await failing(listeners.sasl, { sasl: odd })).error.message).toContain('accepts PLAIN')
  })

  it('that is missing is told as what the broker did', async () => {
    const { listeners } = await sharedKafka()
    const { error } = await failing(listeners.sasl, {})
    expect(error).toMatchObject({ code: 'SLUICE_BROKER_UNAVAILABLE' })
    expect(error.message).toContain('wants a login')
  })

  it('by a token that has expired, or that cannot be had, fails without showing it', async () => {
    const { listeners } = await sharedKafka()
    const old = unsignedToken('admin', -60_000)
    const expired = await failing(listeners.sasl, {
      sasl: { mechanism: 'OAUTHBEARER', token: async () => old },
    })
    expect(expired.error).toMatchObject({ code: 'SLUICE_KAFKA_AUTHENTICATION' })
    expect(inspect(expired.error, { depth: 9 })).not.toContain(old.value)
    const token = (): Promise<OAuthToken> => Promise.reject(new Error('identity provider is down'))
    const missing = await failing(listeners.sasl, { sasl: { mechanism: 'OAUTHBEARER', token } })
    expect(missing.error.message).toContain('identity provider is down')
    expect(missing.error).toMatchObject({ code: 'SLUICE_BROKER_UNAVAILABLE', retry: 'retry' })
  })
})

describe.skipIf(notInMatrix())('a login that ends', () => {
  it('by token is renewed on the open connection, before the broker ends the session', async () => {
    const { listeners } = await sharedKafka()
    let tokens = 0
    const token = async (): Promise<OAuthToken> => unsignedToken('admin', 3_600_000 + tokens++)
    const sasl: SaslSecurity = { mechanism: 'OAUTHBEARER', token }
    const cluster = await connected({ bootstrap: listeners.sasl, security: { sasl } })
    const body = { topics: [], allowAutoTopicCreation: false }
    const end = performance.now() + 5500
    // The broker ends sessions after 2.5 s: without renewal one of these finds its connection closed.
    while (performance.now() < end) await cluster.request(1, 'metadata', metadataApi, body)
    expect(tokens).toBeGreaterThanOrEqual(3)
    expect(tokens).toBeLessThan(8)
  })
})

describe.skipIf(noKafkaOfOurs())('TLS', () => {
  const tls = async (): Promise<LiveKafka & { readonly ca: string }> => {
    const kafka = await sharedKafka()
    return { ...kafka, ca: kafka.certificates!.ca }
  }

  it('trusts the authority it is given', async () => {
    const { listeners, ca } = await tls()
    const cluster = await connected({ bootstrap: listeners.tls, security: { tls: { ca } } })
    expect(cluster.brokers()).toEqual([1])
    expect(await cluster.allTopics()).toBeDefined()
  })

  it('shows a certificate where the broker wants one', async () => {
    const { listeners, ca, certificates } = await tls()
    const security = { tls: { ca, ...certificates!.client } }
    expect((await connected({ bootstrap: listeners.mutualTls, security })).brokers()).toEqual([1])
  })

  it.each([
    ['no authority', (): Security => ({ tls: {} }), /self-signed|unable to (?:get|verify)/i],
    [
      'another authority',
      (_ca: string, other: string): Security => ({ tls: { ca: other } }),
      /self-signed|unable|signature/i,
    ],
    [
      'another name',
      (ca: string): Security => ({ tls: { ca, serverName: 'kafka.example' } }),
      /altnames|ALTNAME/,
    ],
    [
      'an authority that is no PEM',
      (): Security => ({ tls: { ca: 'not a certificate' } }),
      /PEM|certificate/i,
    ],
  ])('with %s is one error at once', async (_what, security, message) => {
    const { listeners, ca, certificates } = await tls()
    const { error, ms } = await failing(listeners.tls, security(ca, certificates!.otherCa))
    expect(error).toMatchObject({
      code: 'SLUICE_KAFKA_TLS',
      retry: 'never',
      message: expect.stringMatching(message) as string,
    })
    expect(ms).toBeLessThan(3000)
  })

  it('without the certificate that the broker wants is one error at once', async () => {
    const { listeners, ca } = await tls()
    const { error } = await failing(listeners.mutualTls, { tls: { ca } })
    expect(error).toMatchObject({
      code: 'SLUICE_KAFKA_TLS',
      fix: expect.stringContaining('certificate and key') as string,
    })
  })

  it('spoken to a listener without it, and not spoken to one with it, is told', async () => {
    const { listeners, ca } = await tls()
    const wrong = await failing(listeners.plain, { tls: { ca } })
    expect(wrong.error.message).toContain('does not speak TLS')
    const missing = await failing(listeners.tls, {})
    expect(missing.error).toMatchObject({
      code: 'SLUICE_KAFKA_MALFORMED',
      fix: expect.stringContaining('TLS') as string,
    })
  })
})

describe.skipIf(noKafkaOfOurs())('a login with few rights', () => {
  it('is told which right is missing, and goes on once it has it', async () => {
    const { bootstrap, listeners, users } = await sharedKafka()
    const [, { name: username, password }] = users
    const admin = await connected({ bootstrap })
    const topic = ownName('denied')
    const wanted = { name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    await admin.controller('metadata', createTopicsApi, { topics: [wanted], timeoutMs: 5000 })
    const security: Security = { sasl: { mechanism: 'SCRAM-SHA-512', username, password } }
    const alice = await connected({ bootstrap: listeners.sasl, security })
    await expect(alice.metadata([topic])).rejects.toMatchObject({
      code: 'SLUICE_KAFKA_DENIED',
      domain: 'user',
    })
    await expect(alice.leader(topic, 0)).rejects.toThrow(/TOPIC_AUTHORIZATION_FAILED/)
    await expect(alice.coordinator('group', ownName('g'))).rejects.toThrow(/GROUP_AUTHORIZATION_FAILED/)
    await allow(admin, `User:${username}`, topic)
    await expect.poll(() => alice.leader(topic, 0).catch(String)).toMatchObject({ brokerId: 1 })
  })
})

/** Lets a principal describe a topic. */
async function allow(
  admin: Awaited<ReturnType<typeof connected>>,
  principal: string,
  topic: string,
): Promise<void> {
  const [TOPIC, LITERAL, DESCRIBE, ALLOW] = [2, 3, 8, 3]
  const acl = { resourceType: TOPIC, resourceName: topic, resourcePatternType: LITERAL, principal, host: '*' }
  const { results } = await admin.controller('metadata', createAclsApi, {
    creations: [{ ...acl, operation: DESCRIBE, permissionType: ALLOW }],
  })
  expect(results[0]!.errorCode).toBe(0)
}

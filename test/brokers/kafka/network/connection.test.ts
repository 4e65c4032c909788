/** A connection against a broker that misbehaves on demand. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { Connection } from '../../../../src/brokers/kafka/network/connection.ts'
import type { Security } from '../../../../src/brokers/kafka/network/security.ts'
import { parseAddress } from '../../../../src/brokers/kafka/network/address.ts'
import { apiVersionsApi } from '../../../../src/brokers/kafka/protocol/messages/api-versions.ts'
import { fetchApi } from '../../../../src/brokers/kafka/protocol/messages/fetch.ts'
import { heartbeatApi } from '../../../../src/brokers/kafka/protocol/messages/heartbeat.ts'
import { saslAuthenticateApi } from '../../../../src/brokers/kafka/protocol/messages/sasl-authenticate.ts'
import { saslHandshakeApi } from '../../../../src/brokers/kafka/protocol/messages/sasl-handshake.ts'
import { systemClock } from '../../../../src/platform/clock.ts'
import { systemRandom } from '../../../../src/platform/random.ts'
import { fakeBroker } from './fake-broker.ts'
import type { Asked, FakeBroker } from './fake-broker.ts'

const beat = { groupId: 'g', generationId: 1, memberId: 'm' }
const body = (): typeof beat => beat

async function open(
  broker: FakeBroker,
  security: Security = {},
  connectTimeoutMs = 2000,
): Promise<Connection> {
  const connection = await Connection.open({
    address: parseAddress(broker.address),
    clientId: 'test',
    security,
    clock: systemClock,
    random: systemRandom,
    connectTimeoutMs,
  })
  onTestFinished(() => connection.close())
  return connection
}

const answerBeat = (asked: Asked): void => asked.answer(heartbeatApi, { errorCode: 27 })

describe('a connection', () => {
  it('speaks the latest version that both sides have, and no later than it may', async () => {
    const versions: number[] = []
    const broker = await fakeBroker([{ ...heartbeatApi, minVersion: 1, maxVersion: 3 }], (asked) => {
      versions.push(asked.header.version)
      answerBeat(asked)
    })
    const connection = await open(broker)
    await connection.send(heartbeatApi, body, { timeoutMs: 1000 })
    await connection.send(heartbeatApi, body, { timeoutMs: 1000, maxVersion: 2 })
    expect(versions).toEqual([3, 2])
    const older = connection.send(heartbeatApi, body, { timeoutMs: 1000, maxVersion: 0 })
    await expect(older).rejects.toMatchObject({ code: 'SLUICE_UNSUPPORTED' })
    const absent = connection.send(fetchApi, () => ({ maxWaitMs: 0, minBytes: 0, topics: [] }), {
      timeoutMs: 1000,
    })
    await expect(absent).rejects.toMatchObject({
      code: 'SLUICE_UNSUPPORTED',
      message: expect.stringContaining('does not have it') as string,
    })
    expect(connection.isOpen).toBe(true)
  })

  it('asks for versions again, in one that an older broker knows', async () => {
    const broker = await fakeBroker([], (asked) => {
      const apiKeys = [
        { apiKey: 18, minVersion: 0, maxVersion: 2 },
        { apiKey: heartbeatApi.key, minVersion: 0, maxVersion: 1 },
      ]
      const old = asked.header.version > 2
      // Such a broker answers in version 0, whatever was asked.
      const writing = old ? { ...apiVersionsApi, writeResponse: versionZero } : apiVersionsApi
      if (asked.header.apiKey === 18) asked.answer(writing, { errorCode: old ? 35 : 0, apiKeys })
      else answerBeat(asked)
    })
    const connection = await open(broker)
    expect(await connection.send(heartbeatApi, body, { timeoutMs: 1000 })).toMatchObject({ errorCode: 27 })
  })

  it('refuses what the negotiated version cannot say', async () => {
    const broker = await fakeBroker([{ ...heartbeatApi, maxVersion: 2 }], answerBeat)
    const connection = await open(broker)
    const asStatic = { ...beat, groupInstanceId: 'static' }
    const sending = connection.send(heartbeatApi, () => asStatic, { timeoutMs: 1000 })
    await expect(sending).rejects.toMatchObject({ code: 'SLUICE_UNSUPPORTED' })
    expect(await connection.send(heartbeatApi, body, { timeoutMs: 1000 })).toMatchObject({ errorCode: 27 })
  })

  it('closes when an answer does not come in time, and fails all that wait, as sent', async () => {
    const broker = await fakeBroker([heartbeatApi], () => {})
    const connection = await open(broker)
    const first = connection.send(heartbeatApi, body, { timeoutMs: 50 })
    const second = connection.send(heartbeatApi, body, { timeoutMs: 5000 })
    const fault = { code: 'SLUICE_BROKER_UNAVAILABLE', details: { sent: true } }
    await expect(first).rejects.toMatchObject({
      ...fault,
      message: expect.stringContaining('50 ms') as string,
    })
    await expect(second).rejects.toMatchObject(fault)
    expect(connection.isOpen).toBe(false)
    const late = connection.send(heartbeatApi, body, { timeoutMs: 5000 })
    await expect(late).rejects.toMatchObject({ code: 'SLUICE_BROKER_UNAVAILABLE', details: { sent: false } })
  })

  it.each([
    ['a frame of negative size', [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]],
    ['a frame of two gigabytes', [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]],
    ['what a web server says', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['the alert of a TLS listener', [0x15, 3, 3, 0, 2, 2, 80]],
    ['an answer to another request', [0, 0, 0, 6, 0, 0, 0, 99, 0, 0]],
    ['half an answer in a whole frame', [0, 0, 0, 5, 0, 0, 0, 2, 0]],
  ])('gets %s: one error, and it is closed', async (_what, bytes) => {
    const broker = await fakeBroker([heartbeatApi], ({ socket }) => socket.write(Buffer.from(bytes)))
    const connection = await open(broker)
    const sending = connection.send(heartbeatApi, body, { timeoutMs: 2000 })
    await expect(sending).rejects.toMatchObject({ code: 'SLUICE_KAFKA_MALFORMED', retry: 'never' })
    expect(connection.isOpen).toBe(false)
  })

  it('gets an answer that nobody asked for: it is closed', async () => {
    const broker = await fakeBroker([heartbeatApi], (asked) => {
      answerBeat(asked)
      answerBeat(asked)
    })
    const connection = await open(broker)
    await connection.send(heartbeatApi, body, { timeoutMs: 1000 })
    await expect.poll(() => connection.isOpen).toBe(false)
  })

  it('reads answers however they are cut, small and large ones mixed', async () => {
    const sizes = [0, 10, 70_000, 5, 200_000, 65_520, 1, 65_536]
    const broker = await fakeBroker([fetchApi], (asked) => {
      const size = asked.body(fetchApi).maxBytes
      const partition = {
        partitionIndex: 0,
        errorCode: 0,
        highWatermark: 0,
        records: Buffer.alloc(size, size % 251),
        abortedTransactions: null,
      }
      asked.answer(fetchApi, { throttleTimeMs: 0, responses: [{ partitions: [partition] }] })
    })
    const connection = await open(broker)
    const answers = await Promise.all(
      sizes.map((maxBytes) =>
        connection.send(fetchApi, () => ({ maxWaitMs: 0, minBytes: 0, maxBytes, topics: [] }), {
          timeoutMs: 5000,
        }),
      ),
    )
    const records = answers.map(({ responses }) => responses[0]!.partitions[0]!.records!)
    expect(records.map(({ length }) => length)).toEqual(sizes)
    expect(records.every((bytes) => bytes.every((byte) => byte === bytes.length % 251))).toBe(true)
  })

  it('that the broker closes fails what is under way', async () => {
    const broker = await fakeBroker([heartbeatApi], ({ socket }) => socket.destroy())
    const connection = await open(broker)
    const sending = connection.send(heartbeatApi, body, { timeoutMs: 2000 })
    await expect(sending).rejects.toMatchObject({
      code: 'SLUICE_BROKER_UNAVAILABLE',
      details: { sent: true },
    })
  })

  it('sends nothing for as long as a quota asks for, and closes all the same', async () => {
    const times: number[] = []
    const broker = await fakeBroker([heartbeatApi], (asked) => {
      times.push(performance.now())
      asked.answer(heartbeatApi, {
        errorCode: 0,
        throttleTimeMs: times.length === 1 ? 300 : times.length === 3 ? 60_000 : 0,
      })
    })
    const connection = await open(broker)
    const send = (): Promise<unknown> => connection.send(heartbeatApi, body, { timeoutMs: 1000 })
    await send()
    await Promise.all([send(), send()])
    expect(times[1]! - times[0]!).toBeGreaterThan(280)
    expect(times[2]! - times[1]!).toBeLessThan(250)
    const held = send()
    connection.close()
    await expect(held).rejects.toMatchObject({ code: 'SLUICE_CLOSED' })
    expect(times).toHaveLength(3)
  })

  it('is not made to a broker that takes it and says nothing', async () => {
    const broker = await fakeBroker([], () => {})
    await expect(open(broker, {}, 100)).rejects.toMatchObject({
      details: { sent: false },
      message: expect.stringContaining('within 100 ms') as string,
    })
  })
})

describe('a login', () => {
  const sasl = [saslHandshakeApi, saslAuthenticateApi, heartbeatApi]
  const plain: Security = { sasl: { mechanism: 'PLAIN', username: 'ann', password: 'secret' } }

  it('is renewed while other requests wait for it', async () => {
    const order: number[] = []
    const broker = await fakeBroker(sasl, (asked) => {
      order.push(asked.header.apiKey)
      if (asked.header.apiKey === saslHandshakeApi.key)
        asked.answer(saslHandshakeApi, { errorCode: 0, mechanisms: [] })
      else if (asked.header.apiKey === heartbeatApi.key) answerBeat(asked)
      else
        setTimeout(
          () =>
            asked.answer(saslAuthenticateApi, {
              errorCode: 0,
              errorMessage: null,
              authBytes: Buffer.alloc(0),
              sessionLifetimeMs: 200,
            }),
          20,
        )
    })
    const connection = await open(broker, plain)
    const end = performance.now() + 700
    while (performance.now() < end) await connection.send(heartbeatApi, body, { timeoutMs: 1000 })
    // The last one may have been under way at the end.
    const renewals = order
      .slice(0, -1)
      .flatMap((key, index) => (key === saslHandshakeApi.key ? [order[index + 1]] : []))
    expect(renewals.length).toBeGreaterThanOrEqual(3)
    expect(new Set(renewals)).toEqual(new Set([saslAuthenticateApi.key]))
  })

  it('whose token never comes takes no longer than a connection may', async () => {
    const broker = await fakeBroker(sasl, () => {})
    const token = (): Promise<never> => new Promise(() => {})
    await expect(open(broker, { sasl: { mechanism: 'OAUTHBEARER', token } }, 100)).rejects.toMatchObject({
      code: 'SLUICE_BROKER_UNAVAILABLE',
      details: { sent: false },
    })
  })

  it('that cannot be renewed closes the connection with the reason', async () => {
    let logins = 0
    const broker = await fakeBroker(sasl, (asked) => {
      if (asked.header.apiKey === saslHandshakeApi.key)
        asked.answer(saslHandshakeApi, { errorCode: 0, mechanisms: [] })
      else if (asked.header.apiKey === saslAuthenticateApi.key) {
        const refused = ++logins > 1
        const answer = { errorCode: refused ? 58 : 0, errorMessage: refused ? 'account closed' : null }
        asked.answer(saslAuthenticateApi, { ...answer, authBytes: Buffer.alloc(0), sessionLifetimeMs: 50 })
      }
    })
    const connection = await open(broker, plain)
    await expect.poll(() => connection.isOpen).toBe(false)
    const late = connection.send(heartbeatApi, body, { timeoutMs: 5000 })
    await expect(late).rejects.toMatchObject({
      code: 'SLUICE_KAFKA_AUTHENTICATION',
      message: expect.stringContaining('account closed') as string,
    })
  })
})

/** The answer as version 0 has it, under any header. */
const versionZero: typeof apiVersionsApi.writeResponse = (output, answer) =>
  apiVersionsApi.writeResponse(output, answer, 0)

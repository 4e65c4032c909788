/** Request and reply over the embedded broker: a replier of its own answers as the test says. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEmbedded } from '../../../src/brokers/embedded/cluster.ts'
import type { EmbeddedCluster } from '../../../src/brokers/embedded/cluster.ts'
import type { Broker } from '../../../src/core/broker.ts'
import type { AsyncOutcome, Ticket } from '../../../src/core/async-operator.ts'
import { enrichment } from '../../../src/enrich/enrichment.ts'
import { kafkaRequest } from '../../../src/enrich/sources/kafka.ts'
import type { KafkaRequestOptions } from '../../../src/enrich/sources/kafka.ts'
import { string } from '../../../src/serdes/text.ts'
import { json } from '../../../src/serdes/json.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import { testHost, ticketOf } from '../virtual.ts'
import { answerOf, realClock } from './asking.ts'

const requests = { name: 'price-requests', key: string, value: json<{ item: string }>() }
const replies = { name: 'price-replies', key: string, value: json<{ price: number }>() }

let cluster: EmbeddedCluster
let brokers: Broker[]
let asked: { id: string; item: string; replyTo: string }[]
let stopReplier: () => Promise<void>

const connect = (): Broker => {
  const broker = cluster.connect({ clock: realClock, random: seededRandom('client') })
  brokers.push(broker)
  return broker
}

const headerText = (headers: readonly { key: string; value: Uint8Array | null }[], key: string): string =>
  Buffer.from(headers.find((one) => one.key === key)?.value ?? []).toString()

/** Answers each item with `price`, a refusal for `refused`, nothing for `silent`. */
async function startReplier(delayMs = 0): Promise<() => Promise<void>> {
  const broker = connect()
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  for (const partition of [0, 1]) fetcher.add(requests.name, partition, 0)
  const producer = broker.producer({})
  await producer.init()
  let running = true
  const work = async (): Promise<void> => {
    while (running) {
      const buffer = producer.buffer()
      for (const batch of fetcher.take()) {
        if (batch.kind === 'failed') throw batch.error
        for (let at = 0; at < batch.count; at++) {
          const headers = batch.headersAt(at)
          const id = headerText(headers, 'correlation-id')
          const { item } = requests.value.deserialize(batch.valueAt(at)!)
          asked.push({ id, item, replyTo: headerText(headers, 'reply-topic') })
          if (item === 'silent') continue
          const correlation = { key: 'correlation-id', value: Buffer.from(id) }
          const refusal = { key: 'reply-error', value: Buffer.from('not for sale') }
          buffer.append(
            producer.target(replies.name, at % 3),
            null,
            item === 'broken' ? 'no json' : replies.value.serialize({ price: item.length }),
            Date.now(),
            item === 'refused' ? [correlation, refusal] : [correlation],
          )
        }
      }
      if (buffer.records > 0) {
        await new Promise((resolve) => {
          setTimeout(resolve, delayMs)
        })
        await producer.send(buffer)
      }
      await fetcher.arrived(20)
    }
    fetcher.close()
  }
  const working = work()
  return async () => {
    running = false
    fetcher.wake()
    await working
  }
}

beforeEach(async () => {
  brokers = []
  asked = []
  stopReplier = async () => undefined
  cluster = await openEmbedded({ clock: realClock, random: seededRandom('kafka-request') })
  const { admin } = connect()
  await admin.createTopic({ name: requests.name, partitions: 2 })
  await admin.createTopic({ name: replies.name, partitions: 3 })
})
afterEach(async () => {
  await stopReplier()
  for (const broker of brokers) await broker.close()
  await cluster.close()
})

interface Running {
  readonly outcomes: Map<number, AsyncOutcome>
  admit(ticket: Ticket): void
  settled(count: number): Promise<void>
  close(): void
  metric(name: string): number
}

function run(
  options: KafkaRequestOptions = {},
  source = kafkaRequest(requests, replies, { timeout: '5s', ...options }),
): Running {
  const outcomes = new Map<number, AsyncOutcome>()
  const host = Object.assign(testHost(realClock), { broker: connect() })
  const operator = enrichment(source).open(host)
  host.onSettle = ({ ticket, outcome }) => void outcomes.set(ticket.sequence, outcome)
  return {
    outcomes,
    admit: (ticket) => operator.admit(ticket),
    async settled(count) {
      await expect.poll(() => outcomes.size, { timeout: 8000, interval: 10 }).toBe(count)
    },
    close: () => operator.close(),
    metric: (name) => host.metric(name),
  }
}

const ticket = (sequence: number, item: string, note = {}): Ticket =>
  ticketOf(realClock, sequence, `k${sequence}`, { item }, note)

describe('a request over a topic', () => {
  it('is answered by the reply with its id, whatever partition that is in', async () => {
    stopReplier = await startReplier()
    const app = run()
    const items = Array.from({ length: 50 }, (_, at) => 'x'.repeat(at + 1))
    for (const [at, item] of items.entries()) app.admit(ticket(at, item))
    await app.settled(50)
    for (const [at] of items.entries()) expect(answerOf(app.outcomes.get(at)!)).toEqual({ price: at + 1 })
    expect(new Set(asked.map(({ id }) => id)).size).toBe(50)
    expect(new Set(asked.map(({ replyTo }) => replyTo))).toEqual(new Set([replies.name]))
    app.close()
  })

  it('fails without another attempt when the reply is a refusal or cannot be read', async () => {
    stopReplier = await startReplier()
    const app = run()
    app.admit(ticket(0, 'refused'))
    app.admit(ticket(1, 'broken'))
    await app.settled(2)
    expect(app.outcomes.get(0)).toMatchObject({
      kind: 'dead-letter',
      error: { message: expect.stringContaining('not for sale') as string },
    })
    expect(app.outcomes.get(1)).toMatchObject({ kind: 'dead-letter', error: { code: 'SLUICE_CALL_REFUSED' } })
    expect(app.metric('enrich-retries-total')).toBe(0)
    app.close()
  })

  it('is asked again at the timeout under the same id; a late reply to the first attempt counts', async () => {
    stopReplier = await startReplier(250)
    const app = run({ timeout: '150ms', retry: { retries: 5, delay: 1 } })
    app.admit(ticket(0, 'slow'))
    await app.settled(1)
    expect(answerOf(app.outcomes.get(0)!)).toEqual({ price: 4 })
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1)
    app.close()
  })

  it('takes a reply that came while the application was down, without asking again', async () => {
    const first = run({ timeout: '20s' })
    first.admit(ticket(7, 'abc'))
    const { admin } = connect()
    const written = async (): Promise<number> =>
      (await admin.listOffset(requests.name, 0, 'latest', 'read_committed')) +
      (await admin.listOffset(requests.name, 1, 'latest', 'read_committed'))
    await expect.poll(written).toBe(1)
    first.close()

    stopReplier = await startReplier()
    await expect.poll(() => asked.length).toBe(1)
    await expect.poll(async () => await admin.listOffset(replies.name, 0, 'latest', 'read_committed')).toBe(1)

    // What the ledger restores: the same record and sequence, with its attempts and its deadline.
    const second = run({ timeout: '20s' })
    second.admit(ticket(7, 'abc', { attempts: 1 }))
    await second.settled(1)
    expect(answerOf(second.outcomes.get(7)!)).toEqual({ price: 3 })
    expect(await written()).toBe(1)
    second.close()
  })

  it('reaches the dead letter at its deadline when nobody replies, also over a restart', async () => {
    stopReplier = await startReplier()
    const start = Date.now()
    const first = run({ timeout: '10s' })
    const restored = ticket(0, 'silent', { deadlineMs: 700 })
    first.admit(restored)
    await expect.poll(() => asked.length).toBe(1)
    first.close()
    const second = run({ timeout: '10s' })
    second.admit({ ...restored, attempts: 1 })
    await second.settled(1)
    expect(second.outcomes.get(0)).toMatchObject({
      kind: 'dead-letter',
      error: { code: 'SLUICE_ENRICH_TIMEOUT' },
    })
    expect(Date.now() - start).toBeGreaterThanOrEqual(695)
    expect(Date.now() - start).toBeLessThan(4000)
    second.close()
  })

  it('is shared by tasks and by instances in one process, each with its own connection', async () => {
    stopReplier = await startReplier()
    const source = kafkaRequest(requests, replies, { timeout: '5s' })
    const apps = [run({}, source), run({}, source)]
    for (const [at, app] of apps.entries()) app.admit(ticket(at, 'x'.repeat(at + 1)))
    for (const app of apps) await app.settled(1)
    apps[0]!.close()
    apps[1]!.admit(ticket(5, 'again'))
    await apps[1]!.settled(2)
    expect(answerOf(apps[1]!.outcomes.get(5)!)).toEqual({ price: 5 })
    apps[1]!.close()
  })

  it('names a topic that does not exist, without asking again', async () => {
    const source = kafkaRequest({ ...requests, name: 'nowhere' }, replies)
    const app = run({}, source)
    app.admit(ticket(0, 'a'))
    await app.settled(1)
    expect(app.outcomes.get(0)).toMatchObject({ error: { code: 'SLUICE_TOPIC_MISSING' } })
    app.close()
  })
})

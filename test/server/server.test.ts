/** The server over real HTTP: what it answers, whom it refuses, what happens when its port is taken. */
import { createServer } from 'node:http'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from 'sluice'
import { idle, openRuntime, start } from 'sluice/embed'
import type { Runtime, Service } from 'sluice/embed'
import { documentMetrics, exposedName, METRICS } from '../../src/server/metric-names.ts'

const orders = topic('orders', { key: string, value: json<{ total: number }>() })
const app = defineApp('shop', (flow) => {
  flow
    .stream(orders)
    .enrich({ rate: async () => 2 }, { name: 'rate' })
    .to(topic('rated', { key: string, value: json() }))
})

async function write(runtime: Runtime, name: string, values: readonly string[], time = 1000): Promise<void> {
  const producer = runtime.connect().producer({})
  await producer.init()
  const buffer = producer.buffer()
  values.forEach((value, at) => buffer.append(producer.target(name, at % 4), `k${at}`, value, time + at, []))
  await producer.send(buffer)
  await producer.close()
}

let runtime: Runtime
let service: Service
beforeAll(async () => {
  runtime = await openRuntime()
  service = await runtime.start(app, { serverPort: 0 })
  const values = Array.from({ length: 20 }, (_, at) => `{"total":${at}}`)
  await write(runtime, 'orders', [...values, 'no json'])
  await idle(runtime, service)
})
afterAll(() => runtime.close())

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly text: string
  readonly json: unknown
}

async function get(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  url = service.url!,
): Promise<Answer> {
  const answer = await fetch(`${url}${path}`, { headers })
  const text = await answer.text()
  const type = answer.headers.get('content-type')
  return {
    status: answer.status,
    type,
    text,
    json: type?.includes('json') === true ? JSON.parse(text) : undefined,
  }
}

describe('the server', () => {
  it('listens on loopback', () => expect(service.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/))

  it('says that the process is well and does its work', async () => {
    expect(await get('/health')).toMatchObject({
      status: 200,
      json: { status: 'ok', application: 'shop', pid: process.pid, state: 'running' },
    })
    expect(await get('/ready')).toMatchObject({
      status: 200,
      json: { ready: true, tasks: ['0_0', '0_1', '0_2', '0_3'] },
    })
  })

  it('draws the topology', async () => {
    expect((await get('/topology')).json).toMatchObject({
      application: 'shop',
      reads: ['orders'],
      writes: ['rated'],
    })
    expect((await get('/topology?format=mermaid')).text).toMatch(/^flowchart LR\n/)
    expect((await get('/topology?format=text')).text).toContain('Source: orders-source (topics: [orders])')
    expect((await get('/topology?format=png')).json).toMatchObject({
      message: 'query format: expected json, mermaid or text, got png',
    })
  })

  it('lists topics', async () => {
    expect((await get('/topics')).json).toContainEqual(
      expect.objectContaining({ name: 'rated', partitions: 4 }),
    )
  })

  it.each([
    ['', 21, { total: 0 }],
    ['?limit=5', 5, { total: 0 }],
    ['?from=latest&limit=3', 3, { total: 18 }],
    ['?from=5', 1, 'no json'],
    ['?from=1970-01-01T00:00:01.010Z', 11, { total: 10 }],
    ['?from=2100-01-01', 0, undefined],
    ['?from=99999', 0, undefined],
  ])('browses a topic: %s', async (query, length, first) => {
    const { json: records } = (await get(`/topics/orders/records${query}`)) as { json: { value: unknown }[] }
    expect(records).toHaveLength(length)
    expect(records[0]?.value).toEqual(first)
  })

  it('shows the whole of a record, headers too', async () => {
    const { json: letters } = await get('/topics/shop-dead-letters/records')
    expect(letters).toMatchObject([
      {
        partition: 0,
        offset: 0,
        timestamp: 1020,
        key: 'k20',
        value: 'no json',
        headers: { '__streams.errors.topic': 'orders' },
      },
    ])
  })

  it('follows a topic by server-sent events', async () => {
    const stop = new AbortController()
    const answer = await fetch(`${service.url}/topics/rated/follow`, { signal: stop.signal })
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    const events: string[] = []
    const reader = answer.body!.pipeThrough(new TextDecoderStream())
    for await (const text of reader) {
      if (events.length === 0) await write(runtime, 'orders', ['{"total":100}'], 5000)
      events.push(text)
      if (events.join('').includes('data: ')) break
    }
    stop.abort()
    const [, id, data] = /^id: (\S+)\ndata: (.*)\n\n$/m.exec(events.join(''))!
    expect(id).toMatch(/^\d-\d+$/)
    expect(JSON.parse(data!)).toMatchObject({ key: 'k0', value: { total: 100, rate: 2 }, timestamp: 5000 })
  })

  it.each([
    ['/topics/nowhere/records', 404, 'topic "nowhere" does not exist'],
    ['/topics/nowhere/follow', 404, 'topic "nowhere" does not exist'],
    ['/topics/orders/records?limit=0', 400, 'a whole number from 1 to 1000'],
    ['/topics/orders/records?from=yesterday', 400, 'expected earliest, latest, an offset'],
    ['/nowhere', 404, 'try /health'],
  ])('refuses %s', async (path, status, message) => {
    const answer = await get(path)
    expect(answer.status).toBe(status)
    expect(answer.text.replaceAll('\\"', '"')).toContain(message)
  })

  it('only reads', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      expect((await fetch(`${service.url}/topics`, { method })).status).toBe(404)
  })

  it('answers on loopback only to names of loopback, so that no page of another site can ask', async () => {
    const { port } = new URL(service.url!)
    const status = await new Promise((resolve) => {
      request({ port, path: '/topics', headers: { host: `evil.example:${port}` } }, (answer) =>
        resolve(answer.statusCode),
      ).end()
    })
    expect(status).toBe(403)
  })
})

describe('/metrics', () => {
  it('is the text format of Prometheus, with values', async () => {
    const { text, type } = await get('/metrics')
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8')
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(
        /^(# (HELP|TYPE) sluice_\w+ .+|sluice_\w+\{\w+="[^"]*"(,\w+="[^"]*")*\} [-+\d.eE]+)$/,
      )
    const processed = Array.from(text.matchAll(/^sluice_process_total\{.*\} (\d+)$/gm), ([, count]) =>
      Number(count),
    )
    expect(processed.reduce((all, count) => all + count, 0)).toBeGreaterThanOrEqual(21)
    expect(text).toMatch(
      /^sluice_records_lag\{application="shop",task="0_0",topic="orders",partition="0"\} 0$/m,
    )
    expect(text).toMatch(/^sluice_state\{application="shop",state="running"\} 1$/m)
    expect(text).toMatch(/^sluice_commit_latency_ms_count\{application="shop"\} [1-9]/m)
  })

  it('has nothing that is not in the list', async () => {
    const { text } = await get('/metrics')
    const exposed = Array.from(text.matchAll(/^# TYPE (\w+) (\w+)$/gm), ([, name, type]) => [name, type])
    const listed = new Map(
      Object.entries(METRICS).map(([name, { type }]) => [exposedName(name), type as string]),
    )
    expect(exposed.length).toBeGreaterThan(20)
    expect(exposed.filter(([name, type]) => listed.get(name!) !== type)).toEqual([])
  })

  it('is documented as it is', () => {
    const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
    expect(page).toContain(documentMetrics())
  })
})

describe('a server with a token', () => {
  it('wants it for everything but health and readiness', async () => {
    const guarded = await start(app, { serverPort: 0, serverToken: 's3cret' })
    const ask = async (path: string, token?: string): Promise<number> =>
      (await get(path, token === undefined ? {} : { authorization: `Bearer ${token}` }, guarded.url)).status
    expect([await ask('/topics'), await ask('/topics', 'guess'), await ask('/topics', 's3cret')]).toEqual([
      401, 401, 200,
    ])
    expect(await ask('/health')).toBe(200)
    await guarded.close()
    await expect(get('/health', {}, guarded.url)).rejects.toThrow('fetch failed')
  })
})

describe('a server that closes', () => {
  it('ends what follows a topic', async () => {
    const other = await start(app, { serverPort: 0 })
    const answer = await fetch(`${other.url}/topics/orders/follow`)
    const reader = answer.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value as Uint8Array)).toBe(': following\n\n')
    const began = performance.now()
    await other.close()
    expect(performance.now() - began).toBeLessThan(2000)
    const ended = reader.read().then(
      ({ done }) => done,
      () => true,
    )
    expect(await ended).toBe(true)
  })
})

describe('a port that cannot be had', () => {
  it('is refused with the application that has it', async () => {
    const serverPort = Number(new URL(service.url!).port)
    await expect(start(app, { serverPort })).rejects.toMatchObject({
      code: 'SLUICE_PORT_TAKEN',
      message: `127.0.0.1:${serverPort} is taken by the application shop (process ${process.pid})`,
    })
  })

  it('is refused when a stranger has it', async () => {
    const stranger = createServer((_, response) => response.end('hello'))
    await new Promise<void>((resolve) => {
      stranger.listen(0, '127.0.0.1', resolve)
    })
    const serverPort = (stranger.address() as AddressInfo).port
    await expect(start(app, { serverPort })).rejects.toMatchObject({
      code: 'SLUICE_PORT_TAKEN',
      message: expect.stringContaining(`another program (to see which: lsof -i :${serverPort})`) as string,
    })
    stranger.close()
  })

  it('is refused when the address is not ours', async () => {
    await expect(start(app, { serverPort: 0, serverHost: '192.0.2.1' })).rejects.toMatchObject({
      code: 'SLUICE_LISTEN',
    })
  })
})

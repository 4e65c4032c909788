/** HTTP against a real server on loopback: statuses, bodies, cancellation, true concurrency. */
import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AsyncOutcome } from '../../../src/core/async-operator.ts'
import type { Clock } from '../../../src/core/clock.ts'
import { isSluiceError } from '../../../src/core/errors.ts'
import type { HttpClient } from '../../../src/core/http.ts'
import { enrichment } from '../../../src/enrich/enrichment.ts'
import { http } from '../../../src/enrich/sources/http.ts'
import type { HttpOptions } from '../../../src/enrich/sources/http.ts'
import { createHttpClient } from '../../../src/platform/http.ts'
import { testHost, ticketOf } from '../virtual.ts'
import type { TestHost } from '../virtual.ts'

const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(ms, run) {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

let server: Server
let handler: Handler
let origin: string
let client: HttpClient
let sockets: number
let seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[]

beforeEach(async () => {
  sockets = 0
  seen = []
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString()
      seen.push({ method: request.method!, url: request.url!, headers: request.headers, body })
      handler(request, response, body)
    })
  })
  server.on('connection', () => sockets++)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', 2048, resolve)
  })
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  client = createHttpClient()
})

afterEach(async () => {
  await client.close()
  server.closeAllConnections()
  await new Promise((resolve) => {
    server.close(resolve)
  })
})

function settledIn(host: TestHost<Clock>, count: number): Promise<void> {
  return new Promise((resolve) => {
    host.onSettle = () => {
      if (host.settled.length >= count) resolve()
    }
    if (host.settled.length >= count) resolve()
  })
}

/** Asks for one record and gives its outcome. */
async function ask(options: HttpOptions, value: unknown = {}, path = '/u/{key}'): Promise<AsyncOutcome> {
  const host = testHost(realClock, client)
  const operator = enrichment(http(origin + path, { retry: { delay: 1 }, ...options })).open(host)
  operator.admit(ticketOf(host.clock, 0, 'k1', value))
  await settledIn(host, 1)
  operator.close()
  return host.settled[0]!.outcome
}

function reply(status: number, body = '', headers: Record<string, string> = {}): Handler {
  return (_request, response) => response.writeHead(status, headers).end(body)
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }

describe('answers', () => {
  it.each([
    [200, '{"a":1}', JSON_TYPE, {}, { a: 1 }],
    [201, '[1]', { 'content-type': 'application/problem+json' }, {}, [1]],
    [200, '{"a":1}', { 'content-type': 'text/plain' }, {}, '{"a":1}'],
    [200, '{"a":1}', { 'content-type': 'text/plain' }, { response: 'json' }, { a: 1 }],
    [200, '{"a":1}', JSON_TYPE, { response: 'text' }, '{"a":1}'],
    [204, '', {}, {}, null],
    [404, 'gone', {}, {}, null],
  ] as const)('%i with %j read as it says', async (status, body, headers, options, expected) => {
    handler = reply(status, body, headers)
    expect(await ask(options)).toEqual({ kind: 'emit', value: expected })
    expect(seen).toHaveLength(1)
  })

  it.each([400, 401, 403, 409, 422, 302])(
    '%i fails at once with status and the start of the body',
    async (status) => {
      handler = reply(status, 'x'.repeat(5000))
      const outcome = await ask({})
      expect(seen).toHaveLength(1)
      if (outcome.kind !== 'dead-letter') throw new Error(outcome.kind)
      expect(outcome.error.code).toBe('SLUICE_HTTP_STATUS')
      expect(outcome.error.message).toContain(`GET ${origin}/u/k1 answered ${status}: xxx`)
      expect(outcome.error.message.length).toBeLessThan(400)
    },
  )

  it('404 fails by option', async () => {
    handler = reply(404)
    expect(await ask({ notFound: 'error' })).toMatchObject({ error: { code: 'SLUICE_HTTP_STATUS' } })
  })

  it.each([408, 425, 429, 500, 503])('%i is retried', async (status) => {
    handler = (request, response, body) =>
      seen.length < 3
        ? reply(status, 'no')(request, response, body)
        : reply(200, '7', JSON_TYPE)(request, response, body)
    expect(await ask({})).toEqual({ kind: 'emit', value: 7 })
    expect(seen).toHaveLength(3)
  })

  it('that are no JSON though they say so are retried and then said', async () => {
    handler = reply(200, '{"a":', JSON_TYPE)
    const outcome = await ask({ retry: { retries: 1, delay: 1 } })
    expect(seen).toHaveLength(2)
    if (outcome.kind !== 'dead-letter') throw new Error(outcome.kind)
    expect(outcome.error.code).toBe('SLUICE_ENRICH_FAILED')
    expect(isSluiceError(outcome.error.cause, 'SLUICE_HTTP_BODY')).toBe(true)
  })

  it('wait for Retry-After when it is longer than the back-off', async () => {
    const times: number[] = []
    handler = (request, response, body) => {
      times.push(performance.now())
      const first = times.length === 1
      reply(first ? 429 : 200, first ? '' : '1', first ? { 'retry-after': '0.3' } : JSON_TYPE)(
        request,
        response,
        body,
      )
    }
    expect(await ask({})).toEqual({ kind: 'emit', value: 1 })
    expect(times[1]! - times[0]!).toBeGreaterThan(280)
  })

  it('a refused connection is retried and then dead-lettered', async () => {
    handler = reply(200)
    const host = testHost(realClock, client)
    const operator = enrichment(http('http://127.0.0.1:1/{key}', { retry: { retries: 1, delay: 1 } })).open(
      host,
    )
    operator.admit(ticketOf(host.clock, 0, 'k', {}))
    await settledIn(host, 1)
    expect(host.settled[0]!.outcome).toMatchObject({
      kind: 'dead-letter',
      error: { code: 'SLUICE_ENRICH_FAILED', message: expect.stringContaining('2 attempt(s)') as string },
    })
  })
})

describe('requests', () => {
  it('carry method, headers and body of the template', async () => {
    handler = reply(200, '{}', JSON_TYPE)
    const options: HttpOptions = {
      method: 'post',
      headers: { 'X-Tenant': 't-{value.tenant}' },
      body: { id: '{value.id}', who: 'key {key}' },
    }
    await ask(options, { id: 7, tenant: 'acme' }, '/find?x={value.id}')
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: '/find?x=7',
      body: '{"id":7,"who":"key k1"}',
      headers: { 'x-tenant': 't-acme', 'content-type': 'application/json' },
    })
    expect(seen[0]!.headers['idempotency-key']).toMatch(/^enrich-test.*\/orders-0\/0\//)
  })

  it('carry the same idempotency key in every attempt of a write, none in a read', async () => {
    handler = reply(503)
    await ask({ method: 'PUT', body: (value: unknown) => value, retry: { retries: 2, delay: 1 } }, { a: 1 })
    expect(seen.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}', '{"a":1}'])
    expect(new Set(seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
    handler = reply(200)
    await ask({ method: 'POST', kind: 'read', body: {} })
    expect(seen[3]!.headers['idempotency-key']).toBeUndefined()
  })

  it('are not made when a placeholder has no value', async () => {
    expect(await ask({}, {}, '/u/{value.id}')).toEqual({ kind: 'emit', value: null })
    expect(seen).toHaveLength(0)
  })

  it('refuse text bodies with placeholders, unknown methods and options', () => {
    expect(() => http(`${origin}/x`, { body: '{"id":"{key}"}' })).toThrow('body: expected a JSON value')
    expect(() => http(`${origin}/x`, { method: 'GET /' })).toThrow('expected HTTP method')
    expect(() => http(`${origin}/x`, { heders: {} } as never)).toThrow('did you mean "headers"?')
    expect(() => http({ url: `${origin}/x`, headers: { a: 1 } } as never)).toThrow(
      'headers: expected an object',
    )
  })

  it('that are equal share one call and its cached answer', async () => {
    handler = (_request, response) => {
      setTimeout(() => response.writeHead(200, JSON_TYPE).end('{"a":1}'), 20)
    }
    const host = testHost(realClock, client)
    const operator = enrichment(http(`${origin}/u/{value.id}`, { cache: '60s' })).open(host)
    for (let at = 0; at < 50; at++) operator.admit(ticketOf(host.clock, at, `k${at}`, { id: at % 2 }))
    await settledIn(host, 50)
    operator.admit(ticketOf(host.clock, 50, 'k', { id: 0 }))
    expect(host.settled).toHaveLength(51)
    expect(seen).toHaveLength(2)
  })
})

describe('answers shared between records', () => {
  it('are never given to a caller with another header', async () => {
    handler = (request, response, body) =>
      reply(200, JSON.stringify(request.headers.authorization), JSON_TYPE)(request, response, body)
    const host = testHost(realClock, client)
    const operator = enrichment(
      http(`${origin}/me`, { headers: { Authorization: 'Bearer {value.token}' }, cache: '60s' }),
    ).open(host)
    for (let at = 0; at < 6; at++) operator.admit(ticketOf(host.clock, at, 'k', { token: `t${at % 2}` }))
    await settledIn(host, 6)
    expect(host.settled.map(({ outcome }) => outcome)).toEqual(
      [0, 1, 0, 1, 0, 1].map((at) => ({ kind: 'emit', value: `Bearer t${at}` })),
    )
    expect(seen).toHaveLength(2)
  })
})

describe('cancellation', () => {
  it('leaves no listener on the signal of an answered call', async () => {
    handler = reply(200, '1', JSON_TYPE)
    const signals: AbortSignal[] = []
    const watched: HttpClient = {
      request: (request) => {
        signals.push(request.signal!)
        return client.request(request)
      },
      close: () => client.close(),
    }
    const host = testHost(realClock, watched)
    const operator = enrichment(http(`${origin}/{key}`)).open(host)
    for (let at = 0; at < 5; at++) operator.admit(ticketOf(host.clock, at, `k${at}`, {}))
    await settledIn(host, 5)
    expect(signals.map((signal) => getEventListeners(signal, 'abort').length)).toEqual([0, 0, 0, 0, 0])
  })

  it('closes the socket of a service that never answers, before the outcome', async () => {
    let closed = 0
    let closedAtRetry = -1
    handler = (request) => {
      if (seen.length === 2) closedAtRetry = closed
      request.socket.on('close', () => closed++)
    }
    const outcome = await ask({ timeout: 100, retry: { retries: 1, delay: 100 } })
    expect(outcome).toMatchObject({
      kind: 'dead-letter',
      error: { cause: { code: 'SLUICE_ENRICH_TIMEOUT' } },
    })
    await expect.poll(() => closed).toBe(2)
    expect([seen.length, sockets]).toEqual([2, 2])
    expect(closedAtRetry).toBeGreaterThanOrEqual(0)
  })

  it('closes the sockets of all calls when the task closes', async () => {
    let closed = 0
    handler = (request) => request.socket.on('close', () => closed++)
    const host = testHost(realClock, client)
    const operator = enrichment(http(`${origin}/u/{key}`)).open(host)
    for (let at = 0; at < 10; at++) operator.admit(ticketOf(host.clock, at, `k${at}`, {}))
    await expect.poll(() => seen.length).toBe(10)
    operator.close()
    await expect.poll(() => closed).toBe(10)
    expect(host.settled).toHaveLength(0)
  })

  it('also of an answer whose body stops half-way', async () => {
    handler = (_request, response) =>
      response.writeHead(200, { ...JSON_TYPE, 'content-length': '100' }).write('{"a":')
    expect(await ask({ timeout: 100, retry: 0 })).toMatchObject({
      error: { cause: { code: 'SLUICE_ENRICH_TIMEOUT' } },
    })
  })
})

describe('the client', () => {
  it('has 500 requests under way at once, and keeps the connections', async () => {
    const held: ServerResponse[] = []
    let most = 0
    handler = (_request, response) => {
      held.push(response)
      most = Math.max(most, held.length)
      // Answers nobody until all have arrived.
      if (held.length === 500) for (const one of held.splice(0)) one.writeHead(200, JSON_TYPE).end('1')
    }
    const host = testHost(realClock, client)
    const operator = enrichment(http(`${origin}/u/{key}`, { timeout: '20s' }), { concurrency: 500 }).open(
      host,
    )
    for (let at = 0; at < 1500; at++) operator.admit(ticketOf(host.clock, at, `k${at}`, {}))
    await settledIn(host, 1500)
    expect(host.settled.every(({ outcome }) => outcome.kind === 'emit')).toBe(true)
    expect([most, sockets]).toEqual([500, 500])
  })

  it('rejects at once when aborted before or while it waits for a connection', async () => {
    handler = () => undefined
    const single = createHttpClient({ connections: 1 })
    const request = { method: 'GET', origin, path: '/', headers: {} }
    const under = single.request(request).catch(() => 'destroyed')
    const controller = new AbortController()
    const queued = single.request({ ...request, signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(queued).rejects.toThrow('enough')
    await expect(single.request({ ...request, signal: controller.signal })).rejects.toThrow('enough')
    await single.close()
    expect(await under).toBe('destroyed')
    expect(seen.length).toBeLessThanOrEqual(1)
  })

  it('limits the size of an answer, and rejects after close', async () => {
    handler = reply(200, 'x'.repeat(100_000))
    const small = createHttpClient({ maxResponseBytes: 1000 })
    const request = { method: 'GET', origin, path: '/', headers: {} }
    await expect(small.request(request)).rejects.toThrow(/exceed/i)
    expect((await client.request(request)).body).toHaveLength(100_000)
    await small.close()
    await expect(small.request(request)).rejects.toThrow('HTTP client is closed')
  })
})

import { afterEach, describe, expect, it } from 'vitest'
import { http } from '../../src/enrich/index.ts'
import { defineApp, json, string, topic } from '../../src/index.ts'
import { createHttpClient } from '../../src/platform/http.ts'
import { createDriver } from '../../src/testing/driver.ts'
import { answers, breaksConnection, neverAnswers, tooManyRequests } from '../../src/testing/fake-replies.ts'
import { fakeHttp, fakeService } from '../../src/testing/fake-service.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'

const orders = topic('orders', { key: string, value: json<{ total: number }>() })
const checked = topic('checked', { key: string, value: json() })
const app = defineApp('check', (flow) => {
  flow
    .stream(orders)
    .enrich({ risk: http('https://risk.internal/{key}', { retry: 1 }) }, { deadline: '5s' })
    .to(checked)
})

const get = (path: string): { method: string; origin: string; path: string; headers: {} } => ({
  method: 'GET',
  origin: 'https://risk.internal',
  path,
  headers: {},
})

describe('a fake service behind the HTTP port', () => {
  it('answers by method and path, in steps, and keeps what it was asked', async () => {
    const service = fakeService()
      .on('GET /*', [{ status: 503 }, answers('text')])
      .on('POST /orders', ({ body }) => answers({ got: body }))
    const statuses = []
    for (const path of ['/a', '/b?x=1', '/c']) statuses.push((await service.http.request(get(path))).status)
    expect(statuses).toEqual([503, 200, 200])
    const post = { ...get('/orders'), method: 'POST', body: 'tea' }
    expect(String(Buffer.from((await service.http.request(post)).body))).toBe('{"got":"tea"}')
    service.expectCalls(['GET /a', 'GET /b?x=1', 'GET /c', 'POST /orders'])
    expect(() => service.expectCalls(['GET /a'])).toThrow(/expected 1, came 4[^]*\+ GET \/b\?x=1/)
    expect(() => service.expectCalls(['GET /c', 'GET /a', 'GET /b?x=1', 'POST /orders'])).toThrow(
      'another order',
    )
    service.expectCalls(['GET /c', 'GET /a', 'GET /b?x=1', 'POST /orders'], 'any')
    service.forget()
    service.expectCalls([])
  })

  it('says so where it was told nothing, and refuses a pattern that is none', async () => {
    const service = fakeService()
    const { status, body } = await service.http.request(get('/x'))
    expect([status, String(Buffer.from(body))]).toEqual([501, expect.stringContaining('GET /x')])
    expect(() => service.on('/x', answers(1))).toThrow("'/x' is no request")
    expect(() => service.on('GET /x', [])).toThrow('at least one reply')
  })

  it('is slow by the clock of the test: the driver waits, and retries after 429 as asked', async () => {
    const clock = manualClock()
    const service = fakeService({ clock }).on('GET /o1', [tooManyRequests(2), answers(7, { afterMs: 300 })])
    const driver = await createDriver(app.plan(), { clock, http: service.http })
    driver.pipe(orders, { key: 'o1', value: { total: 1 } })
    await driver.settle()
    driver.advance(1999)
    await driver.settle()
    service.expectCalls(['GET /o1'])
    driver.advance(200)
    await driver.settle()
    expect([service.calls.length, service.underWay, driver.pending]).toEqual([2, 1, 1])
    driver.advance(300)
    await driver.settle()
    expect(driver.read(checked).map(({ value }) => value)).toEqual([{ total: 1, risk: 7 }])
    driver.close()
  })

  it('never answers: the call is aborted by whoever asked', async () => {
    const clock = manualClock()
    const service = fakeService({ clock }).on('* *', neverAnswers())
    const driver = await createDriver(app.plan(), { clock, http: service.http })
    driver.pipe(orders, { key: 'o1', value: { total: 1 } })
    await driver.settle()
    driver.advance(5_000)
    await driver.settle()
    expect(service.calls.map(({ outcome }) => outcome)).toEqual(expect.arrayContaining(['aborted']))
    expect([service.underWay, service.mostUnderWay, driver.deadLetters().length]).toEqual([0, 1, 1])
    driver.close()
  })

  it('is one of several by origin', async () => {
    const service = fakeService().on('GET /x', answers(1))
    const client = fakeHttp({ 'https://risk.internal': service })
    expect((await client.request(get('/x'))).status).toBe(200)
    await expect(client.request({ ...get('/x'), origin: 'https://b' })).rejects.toThrow(
      'no fake service for https://b',
    )
  })
})

describe('a fake service on loopback', () => {
  const open: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close()
  })

  it('answers real requests, breaks and hangs as told', async () => {
    const service = fakeService()
      .on('GET /ok', answers({ a: 1 }, { headers: { 'x-b': 'c' } }))
      .on('GET /busy', tooManyRequests(3))
      .on('GET /broken', breaksConnection())
      .on('GET /never', neverAnswers())
      .on('POST /*', ({ body }) => answers(body))
    const server = await service.listen()
    const client = createHttpClient()
    open.push(client, server)
    const ask = (method: string, path: string, signal?: AbortSignal): ReturnType<typeof client.request> =>
      client.request({
        method,
        origin: server.url,
        path,
        headers: {},
        ...(method === 'POST' ? { body: 'tea' } : {}),
        ...(signal === undefined ? {} : { signal }),
      })
    const ok = await ask('GET', '/ok')
    expect([ok.status, ok.headers['x-b'], String(Buffer.from(ok.body))]).toEqual([200, 'c', '{"a":1}'])
    expect((await ask('GET', '/busy')).headers['retry-after']).toBe('3')
    expect(String(Buffer.from((await ask('POST', '/x')).body))).toBe('tea')
    await expect(ask('GET', '/broken')).rejects.toThrow('other side closed')
    await expect(ask('GET', '/never', AbortSignal.timeout(50))).rejects.toThrow('timeout')
    await expect
      .poll(() => service.calls.map(({ outcome }) => outcome))
      .toEqual(['answered', 'answered', 'answered', 'broken', 'aborted'])
  })
})

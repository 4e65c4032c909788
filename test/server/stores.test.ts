/** `/stores` over real HTTP: keys, ranges, windows; what is not there is a 404 that says what is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from 'sluice'
import { idle, openRuntime } from 'sluice/embed'
import type { Runtime, Service } from 'sluice/embed'
import { int64 } from 'sluice/serdes'

const orders = topic('orders', { key: string, value: json<{ total: number }>() })
const app = defineApp('shop', (flow) => {
  const stream = flow.stream(orders)
  stream.groupByKey().count({ name: 'per-customer' })
  stream.groupBy((order) => order.total, { key: int64, name: 'by-total' }).count({ name: 'per-total' })
})

let runtime: Runtime
let service: Service
beforeAll(async () => {
  runtime = await openRuntime()
  service = await runtime.start(app, { serverPort: 0 })
  const producer = runtime.connect().producer({})
  await producer.init()
  const buffer = producer.buffer()
  for (let at = 0; at < 20; at++) {
    buffer.append(producer.target('orders', at % 4), `k${at % 4}`, `{"total":${at}}`, 1000 + at, [])
  }
  await producer.send(buffer)
  await producer.close()
  await idle(runtime, service)
})
afterAll(() => runtime.close())

async function get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(`${service.url}${path}`)
  return { status: answer.status, body: await answer.json() }
}

describe('/stores', () => {
  it('lists the stores, their kinds and where they are', async () => {
    const { body } = await get('/stores')
    expect(body).toMatchObject([
      { name: 'per-customer', kind: 'timestamped', active: [0, 1, 2, 3], standby: [] },
      { name: 'per-total', kind: 'timestamped' },
    ])
  })

  it('finds a key, as text or as JSON where keys are no text', async () => {
    expect(await get('/stores/per-customer/k1?partition=1')).toEqual({
      status: 200,
      body: { key: 'k1', value: 5, timestamp: 1017 },
    })
    expect((await get('/stores/per-total/7')).body).toEqual({ key: 7, value: 1, timestamp: 1007 })
  })

  it.each([
    ['/stores/per-customer?partition=2', ['k2']],
    ['/stores/per-customer?from=k2&to=k3', ['k2', 'k3']],
    ['/stores/per-customer?limit=1', ['k0']],
  ])('lists entries: %s', async (path, keys) => {
    const { body } = (await get(path)) as { body: { key: string }[] }
    expect(body.map(({ key }) => key)).toEqual(keys)
  })

  it.each([
    ['/stores/per-customers', 404, 'SLUICE_QUERY_STORE', /per-customer/],
    ['/stores/per-customer/nobody', 404, 'SLUICE_QUERY_KEY', /nobody/],
    ['/stores/per-total/seven', 400, 'SLUICE_CONFIG_INVALID', /int64/],
    ['/stores/per-customer?limit=none', 400, 'SLUICE_CONFIG_INVALID', /limit/],
    ['/stores/per-customer/k1?history', 404, 'SLUICE_QUERY_STORE', /timestamped/],
    ['/stores/per-customer/k1?partition=9', 421, 'SLUICE_QUERY_ELSEWHERE', /partition 9/],
  ])('refuses %s with %i', async (path, status, code, message) => {
    const answer = await get(path)
    expect(answer).toMatchObject({ status, body: { code } })
    expect((answer.body as { message: string }).message).toMatch(message)
  })
})

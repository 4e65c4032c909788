import { describe, expect, expectTypeOf, it } from 'vitest'
import { defineApp, describePlan, json, string, topic } from '../../../src/index.ts'
import type { Flow, GlobalTableStore, Stream } from '../../../src/index.ts'
import { createDriver } from '../../../src/testing/driver.ts'
import type { Driver } from '../../../src/testing/driver.ts'

interface Order {
  readonly currency: string | null
  readonly total: number
}

const orders = topic('orders', { key: string, value: json<Order>() })
const rates = topic('rates', { key: string, value: json<number>() })
const out = topic('out', { key: string, value: json<unknown>() })
const by = { key: (order: Order) => order.currency }

const open = (draw: (flow: Flow) => void): Promise<Driver> => createDriver(defineApp('shop', draw).plan())

function dropped(driver: Driver): number {
  return driver.metrics
    .samples()
    .filter(({ name }) => name === 'dropped-records-total')
    .reduce((sum, { value }) => sum + value, 0)
}

describe('a join with a global table', () => {
  const inner = (flow: Flow): void =>
    flow
      .stream(orders)
      .joinGlobal(flow.globalTable(rates), by, (order, rate, key) => `${key} ${order.total * rate}`)
      .to(out)
  const left = (flow: Flow): void =>
    flow
      .stream(orders)
      .leftJoinGlobal(flow.globalTable(rates), by, ({ total }, rate) => [total, rate])
      .to(out)

  it('looks up a key of the value; record, key and time are those of the stream', async () => {
    const driver = await open(inner)
    driver.pipe(rates, { key: 'eur', value: 2, timestamp: 900 })
    driver.pipe(orders, { key: 'a', value: { currency: 'eur', total: 4 }, timestamp: 5 })
    driver.pipe(rates, { key: 'eur', value: 3, timestamp: 1 })
    driver.pipe(orders, { key: null, value: { currency: 'eur', total: 4 }, timestamp: 6 })
    expect(driver.read(out).map(({ key, value, timestamp }) => [key, value, timestamp])).toEqual([
      ['a', 'a 8', 5],
      [null, 'null 12', 6],
    ])
  })

  it('leaves out what has no partner and drops null values and null look-up keys', async () => {
    const driver = await open(inner)
    driver.pipe(rates, { key: 'eur', value: 2 })
    driver.pipe(rates, { key: 'eur', value: null })
    driver.pipe(orders, { key: 'a', value: { currency: 'eur', total: 1 } })
    expect(dropped(driver)).toBe(0)
    driver.pipe(orders, { key: 'a', value: { currency: null, total: 1 } })
    driver.pipe(orders, { key: 'a', value: null })
    expect(driver.read(out)).toEqual([])
    expect(dropped(driver)).toBe(2)
  })

  it('joined left gives null for either, and drops null values only', async () => {
    const driver = await open(left)
    driver.pipe(rates, { key: 'eur', value: 2 })
    for (const currency of ['eur', 'usd', null])
      driver.pipe(orders, { key: 'a', value: { currency, total: 1 } })
    driver.pipe(orders, { key: 'a', value: null })
    expect(driver.read(out).map(({ value }) => value)).toEqual([
      [1, 2],
      [1, null],
      [1, null],
    ])
    expect(dropped(driver)).toBe(1)
  })

  it('needs no repartition after a new key, no changelog and no equal partition counts', () => {
    const app = defineApp('shop', (flow) => {
      const keyed = flow.stream(orders).selectKey((order) => order.currency)
      keyed.leftJoinGlobal(flow.globalTable(rates), { key: (_, key) => key }, () => 1).to(out)
    })
    const plan = app.plan()
    expect(plan.internalTopics).toEqual([])
    expect(plan.copartition).toEqual([])
    expect(plan.sourceTopics).toEqual(['orders', 'rates'])
    expect(describePlan(plan)).toContain(
      'Sub-topology: 1 for global store (will not generate tasks)\n    Source: rates-global-source (topics: [rates])',
    )
  })

  it('binds no tasks together: two streams may read one table', () => {
    const other = topic('returns', { key: string, value: json<Order>() })
    const app = defineApp('shop', (flow) => {
      const table = flow.globalTable(rates)
      expect(flow.globalTable(rates)).toBe(table)
      for (const source of [orders, other])
        flow
          .stream(source)
          .joinGlobal(table, by, () => 1)
          .to(out)
    })
    expect(app.plan().subtopologies).toHaveLength(2)
  })

  it('infers keys and values of both sides', () =>
    void open((flow) => {
      const table = flow.globalTable(rates)
      const joined = flow.stream(orders).leftJoinGlobal(table, by, (_order, rate) => {
        expectTypeOf(rate).toEqualTypeOf<number | null>()
        return rate ?? 0
      })
      expectTypeOf(joined).toEqualTypeOf<Stream<string, number>>()
      // @ts-expect-error the table's keys are text
      flow.stream(orders).joinGlobal(table, { key: (order) => order.total }, () => 1)
    }))
})

describe('a global table', () => {
  it('is read by processors through its name, and by the driver', async () => {
    const driver = await open((flow) => {
      const table = flow.globalTable(rates, { name: 'the-rates' })
      flow
        .stream(orders)
        .process<string, number>((context) => {
          const store = context.store<GlobalTableStore<string, number>>(table.name)
          return { process: (record) => context.next(record.withValue(store.count())) }
        })
        .to(out)
    })
    driver.pipe(rates, { key: 'eur', value: 2, timestamp: 7 })
    driver.pipe(rates, { key: null, value: 2 })
    driver.pipe(orders, { key: 'a', value: { currency: null, total: 1 } })
    expect(driver.read(out).map(({ value }) => value)).toEqual([1])
    expect(driver.store<GlobalTableStore<string, number>>('the-rates').get('eur')).toMatchObject({
      value: 2,
      timestamp: 7,
    })
    expect(dropped(driver)).toBe(1)
  })

  it('leaves out what it cannot read, keeps what it had, and counts; by policy it fails', async () => {
    const draw = (flow: Flow): void =>
      flow
        .stream(orders)
        .joinGlobal(flow.globalTable(rates), by, (_, rate) => rate)
        .to(out)
    const broken = {
      topic: 'rates',
      key: Buffer.from('eur'),
      value: Buffer.from('{'),
      timestamp: 0,
      headers: [],
    }
    const driver = await open(draw)
    driver.pipe(rates, { key: 'eur', value: 2 })
    driver.pipeBytes(broken)
    driver.pipe(orders, { key: 'a', value: { currency: 'eur', total: 1 } })
    expect(driver.read(out).map(({ value }) => value)).toEqual([2])
    expect(dropped(driver)).toBe(1)
    const strict = await createDriver(defineApp('shop', draw).plan(), {
      settings: { onDeserializeError: 'fail' },
    })
    expect(() => strict.pipeBytes(broken)).toThrow(
      expect.objectContaining({ code: 'SLUICE_DESERIALIZE' }) as Error,
    )
  })

  it('fed by a sink of the same application is up to date for the next record', async () => {
    const driver = await open((flow) => {
      const stream = flow.stream(orders)
      stream.map((order) => [order.currency, order.total]).to(rates)
      stream.leftJoinGlobal(flow.globalTable(rates), by, (_, rate) => rate).to(out)
    })
    for (const total of [1, 2]) driver.pipe(orders, { key: 'a', value: { currency: 'eur', total } })
    expect(driver.read(out).map(({ value }) => value)).toEqual([null, 1])
  })

  it.each<readonly [string, string, (flow: Flow) => unknown]>([
    ['is read as a stream too', 'SLUICE_TOPOLOGY', (flow) => [flow.stream(rates), flow.globalTable(rates)]],
    [
      'is made twice under different names',
      'SLUICE_TOPOLOGY',
      (flow) => [flow.globalTable(rates), flow.globalTable(rates, { name: 'again' })],
    ],
    [
      'has the name of a store',
      'SLUICE_NAME_TAKEN',
      (flow) => [flow.table(orders, { name: 'x' }), flow.globalTable(rates, { name: 'x' })],
    ],
    [
      'has options it does not know',
      'SLUICE_CONFIG_UNKNOWN',
      (flow) => flow.globalTable(rates, { nam: 'x' } as object),
    ],
    [
      'is a table that is not global',
      'SLUICE_TOPOLOGY',
      (flow) => flow.stream(orders).joinGlobal(flow.table(rates) as never, by, () => 1),
    ],
  ])('that %s is refused', (_, code, draw) => {
    const app = defineApp('shop', (flow) => {
      flow.stream(orders).to(out)
      draw(flow)
    })
    expect(() => app.plan()).toThrow(expect.objectContaining({ code }) as Error)
  })
})

/** Foreign-key joins between tables of different partitions, over two instances: questions and answers find their way. */
import { afterEach, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { partitionOf } from '../../../src/core/partitioner.ts'
import { Bench } from './bench-app.ts'

const raw = topic('raw', { key: string, value: json<string>() })
const orders = topic('orders', { key: string, value: json<{ readonly of: string }>() })
const customers = topic('customers', { key: string, value: json<string>() })
const out = topic('out', { key: string, value: json<string>() })

/** Not by the hash: c0, c3 … in partition 0. */
const byNumber = (key: string, partitions: number): number => Number(key.slice(1)) % partitions

const app = defineApp('shop', (flow) => {
  flow.stream(raw).to(customers, { partitioner: (_, key, partitions) => byNumber(key, partitions) })
  flow
    .table(orders)
    .leftJoinForeign(
      flow.table(customers),
      (order) => order.of,
      (order, customer) => `${order.of} ${customer ?? 'unknown'}`,
      { name: 'of', partitioner: byNumber, emit: 'every' },
    )
    .toStream()
    .to(out)
})

let bench: Bench | undefined

afterEach(async () => {
  await bench?.close()
  bench = undefined
})

it('answers go to the partition that asked, questions to where the other table keeps its key', async () => {
  bench = await Bench.open()
  await bench.topics(4, 'orders', 'out')
  await bench.topics(3, 'raw', 'customers')
  await bench.start(app, { state: 'one' })
  await bench.start(app, { state: 'two' })
  const keys = Array.from({ length: 12 }, (_, at) => `o${at}`)
  const of = (key: string): string => `c${Number(key.slice(1)) % 5}`
  await bench.write(
    'orders',
    keys.map((key) => [key, JSON.stringify({ of: of(key) })]),
  )
  await bench.visible('out', 12)
  await bench.write(
    'raw',
    [0, 1, 2, 3].map((n) => [`c${n}`, JSON.stringify(`Customer ${n}`)]),
  )
  const seen = await bench.visible('out', 12 + keys.filter((key) => of(key) !== 'c4').length)
  const last = new Map(seen.map(({ key, value }) => [key, value]))
  for (const key of keys) {
    const name = of(key) === 'c4' ? 'unknown' : `Customer ${of(key).slice(1)}`
    expect(last.get(key)).toBe(JSON.stringify(`${of(key)} ${name}`))
  }
  const asked = await bench.read('shop-of-subscription-registration-topic')
  expect(asked).toHaveLength(12)
  for (const { key, partition } of asked) expect(partition).toBe(byNumber(key!, 3))
  const answered = await bench.read('shop-of-subscription-response-topic')
  for (const { key, partition } of answered) expect(partition).toBe(partitionOf(key!, 4))
})

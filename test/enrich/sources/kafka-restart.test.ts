/** A request over topics through whole applications: one asks and is restarted, another one answers. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { defineApp, json, string, topic } from 'sluice'
import { follow, openRuntime } from 'sluice/embed'
import type { Runtime } from 'sluice/embed'
import { kafkaRequest } from 'sluice/enrich'

type Question = { readonly item: string }

const orders = topic('orders', { key: string, value: json<Question>() })
const questions = topic('price-requests', { key: string, value: json<Question>() })
const answers = topic('price-replies', { key: string, value: json<{ price: number }>() })
const priced = topic('orders-priced', { key: string, value: json() })

const asking = defineApp('asking', (flow) => {
  const price = kafkaRequest(questions, answers, { timeout: '20s' })
  flow.stream(orders).enrich({ price }, { deadline: '30s' }).to(priced)
})
/** Headers stay with their record: one that answers is an application of one line. */
const answering = defineApp('answering', (flow) => {
  flow
    .stream(questions)
    .mapValues(({ item }) => ({ price: item.length }))
    .to(answers)
})

let folder: string
let runtime: Runtime | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-ask-'))
})
afterEach(async () => {
  await runtime?.close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(): Promise<Runtime> {
  runtime = await openRuntime({ folder })
  return runtime
}

const end = async ({ connect }: Pick<Runtime, 'connect'>, name: string): Promise<number> => {
  const broker = connect()
  const at = await broker.admin.listOffset(name, 0, 'latest', 'read_committed')
  await broker.close()
  return at
}

it('an answer that came while the application was down is taken without another request', async () => {
  const first = await open()
  const { admin } = first.ports.broker
  for (const { name } of [orders, questions, answers, priced])
    await admin.createTopic({ name, partitions: 1 })
  await first.capture({
    name: 'one-order',
    source: {
      label: 'one order',
      topics: [{ name: 'orders', compacted: false }],
      open: (position) => {
        const records =
          position === undefined ? [{ topic: 'orders', key: 'o1', value: '{"item":"lamp"}' }] : []
        return Promise.resolve({
          poll: () => Promise.resolve({ records: records.splice(0), position: '1', atEnd: true }),
          close: () => Promise.resolve(),
        })
      },
    },
  })
  await first.start(asking)
  await expect.poll(() => end(first, 'price-requests'), { timeout: 10_000 }).toBe(1)
  await first.close()

  const second = await open()
  await second.start(answering)
  await expect.poll(() => end(second, 'price-replies'), { timeout: 10_000 }).toBeGreaterThan(0)
  await second.start(asking)
  const seen: unknown[] = []
  const reader = await follow(second.connect(), {
    ...priced,
    topic: priced.name,
    each: ({ value }) => seen.push(value),
  })
  await expect.poll(() => seen, { timeout: 10_000 }).toEqual([{ item: 'lamp', price: { price: 4 } }])
  expect(await end(second, 'price-requests')).toBe(1)
  await reader.close()
}, 40_000)

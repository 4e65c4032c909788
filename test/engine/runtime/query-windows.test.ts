/** Interactive queries of windows, sessions and versions on a running application. */
import { afterEach, describe, expect, it } from 'vitest'
import type { StoreBackend } from '../../../src/core/store.ts'
import { NO_HEADERS } from '../../../src/core/record.ts'
import { defineApp, json, session, string, topic, tumbling } from '../../../src/index.ts'
import { systemDisk } from '../../../src/platform/disk.ts'
import { lmdbBackend } from '../../../src/stores/lmdb.ts'
import { memoryBackend } from '../../../src/stores/memory.ts'
import { sqliteBackend } from '../../../src/stores/sqlite.ts'
import { Bench, until } from './bench-app.ts'

const input = topic('in', { key: string, value: json<number>() })
const prices = topic('prices', { key: string, value: json<number>() })

const app = defineApp('windows', (flow) => {
  const grouped = flow.stream(input).groupByKey()
  grouped.windowedBy(tumbling(10)).count({ name: 'tens', retention: 1_000 })
  grouped.windowedBy(session(5)).count({ name: 'visits', retention: 1_000 })
  flow.table(prices, { name: 'prices', versioned: '1h' })
})

const BACKENDS: readonly (readonly [string, () => StoreBackend])[] = [
  ['memory', () => memoryBackend()],
  ['LMDB', () => lmdbBackend()],
  ['SQLite', () => sqliteBackend({ disk: systemDisk })],
]

let bench: Bench | undefined
afterEach(async () => {
  await bench?.close()
  bench = undefined
})

async function write(
  b: Bench,
  name: string,
  rows: readonly (readonly [string, string, number])[],
): Promise<void> {
  const producer = b.broker.producer({})
  await producer.init()
  const buffer = producer.buffer()
  for (const [key, value, time] of rows) buffer.append(producer.target(name, 0), key, value, time, NO_HEADERS)
  await producer.send(buffer)
  await producer.close()
}

const IN = [
  ['a', '1', 1],
  ['a', '1', 4],
  ['b', '1', 12],
  ['a', '1', 25],
  ['a', '1', 27],
] as const

describe.each(BACKENDS)('on %s', (_, stores) => {
  it('windows of a key, windows of all keys, sessions and versions are found by time', async () => {
    bench = await Bench.open()
    await bench.topics(1, 'in', 'prices')
    await write(bench, 'in', IN)
    await write(bench, 'prices', [
      ['a', '10', 100],
      ['a', '20', 200],
      ['a', '15', 150],
    ])
    const running = await bench.start(app, { stores: stores() })
    await until('its tasks', () => running.settled && running.tasks.length === 2)
    await until('all input', () => running.stores.windows('tens', 'a').length === 2)
    await until('all prices', () => running.stores.history('prices', 'a').length === 3)
    const entry = (key: string, start: number, end: number, value: number, timestamp: number): object => ({
      key,
      value,
      timestamp,
      window: { start, end },
    })
    const first = entry('a', 0, 10, 2, 4)
    const last = entry('a', 20, 30, 2, 27)
    expect(running.stores.windows('tens', 'a')).toEqual([first, last])
    expect(running.stores.windows('tens', 'a', { reverse: true, limit: 1 })).toEqual([last])
    expect(running.stores.windows('tens', 'a', { from: 1, to: 19 })).toEqual([])
    expect(running.stores.allWindows('tens')).toHaveLength(3)
    expect(running.stores.allWindows('tens', { from: 10, to: 10 })).toEqual([entry('b', 10, 20, 1, 12)])
    expect(running.stores.windows('visits', 'a').map(({ value, window }) => [value, window])).toEqual([
      [2, { start: 1, end: 4 }],
      [2, { start: 25, end: 27 }],
    ])
    expect(running.stores.get('prices', 'a')).toEqual({ key: 'a', value: 20, timestamp: 200 })
    expect(running.stores.get('prices', 'a', { asOf: 160 })).toMatchObject({ value: 15, validTo: 200 })
    expect(running.stores.get('prices', 'a', { asOf: 99 })).toBeUndefined()
    expect(running.stores.history('prices', 'a').map(({ value }) => value)).toEqual([20, 15, 10])
    expect(running.stores.range('prices').map(({ value }) => value)).toEqual([20])
  })

  it('windows behind the retention are not shown', async () => {
    bench = await Bench.open()
    await bench.topics(1, 'in', 'prices')
    await write(bench, 'in', [...IN, ['z', '1', 1_015]])
    const running = await bench.start(app, { stores: stores() })
    await until('its tasks', () => running.settled && running.tasks.length === 2)
    await until('the last', () => running.stores.windows('tens', 'z').length === 1)
    expect(running.stores.allWindows('tens').map(({ window }) => window!.start)).toEqual([20, 1_010])
  })
})

/** Interactive queries on a running application over a real embedded broker: what they see, what they refuse, who answers. */
import { afterEach, describe, expect, it } from 'vitest'
import { isSluiceError } from '../../../src/core/errors.ts'
import type { StoreBackend } from '../../../src/core/store.ts'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { systemDisk } from '../../../src/platform/disk.ts'
import { lmdbBackend } from '../../../src/stores/lmdb.ts'
import { memoryBackend } from '../../../src/stores/memory.ts'
import { sqliteBackend } from '../../../src/stores/sqlite.ts'
import { Bench, until } from './bench-app.ts'

const input = topic('in', { key: string, value: json<number>() })
const rates = topic('rates', { key: string, value: json<number>() })
const output = topic('out', { key: string, value: json() })

const sums = defineApp('sums', (flow) => {
  const table = flow.globalTable(rates, { name: 'rates' })
  flow
    .stream(input)
    .joinGlobal(table, { key: () => 'one' }, (value) => value)
    .groupByKey()
    .reduce((a, b) => a + b, { name: 'sum', emit: 'every' })
    .toStream()
    .to(output)
})

let bench: Bench | undefined

afterEach(async () => {
  await bench?.close()
  bench = undefined
})

async function open(): Promise<Bench> {
  bench = await Bench.open()
  await bench.topics(2, 'in', 'out')
  await bench.topics(1, 'rates')
  await bench.write('rates', [['one', '1']])
  return bench
}

const BACKENDS: readonly (readonly [string, () => StoreBackend])[] = [
  ['memory', () => memoryBackend()],
  ['LMDB', () => lmdbBackend()],
  ['SQLite', () => sqliteBackend({ disk: systemDisk })],
]

const NUMBERS = ['a', 'b', 'c', 'd', 'e'].map((key, at) => [key, String(at)] as const)

describe.each(BACKENDS)('queries over %s', (_, stores) => {
  it('find a key, ranges in both directions up to a limit, and global tables', async () => {
    const b = await open()
    const app = await b.start(sums, { stores: stores() })
    await b.write('in', [...NUMBERS, ['c', '40']])
    await b.visible('out', 6)
    await until('the store', () => app.stores.get('sum', 'c')?.value === 42)
    expect(app.stores.get('sum', 'c')).toMatchObject({ key: 'c', value: 42 })
    expect(app.stores.get('sum', 'c')!.timestamp).toBeGreaterThan(1_600_000_000_000)
    expect(app.stores.get('sum', 'nobody')).toBeUndefined()
    const all = app.stores.range('sum').map(({ key, value }) => `${String(key)}${String(value)}`)
    expect(all.toSorted()).toEqual(['a0', 'b1', 'c42', 'd3', 'e4'])
    const some = app.stores.range('sum', { from: 'b', to: 'd' }).map(({ key }) => String(key))
    expect(some.toSorted()).toEqual(['b', 'c', 'd'])
    for (const partition of [0, 1]) {
      const up = app.stores.range('sum', { partition })
      expect(app.stores.range('sum', { partition, reverse: true })).toEqual(up.toReversed())
      const keys = up.map(({ key }) => String(key))
      expect(keys).toEqual(keys.toSorted())
    }
    expect(app.stores.range('sum', { limit: 2 })).toHaveLength(2)
    expect(app.stores.get('rates', 'one')).toMatchObject({ key: 'one', value: 1 })
    expect(app.stores.list()).toEqual([
      { name: 'sum', kind: 'timestamped', partitions: 2, active: [0, 1], standby: [] },
      { name: 'rates', kind: 'global', partitions: 1, active: [0], standby: [] },
    ])
  })
})

describe('a query', () => {
  it('never sees what is not committed', async () => {
    const b = await open()
    const app = await b.start(sums, { settings: { commitIntervalMs: 600_000 } })
    await b.write('in', [['a', '1']])
    await until('the record', () => app.progress.some(({ position }) => position === 1))
    expect(app.stores.get('sum', 'a')).toBeUndefined()
    await app.close()
    const again = await b.start(sums)
    await until('the store', () => again.settled && again.tasks.length === 2)
    expect(again.stores.get('sum', 'a')).toMatchObject({ value: 1 })
  })

  it('of what another instance has says so; a stand-by answers when asked to', async () => {
    const b = await open()
    const settings = { standbyReplicas: 1 }
    const first = await b.start(sums, { state: 'a', settings })
    const second = await b.start(sums, { state: 'b', settings })
    await until('one task and one stand-by each', () =>
      [first, second].every(({ tasks, standbyTasks }) => tasks.length === 1 && standbyTasks.length === 1),
    )
    await b.write('in', NUMBERS)
    await b.visible('out', 5)
    const owners = NUMBERS.map(([key]) =>
      [first, second].filter((app) => has(() => app.stores.get('sum', key))),
    )
    expect(owners.map((apps) => apps.length)).toEqual([1, 1, 1, 1, 1])
    expect(new Set(owners.flat()).size).toBe(2)
    for (const [key, value] of NUMBERS) {
      await until(`stale ${key}`, () =>
        [first, second].every((app) => app.stores.get('sum', key, { stale: true })?.value === Number(value)),
      )
    }
    expect(first.stores.range('sum', { stale: true })).toHaveLength(5)
    expect(first.stores.range('sum').length).toBeLessThan(5)
  })

  it('with a bound answers only when the results of that input show', async () => {
    const b = await open()
    const settings = { commitIntervalMs: 600_000 }
    const app = await b.start(sums, { settings })
    await until('its tasks', () => app.settled && app.tasks.length === 2)
    await b.write('in', [['a', '1']])
    await until('the record', () => app.progress.some(({ position }) => position === 1))
    const [source] = app.progress.filter(({ position }) => position === 1)
    const atLeast = { [`in-${source!.partition}`]: 1 }
    expect(() => app.stores.get('sum', 'a', { atLeast })).toThrow(/up to offset 0, asked for was 1/)
    expect(app.stores.get('sum', 'a', { atLeast: { 'in-0': 0, 'in-1': 0, 'other-0': 9 } })).toBeUndefined()
    await app.close()
    const again = await b.start(sums)
    await until('its tasks', () => again.settled && again.tasks.length === 2)
    expect(again.stores.get('sum', 'a', { atLeast })?.value).toBe(1)
    await b.write('in', [['a', '1']])
    await b.visible('out', 2)
    const next = { [`in-${source!.partition}`]: 2 }
    await until('the next', () => has(() => again.stores.get('sum', 'a', { atLeast: next })))
    expect(again.stores.get('sum', 'a', { atLeast: next })?.value).toBe(2)
  })

  it('of an unknown store, or of windows where there are none, names the stores there are', async () => {
    const b = await open()
    const app = await b.start(sums)
    expect(() => app.stores.get('sums', 'a')).toThrow(/"sums": there is no such store/)
    expect(() => app.stores.windows('sum', 'a')).toThrow(/it is timestamped, not one of windows/)
    expect(() => app.stores.history('sum', 'a')).toThrow(
      expect.objectContaining({ code: 'SLUICE_QUERY_STORE' }),
    )
  })
})

function has(ask: () => unknown): boolean {
  try {
    ask()
    return true
  } catch (error) {
    if (isSluiceError(error, 'SLUICE_QUERY_ELSEWHERE', 'SLUICE_QUERY_BEHIND')) return false
    throw error
  }
}

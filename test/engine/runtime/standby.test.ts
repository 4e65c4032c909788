/** Stand-by tasks on a real embedded broker: their state follows the changelog, and whoever takes a task over has little left to restore. */
import { afterEach, describe, expect, it } from 'vitest'
import { taskName } from '../../../src/core/record.ts'
import type { StoreBackend } from '../../../src/core/store.ts'
import type { RestoreProgress } from '../../../src/engine/runtime/opened.ts'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { systemDisk } from '../../../src/platform/disk.ts'
import { lmdbBackend } from '../../../src/stores/lmdb.ts'
import { sqliteBackend } from '../../../src/stores/sqlite.ts'
import { Bench, until } from './bench-app.ts'

const KEYS = 500

const input = topic('in', { key: string, value: json<number>() })
const output = topic('out', { key: string, value: json() })

const counts = defineApp('counts', (flow) => {
  flow.stream(input).groupByKey().count({ name: 'count', emit: 'every' }).toStream().to(output)
})

let bench: Bench | undefined

afterEach(async () => {
  await bench?.close()
  bench = undefined
})

async function open(): Promise<Bench> {
  bench = await Bench.open()
  await bench.topics(2, 'in', 'out')
  return bench
}

function round(): readonly (readonly [string, string])[] {
  return Array.from({ length: KEYS }, (_, at) => [`key ${at}`, '1'] as const)
}

const BACKENDS: readonly (readonly [string, () => StoreBackend])[] = [
  ['LMDB', () => lmdbBackend()],
  ['SQLite', () => sqliteBackend({ disk: systemDisk })],
]

describe.each(BACKENDS)('a stand-by on %s', (_, stores) => {
  it('has the state when it takes the task over: next to nothing is restored, and counts go on', async () => {
    const b = await open()
    const settings = { standbyReplicas: 1 }
    const told: RestoreProgress[] = []
    const first = await b.start(counts, { state: 'a', stores: stores(), settings })
    await until('both tasks', () => first.tasks.length === 2 && first.settled)
    const second = await b.start(counts, {
      state: 'b',
      stores: stores(),
      settings,
      onRestore: (progress) => told.push(progress),
    })
    await until('one task and one stand-by each', () =>
      [first, second].every(({ tasks, standbyTasks }) => tasks.length === 1 && standbyTasks.length === 1),
    )
    expect(second.standbyTasks.map(taskName)).toEqual(first.tasks.map(taskName))
    await b.write('in', round())
    await b.visible('out', KEYS)
    told.length = 0
    await b.write('in', [['key 1', '1']])
    await b.visible('out', KEYS + 1)
    await first.close()
    await until('both tasks of the survivor', () => second.tasks.length === 2 && second.settled)
    expect(second.standbyTasks).toEqual([])
    const restored = told.reduce((sum, { phase, records }) => sum + (phase === 'ended' ? records : 0), 0)
    expect(restored).toBeLessThan(KEYS / 10)
    await b.write('in', round())
    const last = new Map((await b.visible('out', 2 * KEYS + 1)).map(({ key, value }) => [key, value]))
    expect(last.get('key 1')).toBe('3')
    expect(last.get('key 2')).toBe('2')
    expect(b.logged.map(({ message }) => message)).toEqual([])
  })
})

describe('without stand-bys', () => {
  it('no instance follows anything', async () => {
    const b = await open()
    const first = await b.start(counts, { state: 'a' })
    const second = await b.start(counts, { state: 'b' })
    await until('one task each', () => first.tasks.length === 1 && second.tasks.length === 1)
    expect([first.standbyTasks, second.standbyTasks]).toEqual([[], []])
  })
})

describe('local state of a task that went elsewhere', () => {
  it('is removed after the delay, and never that of a task in use', async () => {
    const b = await open()
    const stores = (): StoreBackend => sqliteBackend({ disk: systemDisk })
    const settings = { stateCleanupDelayMs: 150 }
    const first = await b.start(counts, { state: 'a', stores: stores(), settings })
    await until('both tasks', () => first.tasks.length === 2 && first.settled)
    await b.write('in', round())
    await b.visible('out', KEYS)
    const folders = (): Promise<readonly string[]> => systemDisk.list(`${b.folder}/a/counts`)
    const tasks = async (): Promise<readonly string[]> =>
      (await folders()).filter((name) => name.startsWith('0_'))
    expect(await tasks()).toEqual(['0_0', '0_1'])
    await b.start(counts, { state: 'b', stores: stores(), settings })
    await until('one task left', () => first.tasks.length === 1 && first.settled)
    const left = first.tasks.map(taskName)
    for (const ends = performance.now() + 5_000; performance.now() < ends;) {
      if ((await tasks()).length === 1) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(await tasks()).toEqual(left)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(await tasks()).toEqual(left)
    await b.write('in', round())
    expect(await b.visible('out', 2 * KEYS)).toHaveLength(2 * KEYS)
  })
})

describe('an instance that comes back to its folder', () => {
  it('gets the tasks of which it has state, and restores nothing', async () => {
    const b = await open()
    const first = await b.start(counts, { state: 'a', stores: sqliteBackend({ disk: systemDisk }) })
    const second = await b.start(counts, { state: 'b', stores: sqliteBackend({ disk: systemDisk }) })
    await until('one task each', () => first.tasks.length === 1 && second.tasks.length === 1)
    const [had] = second.tasks
    await b.write('in', round())
    await b.visible('out', KEYS)
    await Promise.all([first.close(), second.close()])
    const told: RestoreProgress[] = []
    const again = await b.start(counts, {
      state: 'b',
      stores: sqliteBackend({ disk: systemDisk }),
      onRestore: (progress) => told.push(progress),
    })
    await until('both tasks', () => again.tasks.length === 2 && again.settled)
    // The markers of its last transaction may be left to read; no change is.
    expect(told.filter(({ task, records }) => task === taskName(had!) && records > 0)).toEqual([])
  })
})

/** Several workers in one instance: they share the tasks, come and go, and what one's failure does is a setting. */
import { afterEach, describe, expect, it } from 'vitest'
import { taskName } from '../../../src/core/record.ts'
import type { RunningApp } from '../../../src/engine/runtime/app.ts'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { systemDisk } from '../../../src/platform/disk.ts'
import { sqliteBackend } from '../../../src/stores/sqlite.ts'
import { Bench, until } from './bench-app.ts'

const PARTITIONS = 4
const KEYS = Array.from({ length: 20 }, (_, at) => `key ${at}`)

const input = topic('in', { key: string, value: json<number>() })
const output = topic('out', { key: string, value: json() })

const counts = defineApp('counts', (flow) => {
  flow.stream(input).groupByKey().count({ name: 'count', emit: 'every' }).toStream().to(output)
})

/** Fails on 13; with the policy `fail` that is an error which repeating cannot cure. */
const unlucky = defineApp('unlucky', (flow) => {
  flow
    .stream(input)
    .peek((value) => {
      if (value === 13 && !forgiven) throw new Error('unlucky')
    })
    .to(output)
})
const FAIL = { onProcessingError: 'fail' } as const
let forgiven = false

let bench: Bench | undefined
afterEach(async () => {
  forgiven = false
  await bench?.close()
  bench = undefined
})

async function open(): Promise<Bench> {
  bench = await Bench.open()
  await bench.topics(PARTITIONS, 'in', 'out')
  return bench
}

async function settled(app: RunningApp, workers: number): Promise<void> {
  await until(`${workers} workers with all tasks`, () => {
    const names = app.tasks.map(taskName)
    return (
      app.workers === workers &&
      app.settled &&
      names.length === PARTITIONS &&
      new Set(names).size === PARTITIONS
    )
  })
}

const round = (): readonly (readonly [string, string])[] => KEYS.map((key) => [key, '1'] as const)

describe('workers of one instance', () => {
  it('share all tasks, keep state when they come and go, and count every record once', async () => {
    const b = await open()
    const app = await b.start(counts, {
      stores: sqliteBackend({ disk: systemDisk }),
      settings: { workers: 2 },
    })
    await settled(app, 2)
    await b.write('in', round())
    await b.visible('out', KEYS.length)
    expect(app.addWorker()).toBe(2)
    await settled(app, 3)
    await b.write('in', round())
    await b.visible('out', 2 * KEYS.length)
    expect(await app.removeWorker()).toBe(2)
    expect(await app.removeWorker()).toBe(1)
    expect(await app.removeWorker()).toBeUndefined()
    await settled(app, 1)
    await b.write('in', round())
    const last = new Map((await b.visible('out', 3 * KEYS.length)).map(({ key, value }) => [key, value]))
    expect([...last.values()]).toEqual(KEYS.map(() => '3'))
    expect(app.stores.range('count')).toHaveLength(KEYS.length)
    expect(app.state).toBe('running')
    await app.close()
    expect(app.state).toBe('closed')
  })

  it('are all paused and resumed, also one that comes meanwhile', async () => {
    const b = await open()
    const app = await b.start(counts, { settings: { workers: 2 } })
    await settled(app, 2)
    app.pause()
    app.addWorker()
    await settled(app, 3)
    await b.write('in', round())
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(await b.read('out')).toEqual([])
    app.resume()
    expect(await b.visible('out', KEYS.length)).toHaveLength(KEYS.length)
  })

  it('end with the instance, even one that has just begun', async () => {
    const b = await open()
    const app = await b.start(counts, { settings: { workers: 3 } })
    app.addWorker()
    await app.close()
    expect([app.state, app.workers]).toEqual(['closed', 0])
    expect(await b.broker.admin.describeGroup('counts')).toEqual([])
  })
})

describe('an error that nobody handled', () => {
  const poison: readonly (readonly [string, string])[] = [['a', '13']]

  it('stops its instance and all its workers; others go on', async () => {
    const b = await open()
    const first = await b.start(unlucky, { state: 'a', settings: { ...FAIL, workers: 2 } })
    await settled(first, 2)
    await b.write('in', poison)
    await expect(first.ended).rejects.toMatchObject({ code: 'SLUICE_PROCESSING' })
    expect([first.state, first.workers]).toEqual(['failed', 0])
    forgiven = true
    const second = await b.start(unlucky, { state: 'b' })
    expect(await b.visible('out', 1)).toHaveLength(1)
    expect(second.state).not.toBe('failed')
  })

  it('has its worker replaced until the cause is gone, where the policy says so', async () => {
    const b = await open()
    const app = await b.start(unlucky, {
      settings: { ...FAIL, workers: 2, onUncaughtError: 'replace-worker', restartBackoffMs: 1 },
    })
    await settled(app, 2)
    await b.write('in', [...poison, ...KEYS.map((key) => [key, '1'] as const)])
    await until('two replacements', () => {
      return b.logged.filter(({ message }) => message.includes('is replaced')).length >= 2
    })
    forgiven = true
    expect(await b.visible('out', KEYS.length + 1)).toHaveLength(KEYS.length + 1)
    await settled(app, 2)
  })

  it('stops every instance, where the policy says so; a later start is not concerned', async () => {
    const b = await open()
    const settings = { ...FAIL, onUncaughtError: 'stop-application' } as const
    const apps = await Promise.all(['a', 'b'].map((state) => b.start(unlucky, { state, settings })))
    await until('all tasks', () => apps.every((app) => app.settled && app.tasks.length === PARTITIONS / 2))
    await b.write('in', poison)
    const outcomes = await Promise.all(
      apps.map((app) => app.ended.then(() => 'closed').catch((e: { code: string }) => e.code)),
    )
    expect(outcomes.toSorted()).toEqual(['SLUICE_APPLICATION_STOPPED', 'SLUICE_PROCESSING'])
    forgiven = true
    const again = await b.start(unlucky, { state: 'a', settings })
    expect(await b.visible('out', 1)).toHaveLength(1)
    expect(again.state).not.toBe('failed')
  })
})

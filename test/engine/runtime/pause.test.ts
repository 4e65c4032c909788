/** Pausing an application and watching its stores being restored, on a real embedded broker. */
import { afterEach, describe, expect, it } from 'vitest'
import type { RestoreProgress } from '../../../src/engine/runtime/opened.ts'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { Bench, until } from './bench-app.ts'

const input = topic('in', { key: string, value: json<number>() })
const output = topic('out', { key: string, value: json() })

const sums = defineApp('sums', (flow) => {
  const sum = flow.stream(input).groupByKey()
  sum
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
  await bench.topics(1, 'in', 'out')
  return bench
}

function numbers(count: number): readonly (readonly [string, string])[] {
  return Array.from({ length: count }, () => ['a', '1'] as const)
}

describe('a paused application', () => {
  it('commits what it did, then processes nothing until it is resumed, and loses nothing', async () => {
    const b = await open()
    const app = await b.start(sums)
    await b.write('in', numbers(3))
    expect(await b.visible('out', 3)).toHaveLength(3)
    app.pause()
    expect(app.paused).toBe(true)
    await b.write('in', numbers(2))
    await until('the records in its buffers', () => app.progress[0]?.lag === 2)
    const turned = app.sinceTurnMs
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(await b.read('out')).toHaveLength(3)
    expect([app.state, app.settled, turned < 1_000]).toEqual(['running', true, true])
    app.resume()
    expect((await b.visible('out', 5)).map(({ value }) => value)).toEqual(['1', '2', '3', '4', '5'])
  })

  it('can be closed while it is paused', async () => {
    const b = await open()
    const app = await b.start(sums)
    await b.write('in', numbers(3))
    await b.visible('out', 3)
    app.pause()
    await app.close()
    expect(app.state).toBe('closed')
    const [committed] = await b.broker.committedOffsets('sums')
    expect(committed!.offset).toBe(3)
  })
})

describe('a restore', () => {
  it('tells its listener where it began, how far it is and that it ended', async () => {
    const b = await open()
    const first = await b.start(sums, { state: 'first' })
    await b.write('in', numbers(4))
    await b.visible('out', 4)
    await first.close()
    const told: RestoreProgress[] = []
    const second = await b.start(sums, { state: 'second', onRestore: (progress) => told.push(progress) })
    await until('its tasks', () => second.settled && second.tasks.length === 1)
    expect(told[0]).toMatchObject({ phase: 'started', store: 'sum', task: '0_0', position: 0, records: 0 })
    expect(told.at(-1)).toMatchObject({ phase: 'ended', topic: 'sums-sum-changelog', partition: 0 })
    expect(told.at(-1)!.position).toBeGreaterThanOrEqual(told[0]!.end)
    expect(told.at(-1)!.records).toBeGreaterThan(0)
    expect(told.slice(1, -1).every(({ phase }) => phase === 'batch')).toBe(true)
  })

  it('goes on when its listener throws, and says so', async () => {
    const b = await open()
    const first = await b.start(sums, { state: 'first' })
    await b.write('in', numbers(4))
    await b.visible('out', 4)
    await first.close()
    const onRestore = (): void => {
      throw new Error('no')
    }
    await b.start(sums, { state: 'second', onRestore })
    await b.write('in', numbers(1))
    expect((await b.visible('out', 5)).at(-1)!.value).toBe('5')
    expect(b.logged.map(({ message }) => message)).toContain('the listener of onRestore threw: no')
  })
})

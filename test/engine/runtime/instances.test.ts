/** Several instances of one application over one cluster: tasks are shared, handed over with their state and pending calls, and results stay exact. */
import { afterEach, describe, expect, it } from 'vitest'
import { taskName } from '../../../src/core/record.ts'
import { source } from '../../../src/enrich/index.ts'
import type { RunningApp } from '../../../src/engine/runtime/app.ts'
import type { Guarantee } from '../../../src/engine/runtime/options.ts'
import { type App, defineApp, json, string, topic } from '../../../src/index.ts'
import { systemDisk } from '../../../src/platform/disk.ts'
import { sqliteBackend } from '../../../src/stores/sqlite.ts'
import { Bench, Gate, refused, until } from './bench-app.ts'

const PARTITIONS = 4
const KEYS = Array.from({ length: 12 }, (_, at) => `key ${at}`)
const GUARANTEES: readonly Guarantee[] = ['exactly-once', 'at-least-once']

const input = topic('in', { key: string, value: json<{ n: number }>() })
const output = topic('out', { key: string, value: json() })

let bench: Bench | undefined

afterEach(async () => {
  await bench?.close()
  bench = undefined
})

async function open(): Promise<Bench> {
  bench = await Bench.open()
  await bench.topics(PARTITIONS, 'in', 'out')
  return bench
}

const summing = defineApp('summing', (flow) => {
  flow
    .stream(input)
    .selectKey((_, key) => `${key}!`)
    .groupByKey()
    .aggregate<number[]>({ init: () => [], add: (all, { n }) => [...all, n], emit: 'every' })
    .toStream()
    .mapValues((all) => ({ count: all?.length, last: all?.at(-1) }))
    .to(output)
})

/** All are settled, no task runs twice, and every task runs. */
async function shared(tasks: number, ...apps: readonly RunningApp[]): Promise<void> {
  await until(`${tasks} tasks shared by ${apps.length}`, () => {
    const running = apps.flatMap((app) => app.tasks.map(taskName))
    return (
      apps.every((app) => app.settled) &&
      running.length === tasks &&
      new Set(running).size === tasks &&
      apps.every((app) => app.tasks.length >= Math.floor(tasks / apps.length) - 1)
    )
  })
}

/** Writes records of all keys without a break, numbered per key, until stopped. */
class Writer {
  readonly #bench: Bench
  #stopped = false
  #round = 0
  readonly #done: Promise<void>

  constructor(b: Bench) {
    this.#bench = b
    this.#done = this.#run()
  }

  /** @returns records written per key */
  async stop(): Promise<number> {
    this.#stopped = true
    await this.#done
    return this.#round
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const records = KEYS.map((key) => [key, JSON.stringify({ n: this.#round })] as const)
      await this.#bench.write('in', records)
      this.#round++
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

async function sequences(b: Bench): Promise<Map<string, string[]>> {
  const all = new Map<string, string[]>()
  for (const { key, value } of await b.read('out')) all.set(key!, [...(all.get(key!) ?? []), value!])
  return all
}

describe('instances that come and go under load', () => {
  for (const guarantee of GUARANTEES) {
    it(`share all tasks and keep every sequence per key, 1 → 3 → 2, ${guarantee}`, async () => {
      const b = await open()
      const stores = sqliteBackend({ disk: systemDisk })
      const start = (state: string): Promise<RunningApp> =>
        b.start(summing, { state, stores, settings: { guarantee } })
      const writer = new Writer(b)
      const first = await start('a')
      await shared(2 * PARTITIONS, first)
      await b.visible('out', 50)
      const [second, third] = await Promise.all([start('b'), start('c')])
      await shared(2 * PARTITIONS, first, second, third)
      await b.visible('out', (await b.read('out')).length + 50)
      await first.close()
      expect(first.tasks).toEqual([])
      await shared(2 * PARTITIONS, second, third)
      await b.visible('out', (await b.read('out')).length + 50)
      const rounds = await writer.stop()
      await b.visible('out', rounds * KEYS.length)
      await Promise.all([second.close(), third.close()])
      const expected = Array.from({ length: rounds }, (_, at) => JSON.stringify({ count: at + 1, last: at }))
      const came = await sequences(b)
      expect([...came.keys()].toSorted()).toEqual(KEYS.map((key) => `${key}!`).toSorted())
      for (const sequence of came.values()) expect(sequence).toEqual(expected)
      expect(b.logged.map(({ message }) => message)).toEqual([])
    })
  }

  it('lose nothing when one vanishes in the middle of its commit: its transaction is aborted, the others go on', async () => {
    const b = await open()
    const settings = { transactionTimeoutMs: 300 }
    const gate = new Gate()
    const connection = b.connect()
    const doomed = await b.start(summing, { state: 'a', settings, failpoints: gate, broker: connection })
    const other = await b.start(summing, { state: 'b', settings })
    await shared(2 * PARTITIONS, doomed, other)
    const writer = new Writer(b)
    await b.visible('out', 50)
    const go = await gate.hold('commit.end')
    await connection.close()
    go()
    const error = await refused(doomed.ended, 'SLUICE_CLOSED')
    expect(error.message).toContain('is closed')
    await shared(2 * PARTITIONS, other)
    await b.visible('out', (await b.read('out')).length + 50)
    const rounds = await writer.stop()
    await b.visible('out', rounds * KEYS.length)
    await other.close()
    const expected = Array.from({ length: rounds }, (_, at) => JSON.stringify({ count: at + 1, last: at }))
    for (const sequence of (await sequences(b)).values()) expect(sequence).toEqual(expected)
  })

  it('open a task once, also when it is opened just as the next change is under way', async () => {
    const b = await open()
    const gate = new Gate()
    let opened = 0
    let changes = 0
    const opening: (() => void)[] = []
    const second = Promise.withResolvers<() => void>()
    gate.at = (place) => {
      if (place === 'restore.open' && ++opened > 0) return new Promise((go) => opening.push(go))
      if (place === 'revoke.start' && ++changes === 2) return new Promise((go) => second.resolve(go))
      return undefined
    }
    const first = await b.start(summing, { state: 'a' })
    await b.write(
      'in',
      KEYS.map((key) => [key, '{"n":0}'] as const),
    )
    await b.visible('out', KEYS.length)
    const slow = await b.start(summing, { state: 'b', failpoints: gate })
    await until('tasks being opened', () => opening.length === PARTITIONS)
    const third = await b.start(summing, { state: 'c' })
    const goOn = await second.promise
    for (const go of opening) go()
    // The tasks are ready now, and not taken over yet: the loop stands at the change.
    await new Promise((resolve) => setTimeout(resolve, 50))
    goOn()
    await shared(2 * PARTITIONS, first, slow, third)
    expect(opened).toBe(PARTITIONS)
    await b.write(
      'in',
      KEYS.map((key) => [key, '{"n":1}'] as const),
    )
    await b.visible('out', 2 * KEYS.length)
    for (const sequence of (await sequences(b)).values())
      expect(sequence).toEqual(['{"count":1,"last":0}', '{"count":2,"last":1}'])
  })

  it('find their tasks again after all of them were gone', async () => {
    const b = await open()
    const stores = sqliteBackend({ disk: systemDisk })
    await b.write(
      'in',
      KEYS.map((key) => [key, '{"n":0}'] as const),
    )
    const both = await Promise.all([
      b.start(summing, { state: 'a', stores }),
      b.start(summing, { state: 'b', stores }),
    ])
    await b.visible('out', KEYS.length)
    await Promise.all(both.map((app) => app.close()))
    await b.write(
      'in',
      KEYS.map((key) => [key, '{"n":1}'] as const),
    )
    const alone = await b.start(summing, { state: 'b', stores })
    await shared(2 * PARTITIONS, alone)
    await b.visible('out', 2 * KEYS.length)
    for (const sequence of (await sequences(b)).values())
      expect(sequence).toEqual(['{"count":1,"last":0}', '{"count":2,"last":1}'])
  })
})

/** A service in the test's hand: who asked what, and the answer when the test gives it. */
class Service {
  readonly asked: string[] = []
  readonly #waiting = new Map<string, (answer: string) => void>()

  /** The application as the instance `name` runs it: equal plans, a call that says who makes it. */
  app(name: string): App {
    const ask = source(
      ({ n }: { n: number }, key: string) => {
        const call = `${name} ${key} ${n}`
        this.asked.push(call)
        return new Promise<string>((resolve) => this.#waiting.set(call, resolve))
      },
      { timeout: '30s', coalesce: false, name: 'ask' },
    )
    return defineApp('asking', (flow) => flow.stream(input).enrich(ask).to(output))
  }

  answer(call: string): void {
    this.#waiting.get(call)!(`by ${call}`)
  }
}

/** The ledger of all tasks as it stands: values per key. */
async function ledger(b: Bench): Promise<number> {
  const entries = new Map<string, string | null>()
  const [name] = (await b.broker.admin.describeTopics())
    .map((description) => description.name)
    .filter((each) => each.endsWith('-ledger-changelog'))
  for (const { partition, key, value } of await b.read(name!)) entries.set(`${partition} ${key}`, value)
  return [...entries.values()].filter((value) => value !== null).length
}

describe('a pending call', () => {
  for (const guarantee of GUARANTEES) {
    const settings = { guarantee }

    it(`that A started is answered on B after A left, once and in order, ${guarantee}`, async () => {
      const b = await open()
      const service = new Service()
      const a = await b.start(service.app('A'), { state: 'a', settings })
      await b.write('in', [
        ['k', '{"n":1}'],
        ['k', '{"n":2}'],
      ])
      await until('both calls of A', () => service.asked.length === 2)
      await until('both ledger entries', async () => (await ledger(b)) === 2)
      await a.close()
      expect(await b.values('out')).toEqual([])
      const other = await b.start(service.app('B'), { state: 'b', settings })
      await until('both calls of B', () => service.asked.length === 4)
      expect(service.asked.slice(2)).toEqual(['B k 1', 'B k 2'])
      // A's answer comes after all, to nobody; B's second answer must wait for its first.
      service.answer('A k 1')
      service.answer('B k 2')
      await b.write('in', [['k', '{"n":3}']])
      await until('the new record', () => service.asked.includes('B k 3'))
      service.answer('B k 3')
      service.answer('B k 1')
      await b.visible('out', 3)
      await until('an empty ledger', async () => (await ledger(b)) === 0)
      await other.close()
      expect(await b.values('out')).toEqual(['"by B k 1"', '"by B k 2"', '"by B k 3"'])
    })

    it(`moves with its task when B joins, and stays with A where the task stays, ${guarantee}`, async () => {
      const b = await open()
      const service = new Service()
      const a = await b.start(service.app('A'), { state: 'a', settings })
      await b.write(
        'in',
        KEYS.map((key) => [key, '{"n":1}'] as const),
      )
      await until('all calls of A', () => service.asked.length === KEYS.length)
      const other = await b.start(service.app('B'), { state: 'b', settings })
      await shared(PARTITIONS, a, other)
      const moved = (): readonly string[] => service.asked.filter((call) => call.startsWith('B '))
      const partitionsOfB = other.tasks.map(({ partition }) => partition)
      expect(partitionsOfB).toHaveLength(2)
      const inputs = await b.read('in')
      const ofB = inputs.filter(({ partition }) => partitionsOfB.includes(partition)).map(({ key }) => key)
      await until('the calls that moved', () => moved().length === ofB.length)
      expect(moved().toSorted()).toEqual(ofB.map((key) => `B ${key} 1`).toSorted())
      for (const call of service.asked) service.answer(call)
      await b.visible('out', KEYS.length)
      await until('an empty ledger', async () => (await ledger(b)) === 0)
      const expected = KEYS.map((key) => JSON.stringify(`by ${ofB.includes(key) ? 'B' : 'A'} ${key} 1`))
      const came = (await b.values('out')).map(String)
      expect(came.toSorted()).toEqual(expected.toSorted())
    })
  }
})

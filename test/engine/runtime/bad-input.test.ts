/** What users and machines do wrong, on a real embedded broker: each is an error that names place and remedy, and costs no data. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Disk, DiskFile } from '../../../src/core/disk.ts'
import { sluiceError } from '../../../src/core/errors.ts'
import { source } from '../../../src/enrich/index.ts'
import { defineApp, json, string, topic, type App } from '../../../src/index.ts'
import { systemDisk } from '../../../src/platform/disk.ts'
import { sqliteBackend } from '../../../src/stores/sqlite.ts'
import { Bench, type BenchOptions, Gate, refused, until } from './bench-app.ts'

const input = topic('in', { key: string, value: json<{ n: number }>() })
const output = topic('out', { key: string, value: json() })
const other = topic('other', { key: string, value: json<{ name: string }>() })

const copy = defineApp('copy', (flow) =>
  flow
    .stream(input)
    .mapValues(({ n }) => n)
    .to(output),
)

function counting(name?: string): App {
  return defineApp('counting', (flow) => {
    const options = name === undefined ? {} : { name }
    flow
      .stream(input)
      .groupByKey()
      .count({ ...options, emit: 'every' })
      .toStream()
      .to(output)
  })
}

const open: (Bench | string)[] = []

async function bench(options?: BenchOptions): Promise<Bench> {
  const made = await Bench.open(options)
  open.push(made)
  return made
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'sluice-bad-'))
  open.push(made)
  return made
}

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) {
    if (typeof thing === 'string') rmSync(thing, { recursive: true, force: true })
    else await thing.close().catch(() => undefined)
  }
})

describe('a malformed record', () => {
  it('becomes a dead letter in the transaction of its neighbours: visible together, never alone', async () => {
    const b = await bench()
    await b.topics(1, 'in', 'out')
    await b.write('in', [
      ['a', '{"n":1}'],
      ['a', '{"n":'],
      ['a', '{"n":3}'],
    ])
    const gate = new Gate()
    const held = gate.hold('commit.end')
    await b.start(copy, { failpoints: gate })
    const go = await held
    expect(await b.values('out', 'read_uncommitted')).toEqual(['1', '3'])
    expect(await b.values('copy-dead-letters', 'read_uncommitted')).toEqual(['{"n":'])
    expect(await b.values('out')).toEqual([])
    expect(await b.values('copy-dead-letters')).toEqual([])
    go()
    await b.visible('out', 2)
    const [letter] = await b.read('copy-dead-letters')
    expect(letter).toMatchObject({
      key: 'a',
      value: '{"n":',
      headers: {
        '__streams.errors.exception': 'SLUICE_DESERIALIZE',
        '__streams.errors.topic': 'in',
        '__streams.errors.partition': '0',
        '__streams.errors.offset': '1',
        '__streams.errors.message': expect.stringContaining(
          'in-0 offset 1: the value is not valid json',
        ) as string,
      },
    })
  })

  it('leaves no dead letter when the commit is aborted, and exactly one when it is made again', async () => {
    const b = await bench()
    await b.topics(1, 'in', 'out')
    await b.write('in', [
      ['a', '{"n":1}'],
      ['a', 'nope'],
    ])
    const gate = new Gate()
    let aborted: ((go: () => void) => void) | undefined
    const rebuilt = new Promise<() => void>((resolve) => (aborted = resolve))
    gate.at = (place) => {
      if (place === 'commit.end')
        return Promise.reject(sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation: 'test', problem: 'cut' }))
      if (place === 'abort.rebuilt') return new Promise((go) => aborted!(go))
      return undefined
    }
    await b.start(copy, { failpoints: gate })
    const go = await rebuilt
    expect(await b.values('copy-dead-letters')).toEqual([])
    expect(await b.values('copy-dead-letters', 'read_uncommitted')).toEqual(['nope'])
    gate.at = () => undefined
    go()
    await b.visible('copy-dead-letters', 1)
    await b.write('in', [['a', '{"n":2}']])
    await b.visible('out', 2)
    expect(await b.values('copy-dead-letters')).toEqual(['nope'])
    expect(await b.values('out')).toEqual(['1', '2'])
  })
})

describe('a plan that does not fit the topics', () => {
  it('stops at a missing input topic with its name, who reads it and what there is', async () => {
    const b = await bench()
    await b.topics(1, 'out', 'inn')
    const error = await refused(b.start(copy), 'SLUICE_TOPIC_MISSING')
    expect(error.message).toBe('topic "in" does not exist (read by copy)')
    expect(error.fix).toContain('existing topics: inn, out')
  })

  it('stops at a missing output topic', async () => {
    const b = await bench()
    await b.topics(1, 'in')
    const error = await refused(b.start(copy), 'SLUICE_TOPIC_MISSING')
    expect(error.message).toBe('topic "out" does not exist (written by copy)')
  })

  it('stops at a join of topics with different partition counts, naming both', async () => {
    const b = await bench()
    await b.topics(2, 'in', 'out')
    await b.topics(3, 'other')
    const app = defineApp('joining', (flow) =>
      flow
        .stream(input)
        .join(flow.table(other), (value, { name }) => ({ ...value, name }))
        .to(output),
    )
    const error = await refused(b.start(app), 'SLUICE_COPARTITION')
    expect(error.message).toMatch(/"in" has 2/)
    expect(error.message).toMatch(/"other" has 3/)
    expect(error.fix).toContain('repartition(')
  })

  it('leaves nothing locked behind: the start works once the topic is there', async () => {
    const b = await bench()
    await b.topics(1, 'in')
    await refused(b.start(copy), 'SLUICE_TOPIC_MISSING')
    await b.topics(1, 'out')
    await b.write('in', [['a', '{"n":1}']])
    const app = await b.start(copy)
    await b.visible('out', 1)
    expect(app.state).toBe('running')
  })
})

describe('an unknown option', () => {
  it('of the engine names the nearest one', async () => {
    const b = await bench()
    await b.topics(1, 'in', 'out')
    const settings = { commitIntervalMS: 50 } as object
    const error = await refused(b.start(copy, { settings }), 'SLUICE_CONFIG_UNKNOWN')
    expect(error.message).toContain('"commitIntervalMS"; did you mean "commitIntervalMs"?')
  })

  it('of enrich names the nearest one', async () => {
    const asking =
      (options: object): (() => unknown) =>
      () =>
        defineApp('asking', (flow) =>
          flow
            .stream(input)
            .enrich(() => 1, options)
            .to(output),
        ).plan()
    expect(asking({ concurency: 3 })).toThrow(/"concurency"; did you mean "concurrency"\?/)
    const typo = source(() => 1, { timout: '1s' } as object)
    const app = defineApp('asking', (flow) => flow.stream(input).enrich(typo).to(output))
    expect(() => app.plan()).toThrow(/"timout"; did you mean "timeout"\?/)
  })
})

describe('a folder in use', () => {
  it('of a broker is refused with pid and owner, and free again after close', async () => {
    const where = folder()
    const first = await bench({ folder: where })
    const error = await refused(Bench.open({ folder: where }), 'SLUICE_FOLDER_LOCKED')
    expect(error.message).toContain(`process ${process.pid}`)
    expect(error.message).toContain(where)
    await first.close()
    await bench({ folder: where })
  })

  it('of an application is refused, and the first one goes on', async () => {
    const b = await bench()
    await b.topics(1, 'in', 'out')
    await b.start(copy)
    const error = await refused(b.start(copy), 'SLUICE_FOLDER_LOCKED')
    expect(error.message).toContain('application copy')
    await b.write('in', [['a', '{"n":1}']])
    await b.visible('out', 1)
  })
})

describe('local state', () => {
  it('of another broker is wiped with one line per task, and the results are right', async () => {
    const stores = sqliteBackend({ disk: systemDisk })
    const state = folder()
    const first = await bench({ folder: folder() })
    await first.topics(1, 'in', 'out')
    await first.write('in', [
      ['a', '{"n":1}'],
      ['a', '{"n":1}'],
      ['b', '{"n":1}'],
    ])
    const app = await first.start(counting(), { stores, state })
    await first.visible('out', 3)
    await app.close()
    const second = await bench({ folder: folder() })
    await second.topics(1, 'in', 'out')
    await second.write('in', [['a', '{"n":1}']])
    await second.start(counting(), { stores, state })
    const seen = await second.visible('out', 1)
    expect(seen.map(({ key, value }) => [key, value])).toEqual([['a', '1']])
    const wipes = second.logged.filter(({ message }) => message.includes('belongs to cluster'))
    expect(wipes).toHaveLength(1)
    expect(wipes[0]!.message).toContain(first.cluster.clusterId)
  })

  it('with a renamed store stops the start with a difference and the remedy, and the old name still works', async () => {
    const b = await bench()
    await b.topics(1, 'in', 'out')
    await (await b.start(counting('visits'))).close()
    const error = await refused(b.start(counting('calls')), 'SLUICE_STATE_INCOMPATIBLE')
    expect(error.message).toContain('store "visits" is gone; "calls" is new and of the same type: renamed?')
    expect(error.fix).toContain("'visits'")
    await b.write('in', [['a', '{"n":1}']])
    await b.start(counting('visits'))
    await b.visible('out', 1)
  })
})

describe('a service that never answers', () => {
  it('costs its record at the deadline; other keys and commits go on meanwhile', async () => {
    const b = await bench()
    await b.topics(1, 'in', 'out')
    const ask = source(({ n }: { n: number }) => (n === 0 ? new Promise<number>(() => undefined) : n * 10), {
      timeout: '10s',
      coalesce: false,
    })
    const app = defineApp('asking', (flow) =>
      flow.stream(input).enrich(ask, { deadline: '600ms' }).to(output),
    )
    await b.write('in', [
      ['stuck', '{"n":0}'],
      ['stuck', '{"n":1}'],
      ['fine', '{"n":2}'],
    ])
    const begun = performance.now()
    await b.start(app)
    await b.visible('out', 1)
    expect(performance.now() - begun).toBeLessThan(600)
    expect(await b.values('out')).toEqual(['20'])
    const committed = await b.broker.committedOffsets('asking')
    expect(committed).toMatchObject([{ topic: 'in', offset: 3 }])
    expect(await b.values('asking-dead-letters')).toEqual([])
    await b.visible('asking-dead-letters', 1)
    expect(performance.now() - begun).toBeGreaterThan(500)
    const [letter] = await b.read('asking-dead-letters')
    expect(letter).toMatchObject({
      key: 'stuck',
      value: '{"n":0}',
      headers: { '__streams.errors.offset': '0', '__streams.errors.exception': 'SLUICE_ENRICH_TIMEOUT' },
    })
    await until('the record behind it', async () => (await b.values('out')).length === 2)
    expect(await b.values('out')).toEqual(['20', '10'])
  })
})

/** The real disk, until it is full. */
class SmallDisk implements Disk {
  full = false
  makeFolder = systemDisk.makeFolder
  list = systemDisk.list
  readFile = systemDisk.readFile
  remove = systemDisk.remove
  rename = systemDisk.rename
  syncFolder = systemDisk.syncFolder
  lock = systemDisk.lock
  bootId = systemDisk.bootId

  async open(path: string): Promise<DiskFile> {
    const file = await systemDisk.open(path)
    return {
      size: () => file.size(),
      write: (parts, position) => this.#room(path, () => file.write(parts, position)),
      read: (position, length) => file.read(position, length),
      truncate: (size) => file.truncate(size),
      sync: () => file.sync(),
      close: () => file.close(),
    }
  }

  replaceFile(path: string, content: Uint8Array): Promise<void> {
    return this.#room(path, () => systemDisk.replaceFile(path, content))
  }

  #room(path: string, write: () => Promise<void>): Promise<void> {
    if (!this.full) return write()
    const problem = 'no space is left on the disk'
    return Promise.reject(sluiceError('SLUICE_DISK', { path, operation: 'write', code: 'ENOSPC', problem }))
  }
}

describe('a full disk', () => {
  it('stops the application with an error that says so; what was acknowledged is there when there is room again', async () => {
    const where = folder()
    const disk = new SmallDisk()
    const b = await bench({ folder: where, disk })
    await b.topics(1, 'in', 'out')
    await b.write('in', [
      ['a', '{"n":1}'],
      ['a', '{"n":2}'],
    ])
    const gate = new Gate()
    const app = await b.start(counting(), { failpoints: gate })
    await b.visible('out', 2)
    const held = gate.hold('commit.send')
    await b.write('in', [['a', '{"n":3}']])
    const go = await held
    disk.full = true
    go()
    const error = await refused(app.ended, 'SLUICE_DISK')
    expect(error.message).toContain('ENOSPC')
    expect(error.message).toContain('no space is left')
    expect(error.fix).toContain('free space')
    expect(app.state).toBe('failed')
    expect(await b.values('out')).toEqual(['1', '2'])
    disk.full = false
    await b.cluster.close().catch(() => undefined)
    const again = await bench({ folder: where, disk })
    expect(await again.values('in')).toHaveLength(3)
    expect(await again.values('out')).toEqual(['1', '2'])
    await again.start(counting())
    await again.visible('out', 3)
    expect(await again.values('out')).toEqual(['1', '2', '3'])
  })
})

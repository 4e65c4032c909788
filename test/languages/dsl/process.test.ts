import { describe, expect, it } from 'vitest'
import { defineApp, json, store, string, topic } from '../../../src/index.ts'
import type {
  Flow,
  KeyValueStore,
  SessionStore,
  StoreOptions,
  TimestampedStore,
  VersionedStore,
  WindowStore,
} from '../../../src/index.ts'
import { createDriver } from '../../../src/testing/driver.ts'
import type { Driver } from '../../../src/testing/driver.ts'

const input = topic('in', { key: string, value: json<string>() })
const output = topic('out', { key: string, value: json<string>() })
const texts = { key: string, value: json<string>() }

function driven(draw: (flow: Flow) => void): Promise<Driver> {
  return createDriver(defineApp('app', draw).plan())
}

function values(driver: Driver, of: typeof output = output): unknown[] {
  return driver.read(of).map(({ key, value, timestamp }) => `${key}=${value}@${timestamp}`)
}

describe('processValues', () => {
  it('keeps the key, so that state below it needs no repartition', async () => {
    const app = defineApp('app', (flow) => {
      flow
        .stream(input)
        .processValues<string>(({ next }) => ({ process: (record) => next(record.withValue('x')) }))
        .groupByKey()
        .count({ name: 'n' })
    })
    expect(app.plan().internalTopics.map(({ role }) => role)).toEqual(['changelog'])
    const driver = await createDriver(app.plan())
    driver.pipe(input, { key: 'a', value: '1', timestamp: 5 })
    expect(driver.contents('n').entries).toEqual([{ key: 'a', value: 1, timestamp: 5 }])
  })

  it('forwards as often as it likes, with other times and headers, and has stores', async () => {
    const seen = store('seen', texts)
    const driver = await driven((flow) => {
      flow
        .stream(input)
        .processValues<string>(
          (context) => {
            const before = context.store<KeyValueStore<string, string>>('seen')
            return {
              process: (record) => {
                context.next(record.withValue(before.get(record.key) ?? 'none').withTimestamp(7))
                context.next(record.withHeaders([]))
                before.put(record.key, record.value)
              },
            }
          },
          { stores: [seen] },
        )
        .to(output)
    })
    driver.pipe(input, { key: 'a', value: '1', timestamp: 5 })
    driver.pipe(input, { key: 'a', value: '2', timestamp: 6 })
    expect(values(driver)).toEqual(['a=none@7', 'a=1@5', 'a=1@7', 'a=2@6'])
  })

  it('refuses another key where types were cast away', async () => {
    const driver = await driven((flow) => {
      flow.stream(input).processValues(({ next }) => ({
        process: (record) => next({ ...record, key: 'other' }),
      }))
    })
    driver.pipe(input, { key: 'a', value: '1' })
    const [letter] = driver.deadLetters()
    const said = letter!.headers.map(({ value }) => Buffer.from(value ?? []).toString()).join(' ')
    expect(said).toContain('processValues must keep the key "a", came "other"; use process to change keys')
  })
})

describe('process', () => {
  it('forwards to one child by its name', async () => {
    const left = topic('left', texts)
    const driver = await driven((flow) => {
      const routed = flow.stream(input).process<string, string>((context) => {
        const toLeft = context.forwardTo('left')
        return { process: (record) => (record.value === 'l' ? toLeft(record) : context.next(record)) }
      })
      routed.filter(() => true, { name: 'left' }).to(left)
      routed.filter(() => true, { name: 'right' }).to(output)
    })
    driver.pipe(input, { key: 'a', value: 'l', timestamp: 1 })
    driver.pipe(input, { key: 'b', value: 'x', timestamp: 2 })
    expect(values(driver, left)).toEqual(['a=l@1', 'b=x@2'])
    expect(values(driver)).toEqual(['b=x@2'])
  })

  it('says at the start when there is no such child', async () => {
    const drawn = driven((flow) => {
      flow
        .stream(input)
        .process<string, string>((context) => {
          context.forwardTo('nobody')
          return { process: () => undefined }
        })
        .to(output)
    })
    await expect(drawn).rejects.toThrow('no child "nobody"')
  })
})

describe('store', () => {
  /** Puts each record into a store of these options and answers what `put` made of the value. */
  async function withStore<S>(
    options: Omit<StoreOptions<string, string>, 'key' | 'value'>,
    put: (kept: S, key: string, value: string, time: number) => unknown,
  ): Promise<Driver> {
    const spec = store('kept', { ...texts, ...options } as StoreOptions<string, string>)
    return driven((flow) => {
      flow
        .stream(input)
        .process<string, string>(
          (context) => {
            const kept = context.store<S>('kept')
            return { process: ({ key, value, timestamp }) => void put(kept, key, value, timestamp) }
          },
          { stores: [spec] },
        )
        .to(output)
    })
  }

  function feed(driver: Driver, ...records: readonly (readonly [string, string, number])[]): void {
    for (const [key, value, timestamp] of records) driver.pipe(input, { key, value, timestamp })
  }

  it('of kind timestamped keeps the time of the last update', async () => {
    const driver = await withStore<TimestampedStore<string, string>>({ kind: 'timestamped' }, (kept, ...of) =>
      kept.put(...of),
    )
    feed(driver, ['a', '1', 5], ['a', '2', 3])
    expect(driver.contents('kept')).toEqual({
      kind: 'timestamped',
      entries: [{ key: 'a', value: '2', timestamp: 3 }],
    })
  })

  it('of kind lru keeps so many keys', async () => {
    const driver = await withStore<KeyValueStore<string, string>>(
      { kind: 'lru', capacity: 2 } as never,
      (kept, key, value) => kept.put(key, value),
    )
    feed(driver, ['a', '1', 1], ['b', '2', 2], ['c', '3', 3])
    expect(driver.contents('kept').entries.map(({ key }) => key)).toEqual(['b', 'c'])
  })

  it('of kind window forgets behind its retention, and counts what comes too late', async () => {
    const driver = await withStore<WindowStore<string, string>>(
      { kind: 'window', size: '1m', retention: '5m' } as never,
      (kept, key, value, time) => kept.put(key, value, time),
    )
    feed(driver, ['a', '1', 0], ['b', '2', 60_000], ['a', '3', 420_000], ['b', '4', 30_000])
    expect(driver.contents('kept').entries).toEqual([
      { key: { key: 'a', start: 420_000, end: 480_000 }, value: '3' },
    ])
    feed(driver, ['a', '5', 900_000], ['late', '6', 420_000])
    const dropped = driver.metrics.samples().find(({ labels }) => labels['node'] === 'kept')
    expect(dropped).toMatchObject({ name: 'dropped-records-total', value: 1 })
  })

  it('of kind session finds sessions that reach into a time', async () => {
    const driver = await withStore<SessionStore<string, string>>(
      { kind: 'session', retention: '1h' } as never,
      (kept, key, value, time) => kept.put({ key, start: time, end: time + 10 }, value),
    )
    feed(driver, ['a', '1', 0], ['a', '2', 100])
    const kept = driver.store<SessionStore<string, string>>('kept')
    expect([...kept.findSessions('a', 105, 120)]).toEqual([[{ key: 'a', start: 100, end: 110 }, '2']])
    expect([...kept.findSessionsEnding(0, 50)]).toEqual([[{ key: 'a', start: 0, end: 10 }, '1']])
  })

  it('of kind versioned knows what was true when', async () => {
    const driver = await withStore<VersionedStore<string, string>>(
      { kind: 'versioned', retention: '1h' } as never,
      (kept, key, value, time) => kept.put(key, value, time),
    )
    feed(driver, ['a', '1', 10], ['a', '3', 30], ['a', '2', 20])
    const kept = driver.store<VersionedStore<string, string>>('kept')
    expect(kept.getAsOf('a', 25)).toEqual({ value: '2', validFrom: 20, validTo: 30 })
    expect(kept.get('a')).toEqual({ value: '3', validFrom: 30, validTo: undefined })
  })

  it('refuses what makes no sense', () => {
    expect(() => store('s', { ...texts, kind: 'lru', capacity: 0 })).toThrow('a whole number above 0')
    expect(() => store('s', { ...texts, kind: 'window', size: '2m', retention: '1m' })).toThrow(
      'at least the size of its windows (120000 ms)',
    )
    expect(() => store('s', { ...texts, kind: 'widow' } as never)).toThrow('a kind of store')
  })
})

/** suppress: what is held back, when it leaves, and what happens when the buffer is full. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  defineApp,
  json,
  string,
  topic,
  tumbling,
  untilTimeLimit,
  untilWindowCloses,
} from '../../../src/index.ts'
import type { Suppression, Table } from '../../../src/index.ts'
import { createDriver } from '../../../src/testing/index.ts'
import type { Driver } from '../../../src/testing/index.ts'

const input = topic('in', { key: string, value: json<string>() })
const out = topic('out', { key: string, value: json<string>() })

/** A table of last values behind a suppress. */
function held(until: Suppression<string>): Promise<Driver> {
  const app = defineApp('test', (flow) => {
    flow.table(input, { emit: 'every', name: 'last' }).suppress(until).toStream().to(out)
  })
  return createDriver(app.plan())
}

function feed(driver: Driver, key: string, value: string | null, timestamp: number): unknown[] {
  driver.pipe(input, { key, value, timestamp })
  return driver.read(out).map((record) => [record.key, record.value, record.timestamp])
}

describe('suppress until a time limit', () => {
  test('hands on the last value of a key when the limit after the first one has passed', async () => {
    const driver = await held(untilTimeLimit(10))
    expect(feed(driver, 'a', '1', 0)).toEqual([])
    expect(feed(driver, 'a', '2', 9)).toEqual([])
    expect(feed(driver, 'b', '3', 10)).toEqual([['a', '2', 9]])
    expect(feed(driver, 'a', '4', 20)).toEqual([['b', '3', 10]])
    driver.close()
  })

  test('passes deletions on', async () => {
    const driver = await held(untilTimeLimit(10))
    feed(driver, 'a', '1', 0)
    feed(driver, 'a', null, 1)
    expect(feed(driver, 'b', '2', 50)).toEqual([['a', null, 1]])
    driver.close()
  })

  test('hands the oldest on early when it holds too many', async () => {
    const driver = await held(untilTimeLimit('1h', { maxRecords: 2 }))
    feed(driver, 'b', '1', 5)
    feed(driver, 'a', '2', 5)
    expect(feed(driver, 'c', '3', 1)).toEqual([['c', '3', 1]])
    expect(feed(driver, 'd', '4', 9)).toEqual([['a', '2', 5]])
    driver.close()
  })

  test('hands on early when it holds too many bytes', async () => {
    const driver = await held(untilTimeLimit('1h', { maxBytes: 80 }))
    expect(feed(driver, 'a', 'x', 1)).toEqual([])
    expect(feed(driver, 'b', 'a value that alone is too long', 2)).toEqual([['a', 'x', 1]])
    driver.close()
  })

  test('stops the application where that was asked for', async () => {
    const driver = await held(untilTimeLimit('1h', { maxRecords: 1, whenFull: 'shut-down' }))
    feed(driver, 'a', '1', 1)
    expect(() => feed(driver, 'b', '2', 2)).toThrow('the buffer is full: 2 updates (at most 1)')
    driver.close()
  })

  test('lets no more than one update per key and limit through, and the last one of each', async () => {
    const record = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      step: fc.integer({ min: 0, max: 6 }),
      value: fc.string({ minLength: 1, maxLength: 2 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 40 }), async (trace) => {
        const driver = await held(untilTimeLimit(10))
        const wanted: unknown[] = []
        const came: unknown[] = []
        const waiting = new Map<string, { turn: number; value: string; time: number }>()
        let time = 0
        for (const { key, step, value } of trace) {
          time += step
          came.push(...feed(driver, key, value, time))
          waiting.set(key, { turn: waiting.get(key)?.turn ?? time, value, time })
          const due = [...waiting].filter(([, { turn }]) => turn <= time - 10)
          due.sort(([a, one], [b, other]) => one.turn - other.turn || (a < b ? -1 : 1))
          for (const [of, { value: last, time: at }] of due) {
            wanted.push([of, last, at])
            waiting.delete(of)
          }
        }
        driver.close()
        expect(came).toEqual(wanted)
      }),
      { numRuns: 60 },
    )
  })
})

describe('suppress until windows close', () => {
  test('stops when its buffer is full: early results would not be final', async () => {
    const app = defineApp('test', (flow) => {
      const group = flow.stream(input).groupByKey().windowedBy(tumbling(10))
      group.count({ emit: 'every' }).suppress(untilWindowCloses({ maxRecords: 1 }))
    })
    const driver = await createDriver(app.plan())
    driver.pipe(input, { key: 'a', value: '1', timestamp: 1 })
    expect(() => driver.pipe(input, { key: 'b', value: '1', timestamp: 1 })).toThrow('buffer is full')
    driver.close()
  })

  test('refuses a table whose keys are no windows', () => {
    const app = defineApp('test', (flow) => {
      const table = flow.table(input) as unknown as Table<{ key: string; start: number; end: number }, string>
      table.suppress(untilWindowCloses())
    })
    expect(() => app.plan()).toThrow('the keys of "in" are no windows')
  })

  test('refuses a versioned table', () => {
    const app = defineApp('test', (flow) => {
      flow.table(input, { versioned: '1h' }).suppress(untilTimeLimit(5))
    })
    expect(() => app.plan()).toThrow('is versioned')
  })
})

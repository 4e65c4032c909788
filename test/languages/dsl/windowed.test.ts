/** Windows, cogroups and suppress in the DSL: types that flow, names, and what is refused. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  defineApp,
  hopping,
  json,
  session,
  sliding,
  string,
  topic,
  tumbling,
  unlimited,
  untilTimeLimit,
  untilWindowCloses,
} from '../../../src/index.ts'
import type { Flow, Suppression, Table, Windowed } from '../../../src/index.ts'
import { int64, sessionWindowed, timeWindowed } from '../../../src/serdes/index.ts'
import { createDriver } from '../../../src/testing/index.ts'

interface Order {
  readonly total: number
}
interface Click {
  readonly page: string
}

const orders = topic('orders', { key: string, value: json<Order>() })
const clicks = topic('clicks', { key: string, value: json<Click>() })
const counts = topic('counts', { key: timeWindowed(string, '1m'), value: int64 })

function plan(draw: (flow: Flow) => void): ReturnType<ReturnType<typeof defineApp>['plan']> {
  return defineApp('test', draw).plan()
}

const add = (one: number, other: number): number => one + other
const sum = { init: () => 0, add: (so: number, order: Order) => so + order.total }

describe('the types of windows', () => {
  test('make tables whose keys are windows of the keys', () => {
    plan((flow) => {
      const group = flow.stream(orders).groupByKey()
      expectTypeOf(group.windowedBy(tumbling('1m')).count()).toEqualTypeOf<Table<Windowed<string>, number>>()
      const sums = group.windowedBy(hopping('1h', { advance: '5m' })).aggregate({ ...sum, name: 'sums' })
      expectTypeOf(sums).toEqualTypeOf<Table<Windowed<string>, number>>()
      const largest = group
        .windowedBy(sliding('1m'))
        .reduce((one, other) => (one.total > other.total ? one : other), { name: 'largest' })
      expectTypeOf(largest).toEqualTypeOf<Table<Windowed<string>, Order>>()
      sums.mapValues((total, { key, start, end }) => `${key} ${end - start} ${total.toFixed(2)}`)
    })
  })

  test('want a merge for sessions, and none otherwise', () => {
    const draw = (flow: Flow): void => {
      const group = flow.stream(orders).groupByKey()
      group.windowedBy(session('5m')).aggregate({ ...sum, merge: (one, other) => one + other })
      // @ts-expect-error a session needs a merge
      group.windowedBy(session('6m')).aggregate({ ...sum, name: 'unmerged' })
      // @ts-expect-error tumbling windows never become one
      group.windowedBy(tumbling('5m')).aggregate({ ...sum, merge: add })
    }
    expect(() => plan(draw)).toThrow('there is no `merge` that says how')
  })

  test('know that an unlimited window has no final result', () => {
    const draw = (flow: Flow): void => {
      const group = flow.stream(orders).groupByKey()
      // @ts-expect-error it never closes
      group.windowedBy(unlimited()).count({ emit: 'final' })
    }
    expect(() => plan(draw)).toThrow('an unlimited window never closes')
  })

  test('refuse a topic with another key, and one with another value', () => {
    const { sinkTopics } = plan((flow) => {
      const stream = flow.stream(orders).groupByKey().windowedBy(tumbling('1m')).count().toStream()
      stream.to(counts)
      // @ts-expect-error the keys are windows, not text
      stream.to(topic('wrong-keys', { key: string, value: int64 }))
      // @ts-expect-error the values are numbers
      stream.to(topic('wrong-values', { key: timeWindowed(string, '1m'), value: string }))
    })
    expect(sinkTopics).toHaveLength(3)
  })

  test('let only windowed tables wait for their windows', () => {
    const draw = (flow: Flow): void => {
      const group = flow.stream(orders).groupByKey()
      const windowed = group.windowedBy(tumbling('1m')).count()
      expectTypeOf(windowed.suppress(untilWindowCloses())).toEqualTypeOf<Table<Windowed<string>, number>>()
      windowed.suppress(untilTimeLimit('10s'), { name: 'limited' })
      // @ts-expect-error text is no window
      group.count().suppress(untilWindowCloses())
    }
    expect(() => plan(draw)).toThrow('are no windows')
    expectTypeOf<Suppression<unknown>>().toExtend<Suppression<string>>()
  })

  test('carry every stream of a cogroup into one aggregate', () => {
    plan((flow) => {
      interface Visit {
        readonly pages: number
        readonly spent: number
      }
      const empty = (): Visit => ({ pages: 0, spent: 0 })
      const both = flow
        .stream(clicks)
        .groupByKey()
        .cogroup<Visit>((visit, click) => ({ ...visit, pages: visit.pages + click.page.length }))
        .cogroup(flow.stream(orders).groupByKey(), (visit, { total }) => ({
          ...visit,
          spent: visit.spent + total,
        }))
      expectTypeOf(both.aggregate({ init: empty })).toEqualTypeOf<Table<string, Visit>>()
      const windowed = both.windowedBy(tumbling('1h')).aggregate({ init: empty })
      expectTypeOf(windowed).toEqualTypeOf<Table<Windowed<string>, Visit>>()
      // @ts-expect-error the aggregate is a visit
      both.aggregate({ init: () => 0, name: 'wrong' })
    })
  })
})

describe('windows', () => {
  test.each([
    ['a size of nothing', () => tumbling(0), 'tumbling: size: expected more than 0 ms'],
    ['a part of a millisecond', () => sliding(0.5), 'expected whole milliseconds'],
    ['an advance of nothing', () => hopping(10, { advance: 0 }), 'hopping: advance: expected more than 0 ms'],
    ['an advance beyond the size', () => hopping(10, { advance: 20 }), 'expected at most the size (10 ms)'],
    ['a misspelt option', () => tumbling(5, { grase: 1 } as object), 'unknown option "grase"'],
    ['a misspelt bound', () => untilTimeLimit(5, { maxRecord: 1 } as object), 'unknown option "maxRecord"'],
    ['a negative grace', () => session(5, { grace: -1 }), 'session: grace'],
  ])('refuse %s', (_, make, message) => {
    expect(make).toThrow(message)
  })

  test('refuse a retention that ends before they close', () => {
    const draw = (flow: Flow): void => {
      const group = flow.stream(orders).groupByKey()
      group.windowedBy(tumbling('1m', { grace: '10s' })).count({ retention: '1m' })
    }
    expect(() => plan(draw)).toThrow('expected at least 70000 ms, until a window closes, got 60000')
  })

  test('refuse an option that nobody knows', () => {
    const draw = (flow: Flow): void => {
      const group = flow.stream(orders).groupByKey()
      group.windowedBy(tumbling('1m')).count({ retain: '1h' } as object)
    }
    expect(() => plan(draw)).toThrow('unknown option "retain"')
  })

  test('name their stores after what they do', () => {
    const { stores } = plan((flow) => {
      const group = flow.stream(orders).groupByKey()
      group.windowedBy(tumbling('1m')).count()
      group.windowedBy(session('1m')).count()
      group.count()
    }).subtopologies[0]!
    expect(stores.map(({ name, kind }) => [name, kind])).toEqual([
      ['orders-tumbling-count', 'timestamped-window'],
      ['orders-session-count', 'session'],
      ['orders-count', 'timestamped'],
    ])
  })

  test('write their keys as Java does', async () => {
    const app = defineApp('test', (flow) => {
      const group = flow.stream(orders).groupByKey()
      group.windowedBy(tumbling('1m')).count().toStream().to(counts)
      group
        .windowedBy(session('1m'))
        .count()
        .toStream()
        .to(topic('visits', { key: sessionWindowed(string), value: int64 }))
    })
    const driver = await createDriver(app.plan())
    driver.pipe(orders, { key: 'k', value: { total: 1 }, timestamp: 1_700_000_012_345 })
    const instant = (1_700_000_012_345).toString(16)
    const hexOf = (name: string): string => Buffer.from(driver.readBytes(name)[0]!.key!).toString('hex')
    expect(hexOf('counts')).toBe(`6b00000${(1_699_999_980_000).toString(16)}`)
    expect(hexOf('visits')).toBe(`6b00000${instant}00000${instant}`)
    driver.close()
  })

  test('can be joined with windows of the same kind, and grouped anew', async () => {
    const out = topic('out', { key: string, value: json<number>() })
    const app = defineApp('test', (flow) => {
      const window = tumbling(10)
      const bought = flow.stream(orders).groupByKey().windowedBy(window).count()
      const seen = flow.stream(clicks).groupByKey().windowedBy(window).count()
      bought
        .join(seen, (orderCount, clickCount) => orderCount * 100 + clickCount)
        .groupBy((both, { start }) => [String(start), both])
        .reduce({ add: (one, other) => one + other, subtract: (one, other) => one - other })
        .toStream()
        .to(out)
    })
    const driver = await createDriver(app.plan())
    const last = (): unknown => driver.read(out).at(-1)
    driver.pipe(orders, { key: 'a', value: { total: 1 }, timestamp: 1 })
    driver.pipe(orders, { key: 'b', value: { total: 1 }, timestamp: 2 })
    expect(last()).toBeUndefined()
    driver.pipe(clicks, { key: 'a', value: { page: '/' }, timestamp: 3 })
    expect(last()).toMatchObject({ key: '0', value: 101 })
    driver.pipe(clicks, { key: 'b', value: { page: '/' }, timestamp: 4 })
    expect(last()).toMatchObject({ key: '0', value: 202 })
    driver.pipe(clicks, { key: 'b', value: { page: '/' }, timestamp: 5 })
    expect(last()).toMatchObject({ key: '0', value: 203 })
    driver.close()
  })
})

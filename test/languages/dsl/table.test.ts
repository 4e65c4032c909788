/** Verbs of tables where the recorded cases say little: what is kept, what types say, against a naive oracle. */
import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import type { Flow, GroupedTable, Table } from '../../../src/index.ts'
import { createDriver } from '../../../src/testing/driver.ts'

const left = topic('left', { key: string, value: json<number>() })
const right = topic('right', { key: string, value: json<number>() })
const out = topic('out', { key: string, value: json<unknown>() })

type Input = readonly [side: 'left' | 'right', key: string, value: number | null]

const inputs = fc.array(
  fc.tuple(
    fc.constantFrom('left' as const, 'right' as const),
    fc.constantFrom('a', 'b', 'c'),
    fc.option(fc.integer({ min: 0, max: 5 })),
  ),
  { maxLength: 30 },
)

/** The last value of each key that came out; a key whose last was a deletion is absent. */
async function ending(
  draw: (flow: Flow) => Table<string, unknown>,
  records: readonly Input[],
): Promise<object> {
  const plan = defineApp('tables', (flow) => draw(flow).toStream().to(out)).plan()
  const driver = await createDriver(plan)
  records.forEach(([side, key, value], timestamp) =>
    driver.pipe(side === 'left' ? left : right, { key, value, timestamp }),
  )
  const last = new Map(driver.read(out).map(({ key, value }) => [key!, value]))
  driver.close()
  return Object.fromEntries([...last].filter(([, value]) => value !== null))
}

function contents(records: readonly Input[], wanted: Input[0]): Map<string, number> {
  const table = new Map<string, number>()
  for (const [side, key, value] of records) {
    if (side !== wanted) continue
    if (value === null) table.delete(key)
    else table.set(key, value)
  }
  return table
}

const KINDS = ['join', 'leftJoin', 'outerJoin'] as const
const MATERIALIZED = [false, true] as const

describe('tables of tables', () => {
  for (const kind of KINDS) {
    for (const materialized of MATERIALIZED) {
      it(`${kind}${materialized ? ' with a store' : ''} of derived tables ends as a join of the contents`, () =>
        fc.assert(
          fc.asyncProperty(inputs, async (records) => {
            const came = await ending((flow) => {
              const even = flow.table(left).filter((value) => value % 2 === 0)
              const tens = flow.table(right).mapValues((value) => value * 10)
              return even[kind](tens, (a, b) => [a, b], { materialized, emit: 'every' })
            }, records)
            const [a, b] = [contents(records, 'left'), contents(records, 'right')]
            for (const [key, value] of a) if (value % 2 === 1) a.delete(key)
            const expected: Record<string, unknown> = {}
            for (const key of new Set([...a.keys(), ...b.keys()])) {
              if (kind !== 'outerJoin' && !a.has(key)) continue
              if (kind === 'join' && !b.has(key)) continue
              const tens = b.get(key)
              expected[key] = [a.get(key) ?? null, tens === undefined ? null : tens * 10]
            }
            expect(came).toEqual(expected)
          }),
          { numRuns: 60 },
        ))
    }
  }

  it('a stream joins a table that has no store of its own', async () => {
    const driver = await createDriver(
      defineApp('tables', (flow) => {
        const tens = flow
          .table(right)
          .mapValues((value) => value * 10)
          .filterNot((value) => value === 0)
        flow
          .stream(left)
          .leftJoin(tens, (a, b) => [a, b])
          .to(out)
      }).plan(),
    )
    for (const value of [3, 0, null]) {
      driver.pipe(right, { key: 'a', value })
      driver.pipe(left, { key: 'a', value: 1 })
    }
    expect(driver.read(out).map(({ value }) => value)).toEqual([
      [1, 30],
      [1, null],
      [1, null],
    ])
  })
})

describe('a grouping of a table', () => {
  const grouped = (flow: Flow): GroupedTable<string, number> =>
    flow.table(left, { name: 'kept' }).groupBy((value) => [value % 2 === 0 ? 'even' : 'odd', value])
  const groups = (records: readonly Input[]): Map<string, number[]> =>
    Map.groupBy(contents(records, 'left').values(), (value) => (value % 2 === 0 ? 'even' : 'odd'))

  it.each<readonly [string, (group: GroupedTable<string, number>) => Table<string, number>, number]>([
    [
      'sums what is there, whatever came and went',
      (group) =>
        group.aggregate({
          init: () => 0,
          add: (sum, v) => sum + v,
          subtract: (sum, v) => sum - v,
          emit: 'every',
        }),
      1,
    ],
    [
      'reduces the same',
      (group) => group.reduce({ add: (sum, v) => sum + v, subtract: (sum, v) => sum - v }),
      1,
    ],
    ['counts it', (group) => group.count(), 0],
  ])('%s', (_, aggregated, weight) =>
    fc.assert(
      fc.asyncProperty(inputs, async (records) => {
        const came = (await ending(
          (flow) => aggregated(grouped(flow)),
          records.filter(([side]) => side === 'left'),
        )) as Record<string, number>
        for (const name of ['even', 'odd']) {
          const values = groups(records).get(name) ?? []
          const expected = weight === 0 ? values.length : values.reduce((sum, value) => sum + value, 0)
          expect(came[name] ?? 0).toBe(expected)
        }
      }),
      { numRuns: 60 },
    ),
  )

  it('leaves out null groups, and needs the repartition topic although the key stays', async () => {
    const app = defineApp('tables', (flow) =>
      flow
        .table(left)
        .groupBy((value, key) => [value > 2 ? key : null, value])
        .count()
        .toStream()
        .to(out),
    )
    expect(app.plan().internalTopics.filter(({ role }) => role === 'repartition')).toHaveLength(1)
    const driver = await createDriver(app.plan())
    for (const value of [1, 3, 2]) driver.pipe(left, { key: 'a', value })
    expect(driver.read(out).map(({ value }) => value)).toEqual([1, 0])
  })
})

describe('a derived table', () => {
  const plan = (draw: (flow: Flow) => unknown): readonly string[] =>
    defineApp('tables', (flow) => void draw(flow))
      .plan()
      .subtopologies.flatMap(({ stores }) => stores.map(({ name }) => name))

  it('has a store only when asked for', () => {
    const views = (flow: Flow): Table<string, number> =>
      flow
        .table(left)
        .filter(() => true)
        .mapValues((value) => value + 1)
    expect(plan(views)).toEqual(['left-table'])
    expect(plan((flow) => views(flow).filter(() => true, { materialized: true }))).toEqual([
      'left-table',
      'left-filter-table',
    ])
    expect(plan((flow) => views(flow).join(flow.table(right), () => 1, { changelog: false }))).toEqual([
      'left-table',
      'right-table',
      'left-join-right',
    ])
  })

  it('must live beside its partner: both topics need equal partition counts', () => {
    const app = defineApp('tables', (flow) => void flow.table(left).outerJoin(flow.table(right), () => 1))
    expect(app.plan().copartition[0]?.topics).toEqual(['left', 'right'])
    expect(app.plan().subtopologies).toHaveLength(1)
  })

  it('has the types of its verbs', () =>
    void plan((flow) => {
      const table = flow.table(left)
      expectTypeOf(table.filter((value) => value > 1)).toEqualTypeOf<Table<string, number>>()
      expectTypeOf(table.mapValues((value) => (value > 1 ? String(value) : null))).toEqualTypeOf<
        Table<string, string>
      >()
      const outer = table.outerJoin(flow.table(right), (a, b) => {
        expectTypeOf(a).toEqualTypeOf<number | null>()
        expectTypeOf(b).toEqualTypeOf<number | null>()
        return 'x'
      })
      expectTypeOf(outer).toEqualTypeOf<Table<string, string>>()
      expectTypeOf(table.groupBy((value) => [`${value}`, 'v'])).toEqualTypeOf<GroupedTable<string, string>>()
      // @ts-expect-error a key that is not text needs its serde
      table.groupBy((value) => [value, 'v'], { name: 'other' })
    }))
})

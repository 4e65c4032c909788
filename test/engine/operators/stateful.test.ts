/** Tables, aggregations and joins: what they keep, when they emit, under which time. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defineApp, json, store, string, topic } from '../../../src/index.ts'
import type { Flow, KeyValueStore, TimestampedStore } from '../../../src/index.ts'
import { int64 } from '../../../src/serdes/index.ts'
import { openBenchTop } from './bench-top.ts'
import type { BenchTop } from './bench-top.ts'

const input = topic('in', { key: string, value: json<number>() })
const names = topic('names', { key: string, value: json<string>() })
const out = topic('out', { key: string, value: json<unknown>() })

function run(draw: (flow: Flow) => void): Promise<BenchTop> {
  return openBenchTop(defineApp('test', draw).plan())
}

describe('an aggregation', () => {
  const sum = (emit: 'every' | 'coalesced') => (flow: Flow) => {
    const add = (total: number, value: number): number | null => (value === 0 ? null : total + value)
    flow
      .stream(input)
      .groupByKey()
      .aggregate({ init: () => 0, add, emit })
      .toStream()
      .to(out)
  }

  test('emits every update under the later of both times', async () => {
    const top = await run(sum('every'))
    top.feed('in', 'a', '1', 10)
    top.feed('in', 'a', '2', 5)
    top.feed('in', 'b', '3', 7)
    expect(top.texts('out')).toEqual([
      ['a', '1', 10],
      ['a', '3', 10],
      ['b', '3', 7],
    ])
  })

  test('coalesces to the last of each key, in order of update', async () => {
    const top = await run(sum('coalesced'))
    top.feed('in', 'a', '1', 10)
    top.feed('in', 'b', '3', 7)
    top.feed('in', 'a', '2', 11)
    expect(top.texts('out')).toEqual([])
    top.flush()
    expect(top.texts('out')).toEqual([
      ['b', '3', 7],
      ['a', '3', 11],
    ])
    top.flush()
    expect(top.texts('out')).toHaveLength(2)
  })

  test('deletes on null and then begins anew', async () => {
    const top = await run(sum('every'))
    for (const value of ['4', '0', '5']) top.feed('in', 'a', value)
    expect(top.texts('out').map(([, value]) => value)).toEqual(['4', null, '5'])
  })

  test('that made and deleted a key between two commits emits nothing', async () => {
    const top = await run(sum('coalesced'))
    for (const value of ['4', '0']) top.feed('in', 'a', value)
    top.flush()
    expect(top.texts('out')).toEqual([])
  })

  test('drops and counts null keys and null values', async () => {
    const top = await run((flow) =>
      flow
        .stream(input)
        .groupByKey()
        .count({ emit: 'every' })
        .toStream()
        .to(topic('out', { key: string, value: int64 })),
    )
    top.feed('in', null, '1')
    top.feed('in', 'a', null)
    top.feed('in', 'a', '1')
    expect(top.dropped).toEqual(['null key in an aggregation', 'null value in an aggregation'])
    expect(top.written.get('out')).toHaveLength(1)
  })

  test('counts without decoding values, and keeps Longs as Java does', async () => {
    const top = await run((flow) => flow.stream(input).groupByKey().count({ name: 'per-key' }))
    top.feed('in', 'a', 'no JSON at all')
    top.feed('in', 'a', '1')
    expect(top.store<TimestampedStore<string, number>>('per-key').get('a')).toEqual({
      value: 2,
      timestamp: 0,
    })
    expect(top.decoded.count).toBe(2)
  })

  test('by another key goes through a repartition topic and comes to the same', async () => {
    const values = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), value: fc.nat(5) }), {
      maxLength: 40,
    })
    await fc.assert(
      fc.asyncProperty(values, async (records) => {
        const top = await run((flow) =>
          flow
            .stream(input)
            .groupBy((value) => `v${value}`)
            .count({ name: 'by-value' }),
        )
        for (const { key, value } of records) top.feed('in', key, String(value))
        const expected = Map.groupBy(records, ({ value }) => `v${value}`)
        const counted = [...top.store<TimestampedStore<string, number>>('by-value').all()]
        expect(counted.map(([key, { value }]) => [key, value])).toEqual(
          [...expected]
            .map(([key, group]) => [key, group.length] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
        expect(top.written.get('test-by-value-repartition') ?? []).toHaveLength(records.length)
      }),
      { numRuns: 30 },
    )
  })

  test('deletes under the time of the record that did it, though the aggregate was later', async () => {
    const top = await run(sum('coalesced'))
    top.feed('in', 'a', '4', 10)
    top.flush()
    top.feed('in', 'a', '0', 3)
    top.flush()
    expect(top.texts('out')).toEqual([
      ['a', '4', 10],
      ['a', null, 3],
    ])
  })

  test('shares the repartition topic of a named group with the others of it', () => {
    const plan = defineApp('test', (flow) => {
      const group = flow.stream(input).groupBy((value) => `${value}`, { name: 'by-value' })
      group.count()
      group.reduce((a) => a)
    }).plan()
    const topics = plan.internalTopics.map(({ name }) => name)
    expect(topics).toEqual([
      'test-by-value-repartition',
      'test-by-value-count-changelog',
      'test-by-value-reduce-changelog',
    ])
  })

  test('reduces from the first value on', async () => {
    const top = await run((flow) =>
      flow
        .stream(input)
        .groupByKey()
        .reduce((a, b) => a * 10 + b, { emit: 'every' })
        .toStream()
        .to(out),
    )
    for (const value of ['1', '2', '3']) top.feed('in', 'a', value)
    expect(top.texts('out').map(([, value]) => value)).toEqual(['1', '12', '123'])
  })
})

describe('a table', () => {
  const through = (emit: 'every' | 'coalesced') => (flow: Flow) =>
    flow.table(names, { emit }).toStream().to(out)

  test('emits each update and deletion', async () => {
    const top = await run(through('every'))
    top.feed('names', 'a', '"x"', 3)
    top.feed('names', 'a', null, 4)
    top.feed('names', null, '"y"')
    expect(top.texts('out')).toEqual([
      ['a', '"x"', 3],
      ['a', null, 4],
    ])
    expect(top.dropped).toEqual(['null key in a table'])
  })

  test('coalesces, and emits no deletion of what was not there', async () => {
    const top = await run(through('coalesced'))
    top.feed('names', 'a', '"x"', 3)
    top.feed('names', 'b', null, 4)
    top.feed('names', 'a', '"y"', 2)
    top.flush()
    expect(top.texts('out')).toEqual([['a', '"y"', 2]])
  })

  test('of a stream is repartitioned only when the key may have changed', async () => {
    const same = defineApp('same', (flow) => void flow.stream(names).toTable())
    const other = defineApp(
      'other',
      (flow) =>
        void flow
          .stream(names)
          .selectKey((name) => name)
          .toTable(),
    )
    expect(same.plan().subtopologies).toHaveLength(1)
    expect(other.plan().subtopologies).toHaveLength(2)
    const top = await openBenchTop(other.plan())
    top.feed('names', 'a', '"x"')
    expect(top.store<TimestampedStore<string, string>>('names-selectKey-table').get('x')?.value).toBe('x')
  })
})

describe('a join', () => {
  const joined = (verb: 'join' | 'leftJoin') => (flow: Flow) => {
    const [stream, table] = [flow.stream(input), flow.table(names)]
    const join = (value: number, name: string | null, key: string): unknown => [key, value, name]
    const result = verb === 'join' ? stream.join(table, join) : stream.leftJoin(table, join)
    result.to(out)
  }

  test('takes the value at that moment; only the stream triggers', async () => {
    const top = await run(joined('join'))
    top.feed('in', 'a', '1', 1)
    top.feed('names', 'a', '"x"', 9)
    top.feed('in', 'a', '2', 2)
    top.feed('names', 'a', null)
    top.feed('in', 'a', '3', 3)
    expect(top.texts('out')).toEqual([['a', '["a",2,"x"]', 2]])
  })

  test('drops null keys and values; a left join only null values', async () => {
    for (const [verb, dropped, written] of [
      ['join', 2, []],
      [
        'leftJoin',
        1,
        [
          [null, '[null,1,null]', 0],
          ['b', '["b",2,null]', 0],
        ],
      ],
    ] as const) {
      const top = await run(joined(verb))
      top.feed('in', null, '1')
      top.feed('in', 'a', null)
      top.feed('in', 'b', '2')
      expect([verb, top.dropped.length, top.texts('out')]).toEqual([verb, dropped, written])
    }
  })
})

describe('a processor of the user', () => {
  test('has stores, forwards, and shares a store with another', async () => {
    const seen = store('seen', { key: string, value: int64 })
    const draw = (flow: Flow): void => {
      const stream = flow.stream(input)
      stream
        .process<string, number>(
          (context) => {
            const counts = context.store<KeyValueStore<string, number>>('seen')
            return {
              process(record) {
                const count = (counts.get(record.key) ?? 0) + 1
                counts.put(record.key, count)
                context.next(record.withValue(count))
              },
            }
          },
          { stores: [seen], key: string },
        )
        .to(out)
      stream
        .process<string, number | undefined>(
          (context) => ({
            process: ({ key }) =>
              context.emit('seen', context.store<KeyValueStore<string, number>>('seen').get(key), 99),
          }),
          { stores: [seen], name: 'reader' },
        )
        .to(out)
    }
    const top = await run(draw)
    top.feed('in', 'a', '1')
    top.feed('in', 'a', '1')
    expect(top.texts('out')).toEqual([
      ['a', '1', 0],
      ['seen', '1', 99],
      ['a', '2', 0],
      ['seen', '2', 99],
    ])
  })
})

test('an enrichment with a joiner keeps what was asked about', async () => {
  const plan = defineApp('test', (flow) =>
    flow
      .stream(input)
      .enrich((value) => value * 2, { join: (value, answer, key) => [key, value, answer] })
      .to(out),
  ).plan()
  const node = plan.subtopologies[0]!.nodes.find(({ kind }) => kind === 'enrich')!
  expect(plan.subtopologies[0]!.stores.map(({ name, ledgerOf }) => [name, ledgerOf])).toEqual([
    [`${node.name}-ledger`, node.name],
  ])
  expect(plan.subtopologies[0]!.nodes.map(({ name }) => name)).toEqual([
    'in-source',
    'in-enrich',
    'in-enrich-joined',
    'out-sink',
  ])
})

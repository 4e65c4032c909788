/** The front door as a newcomer meets it: the example of the README draws the plan it promises, and types flow. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { defineApp, describePlan, json, string, topic } from 'sluice'
import type { Stream, Table } from 'sluice'
import { http } from 'sluice/enrich'
import { int64 } from 'sluice/serdes'

interface Rating {
  readonly userId: number
  readonly stars: number
}
interface Customer {
  readonly name: string
  readonly clubStatus: string
}

const ratings = topic('ratings', { key: string, value: json<Rating>() })
const customers = topic('customers', { key: string, value: json<Customer>() })
const calls = topic('calls', {
  key: int64,
  value: json<{ readonly minutes: number; readonly customer: string | null }>(),
})

const unhappy = defineApp('unhappy-customers', (flow) => {
  flow
    .stream(ratings)
    .filter((rating) => rating.stars < 3)
    .selectKey((rating) => String(rating.userId))
    .join(flow.table(customers), (rating, customer) => ({ ...rating, ...customer }))
    .enrich(
      {
        profile: http('https://profiles.internal/{key}', { timeout: '2s', retry: 3, cache: '60s' }),
        score: (rating, key) => Promise.resolve(rating.stars * key.length),
      },
      { order: 'key', concurrency: 500, fallback: { profile: null } },
    )
    .filter((rating) => rating.clubStatus === 'platinum' && rating.score > 1)
    .to(topic('unhappy-platinum-customers', { key: string, value: json() }))
})

describe('the example of the front door', () => {
  test('draws two sub-topologies: select the key, then join, ask and write', () => {
    expect(describePlan(unhappy.plan())).toBe(`Topologies:
   Sub-topology: 0
    Source: ratings-source (topics: [ratings])
      --> ratings-filter
    Processor: ratings-filter (stores: [])
      --> ratings-selectKey
      <-- ratings-source
    Processor: ratings-selectKey (stores: [])
      --> ratings-selectKey-join-customers-repartition-filter
      <-- ratings-filter
    Processor: ratings-selectKey-join-customers-repartition-filter (stores: [])
      --> ratings-selectKey-join-customers-repartition-sink
      <-- ratings-selectKey
    Sink: ratings-selectKey-join-customers-repartition-sink (topic: ratings-selectKey-join-customers-repartition)
      <-- ratings-selectKey-join-customers-repartition-filter

  Sub-topology: 1
    Source: customers-source (topics: [customers])
      --> customers-table
    Processor: customers-table (stores: [customers-table])
      --> none
      <-- customers-source
    Source: ratings-selectKey-join-customers-repartition-source (topics: [ratings-selectKey-join-customers-repartition])
      --> ratings-selectKey-join-customers
    Processor: ratings-selectKey-join-customers (stores: [customers-table])
      --> ratings-selectKey-join-customers-enrich-profile-score
      <-- ratings-selectKey-join-customers-repartition-source
    Processor: ratings-selectKey-join-customers-enrich-profile-score (stores: [ratings-selectKey-join-customers-enrich-profile-score-ledger])
      --> ratings-selectKey-join-customers-filter
      <-- ratings-selectKey-join-customers
    Processor: ratings-selectKey-join-customers-filter (stores: [])
      --> unhappy-platinum-customers-sink
      <-- ratings-selectKey-join-customers-enrich-profile-score
    Sink: unhappy-platinum-customers-sink (topic: unhappy-platinum-customers)
      <-- ratings-selectKey-join-customers-filter

`)
  })

  test('names what it keeps in the broker, with serdes inferred', () => {
    const plan = unhappy.plan()
    expect(plan.internalTopics.map(({ name, role }) => `${role} ${name}`)).toEqual([
      'repartition unhappy-customers-ratings-selectKey-join-customers-repartition',
      'changelog unhappy-customers-customers-table-changelog',
      'changelog unhappy-customers-ratings-selectKey-join-customers-enrich-profile-score-ledger-changelog',
    ])
    expect(plan.manifest.repartitions).toEqual([
      { topic: plan.internalTopics[0]?.name, key: 'string', value: 'json' },
    ])
    expect(unhappy.plan()).toBe(plan)
  })
})

describe('types flow', () => {
  const check = (run: (flow: Parameters<Parameters<typeof defineApp>[1]>[0]) => void): void => {
    expect(defineApp('types', run).plan().application).toBe('types')
  }

  test('from topics through every verb', () =>
    check((flow) => {
      const stream = flow.stream(ratings)
      expectTypeOf(stream).toEqualTypeOf<Stream<string, Rating>>()
      expectTypeOf(stream.mapValues((rating) => rating.stars)).toEqualTypeOf<Stream<string, number>>()
      expectTypeOf(stream.selectKey((rating) => rating.userId, { key: int64 })).toEqualTypeOf<
        Stream<number, Rating>
      >()
      expectTypeOf(stream.map((rating, key) => [`${key}!`, rating.stars])).toEqualTypeOf<
        Stream<string, number>
      >()
      expectTypeOf(stream.flatMapValues((rating) => [rating.stars])).toEqualTypeOf<Stream<string, number>>()
      expectTypeOf(stream.groupByKey().count()).toEqualTypeOf<Table<string, number>>()
      const sums = stream
        .groupBy((rating) => `${rating.stars}`)
        .aggregate({ init: () => 0, add: (sum, rating) => sum + rating.stars })
      expectTypeOf(sums).toEqualTypeOf<Table<string, number>>()
      const arms = stream.branch({ bad: (rating) => rating.stars < 2 })
      expectTypeOf(arms.bad).toEqualTypeOf<Stream<string, Rating>>()
      expectTypeOf(arms.default).toEqualTypeOf<Stream<string, Rating>>()
      const left = stream.leftJoin(flow.table(customers), (rating, customer) => {
        expectTypeOf(customer).toEqualTypeOf<Customer | null>()
        return rating.stars
      })
      expectTypeOf(left).toEqualTypeOf<Stream<string, number>>()
    }))

  test('through enrichments: fields, fallbacks, a single source, a joiner', () =>
    check((flow) => {
      const stream = flow.stream(ratings)
      const fields = stream.enrich(
        { name: () => 'a', rank: async () => 1 },
        { fallback: { rank: null }, name: 'one' },
      )
      expectTypeOf(fields).toExtend<
        Stream<string, { userId: number; stars: number; name: string; rank: number | null }>
      >()
      const single = stream.enrich((rating) => rating.userId, { name: 'two' })
      expectTypeOf(single).toEqualTypeOf<Stream<string, number>>()
      const joined = stream.enrich(async (rating) => rating.userId, {
        name: 'three',
        fallback: null,
        join: (rating, id) => {
          expectTypeOf(id).toEqualTypeOf<number | null>()
          return [rating.stars, id] as const
        },
      })
      expectTypeOf(joined).toEqualTypeOf<Stream<string, readonly [number, number | null]>>()
    }))

  test('into fallback functions, of a single source and by field', () =>
    check((flow) => {
      const stream = flow.stream(ratings)
      const fields = stream.enrich(
        { rank: async () => 1, name: async (rating) => String(rating.stars) },
        {
          name: 'by-field',
          fallback: {
            rank: (rating, error) => {
              expectTypeOf(rating).toEqualTypeOf<Rating>()
              expectTypeOf(error).toEqualTypeOf<Error>()
              return rating.stars < 3 ? 'low' : null
            },
            name: 'nobody',
          },
        },
      )
      expectTypeOf(fields).toExtend<Stream<string, { rank: number | 'low' | null; name: string }>>()
      const single = stream.enrich(async () => 1, {
        name: 'single',
        fallback: (rating) => {
          expectTypeOf(rating).toEqualTypeOf<Rating>()
          return rating.stars
        },
      })
      expectTypeOf(single).toEqualTypeOf<Stream<string, number>>()
      const prepared = { rank: null as string | null }
      const values = stream.enrich({ rank: async () => 1 }, { name: 'values', fallback: prepared })
      expectTypeOf(values).toExtend<Stream<string, { rank: number | string | null }>>()
      stream.enrich(
        { rank: async () => 1 },
        // @ts-expect-error a rating has no colour
        { name: 'wrong', fallback: { rank: (rating) => typeof rating.colour } },
      )
    }))

  test('and refuse what would fail later', () => {
    const drawn = defineApp('refused', (flow) => {
      const stream = flow.stream(ratings)
      // @ts-expect-error a key that is not text needs its serde
      stream.selectKey((rating) => rating.userId)
      // @ts-expect-error a key that is not text needs its serde
      stream.map((rating) => [rating.userId, rating])
      // @ts-expect-error the topic's keys are numbers
      stream.to(calls)
      // @ts-expect-error the topic wants other values
      stream.to(customers)
      // @ts-expect-error the table has other keys
      stream.join(flow.table(calls), (rating) => rating)
      // @ts-expect-error no such field
      stream.filter((rating) => rating.star < 3)
      // @ts-expect-error the serde is of another type
      stream.mapValues((rating) => rating.stars, { value: string })
      expectTypeOf(flow.stream(calls).selectKey((call) => call.customer)).toEqualTypeOf<
        Stream<string, { readonly minutes: number; readonly customer: string | null }>
      >()
    })
    expect(drawn.plan().sourceTopics).toEqual(['ratings', 'calls'])
  })
})

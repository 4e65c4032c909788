/** Names counted as Kafka Streams counts them, its optimisations, and the strict mode, as options of an application. */
import { describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import type { AppOptions, Flow } from '../../../src/index.ts'
import { createDriver } from '../../../src/testing/index.ts'
import { describe as describePlan } from '../../../src/engine/topology/describe.ts'

const clicks = topic('clicks', { key: string, value: json<{ readonly page: string }>() })
const users = topic('users', { key: string, value: json<{ readonly name: string }>() })
const counts = topic('counts', { key: string, value: json<number>() })
const joined = topic('joined', { key: string, value: json<string>() })

const COUNTED: AppOptions = { naming: 'kafka-streams' }

function perPage(flow: Flow): void {
  flow
    .stream(clicks)
    .groupBy(({ page }) => page)
    .count()
    .toStream()
    .to(counts)
}

function storesAndTopics(options: AppOptions, draw: (flow: Flow) => void = perPage): readonly string[] {
  const plan = defineApp('shop', draw, options).plan()
  const stores = plan.subtopologies.flatMap((one) => one.stores.map(({ name }) => name))
  return [...stores, ...plan.internalTopics.map(({ name }) => name)]
}

/** Two consumers of one key change, and a table of a topic. */
function busy(flow: Flow): void {
  const moved = flow.stream(clicks).map(({ page }, key) => [page, { page: key }], { value: clicks.value })
  moved.join(flow.table(users), ({ page }, { name }) => `${page} ${name}`).to(joined)
  moved.groupByKey().count({ store: 'per-page', emit: 'every' }).toStream().to(counts)
}

describe('naming: kafka-streams', () => {
  it('gives stores, changelogs and repartition topics the names a Java application gave them', () => {
    const store = 'KSTREAM-AGGREGATE-STATE-STORE-0000000002'
    expect(storesAndTopics(COUNTED)).toEqual([store, `shop-${store}-repartition`, `shop-${store}-changelog`])
  })

  it('leaves names from content as they are without it', () => {
    expect(storesAndTopics({})).toEqual([
      'clicks-groupBy-count',
      'shop-clicks-groupBy-count-repartition',
      'shop-clicks-groupBy-count-changelog',
    ])
  })

  it('prints the topology as Kafka Streams does', () => {
    const plan = defineApp('shop', (flow) => flow.stream(clicks).to(topic('copy', clicks)), COUNTED).plan()
    expect(describePlan(plan)).toBe(
      'Topologies:\n   Sub-topology: 0\n    Source: KSTREAM-SOURCE-0000000000 (topics: [clicks])\n' +
        '      --> KSTREAM-SINK-0000000001\n    Sink: KSTREAM-SINK-0000000001 (topic: copy)\n' +
        '      <-- KSTREAM-SOURCE-0000000000\n\n',
    )
  })

  it('keeps no store for a table nobody looks into, as Kafka Streams keeps none', () => {
    const draw = (flow: Flow): void => flow.table(users).toStream().to(topic('copy', users))
    expect(storesAndTopics(COUNTED, draw)).toEqual([])
    expect(storesAndTopics({}, draw)).toContain('users-table')
  })
})

describe('verbs that Kafka Streams has otherwise, or not at all', () => {
  it('merge two streams at a time', () => {
    const plan = defineApp(
      'shop',
      (flow) => {
        const [one, two, three] = ['a', 'b', 'c'].map((name) => flow.stream(topic(name, clicks)))
        const all = one!.merge(two!, three!, { name: 'all' })
        all.print({ write: () => undefined })
        all.enrich({ user: ({ page }: { readonly page: string }) => ({ page }) }).to(({ page }) => page, {
          value: json(),
        })
      },
      COUNTED,
    ).plan()
    const names = plan.subtopologies.flatMap(({ nodes }) => nodes.map(({ name }) => name))
    expect(names.filter((name) => !name.includes('SOURCE'))).toEqual([
      'KSTREAM-MERGE-0000000003',
      'all',
      'KSTREAM-PRINTER-0000000005',
      'KSTREAM-ENRICH-0000000006',
      'KSTREAM-SINK-0000000007',
    ])
    expect(describePlan(plan)).toContain('Sink: KSTREAM-SINK-0000000007 (extractor class')
  })
})

describe('optimization', () => {
  it('takes the topic of a table as its changelog and one repartition topic behind a key change', () => {
    const plan = defineApp('shop', busy, { ...COUNTED, optimization: 'all' }).plan()
    expect(plan.internalTopics.map(({ name }) => name).toSorted()).toEqual([
      'shop-KSTREAM-MAP-0000000001-repartition',
      'shop-per-page-changelog',
    ])
    const table = plan.subtopologies
      .flatMap(({ stores }) => stores)
      .find(({ kind, name }) => {
        return kind === 'timestamped' && name.startsWith('users')
      })
    expect(table?.changelogTopic).toBe('users')
  })

  it('does not change what comes out', async () => {
    for (const optimization of ['none', 'all'] as const) {
      const driver = await createDriver(defineApp('shop', busy, { ...COUNTED, optimization }).plan())
      driver.pipe(users, { key: 'home', value: { name: 'Home' }, timestamp: 1 })
      driver.pipe(clicks, { key: 'ann', value: { page: 'home' }, timestamp: 2 })
      driver.pipe(clicks, { key: 'bob', value: { page: 'home' }, timestamp: 3 })
      expect(driver.read(joined)).toMatchObject([
        { key: 'home', value: 'ann Home' },
        { key: 'home', value: 'bob Home' },
      ])
      expect(driver.read(counts)).toMatchObject([
        { key: 'home', value: 1 },
        { key: 'home', value: 2 },
      ])
      driver.close()
    }
  })

  it('refuses to merge repartition topics whose names come from content, and words it does not know', () => {
    const merge = { optimization: ['merge.repartition.topics'] } as const
    expect(() => defineApp('shop', busy, merge)).toThrow(/naming: 'kafka-streams' only/)
    const unknown = { optimization: ['merge'] } as unknown as AppOptions
    expect(() => defineApp('shop', busy, unknown)).toThrow(/some of reuse\.ktable\.source\.topics/)
  })
})

describe('explicitNames', () => {
  const strict: AppOptions = { ...COUNTED, explicitNames: true }
  const plan = (draw: (flow: Flow) => void, options: AppOptions): unknown =>
    defineApp('shop', draw, options).plan()

  it('refuses state and repartition topics whose names nobody gave, all at once', () => {
    expect(() => plan(perPage, strict)).toThrow(
      /store "KSTREAM-AGGREGATE-STATE-STORE-0000000002", repartition/,
    )
    expect(() => plan(perPage, { explicitNames: true })).toThrow(/store "clicks-groupBy-count"/)
  })

  it('takes an application that names its state', () => {
    const draw = (flow: Flow): void => {
      const grouped = flow.stream(clicks).groupBy(({ page }) => page, { name: 'by-page' })
      grouped.count({ store: 'per-page' }).toStream().to(counts)
    }
    expect(() => plan(draw, strict)).not.toThrow()
    expect(() => plan(draw, { explicitNames: true })).not.toThrow()
  })
})

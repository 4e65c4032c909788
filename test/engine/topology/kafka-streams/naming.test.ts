/** The counter and the graph of Kafka Streams; every verb against recorded descriptions: `npm run conformance -- kafka-streams`. */
import { describe, expect, it } from 'vitest'
import { hashOrder } from '../../../../src/engine/topology/kafka-streams/hash-order.ts'
import { KafkaStreamsNaming } from '../../../../src/engine/topology/kafka-streams/naming.ts'

const PLAIN = { reuseSourceTopics: false, mergeRepartitions: false, shareSelfJoins: false }

describe('names of Kafka Streams', () => {
  it('count one number for all nodes and stores, as in its word count', () => {
    const naming = new KafkaStreamsNaming()
    const lines = naming.say({ verb: 'stream', topics: ['lines'] })
    const words = naming.say({ verb: 'flatMapValues', from: lines.node })
    const grouped = naming.say({ verb: 'groupBy', from: words.node })
    const counted = naming.say({ verb: 'count', from: grouped.group! })
    const updates = naming.say({ verb: 'toStream', from: counted.node })
    const sink = naming.say({ verb: 'to', from: updates.node, topic: 'counts' })
    expect([lines, words, grouped, counted, updates, sink].map(({ node }) => node)).toEqual([
      'KSTREAM-SOURCE-0000000000',
      'KSTREAM-FLATMAPVALUES-0000000001',
      'KSTREAM-KEY-SELECT-0000000002',
      'KSTREAM-AGGREGATE-0000000004',
      'KTABLE-TOSTREAM-0000000008',
      'KSTREAM-SINK-0000000009',
    ])
    expect(counted.store).toBe('KSTREAM-AGGREGATE-STATE-STORE-0000000003')
    expect(counted.repartitions).toEqual(['KSTREAM-AGGREGATE-STATE-STORE-0000000003'])
  })

  it('use up a number for a name that was given, too', () => {
    const naming = new KafkaStreamsNaming()
    naming.say({ verb: 'stream', topics: ['a'], name: 'mine' })
    expect(naming.say({ verb: 'filter', from: 'mine' }).node).toBe('KSTREAM-FILTER-0000000001')
  })

  it('take two numbers for a count kept as the user said in a store without a name', () => {
    const naming = new KafkaStreamsNaming()
    const { node } = naming.say({ verb: 'stream', topics: ['a'] })
    const { group } = naming.say({ verb: 'groupByKey', from: node })
    const { store } = naming.say({ verb: 'count', from: group!, materialized: true })
    expect(store).toBe('KSTREAM-AGGREGATE-STATE-STORE-0000000002')
  })

  it('make the store of a table of a topic only when a join asks for it', () => {
    const draw = (joins: boolean): string => {
      const naming = new KafkaStreamsNaming()
      const table = naming.say({ verb: 'table', topic: 'users' })
      const stream = naming.say({ verb: 'stream', topics: ['clicks'] })
      if (joins) naming.say({ verb: 'join', from: stream.node, table: table.node })
      return naming.build(PLAIN).describe
    }
    expect(draw(false)).toContain('Processor: KTABLE-SOURCE-0000000002 (stores: [])')
    expect(draw(true)).toContain(
      'Processor: KTABLE-SOURCE-0000000002 (stores: [users-STATE-STORE-0000000000])',
    )
  })

  it('put one repartition topic behind a key change in place of two, under the name of the first', () => {
    const draw = (mergeRepartitions: boolean): readonly string[] => {
      const naming = new KafkaStreamsNaming()
      const { node } = naming.say({ verb: 'stream', topics: ['a'] })
      const moved = naming.say({ verb: 'selectKey', from: node }).node
      for (const store of ['one', 'two']) {
        const { group } = naming.say({ verb: 'groupByKey', from: moved })
        naming.say({ verb: 'count', from: group!, store })
      }
      const text = naming.build({ ...PLAIN, mergeRepartitions }).describe
      return [...text.matchAll(/topics: \[(.*)\]/g)].map(([, topic]) => topic!)
    }
    expect(draw(false)).toEqual(['a', 'one-repartition', 'two-repartition'])
    expect(draw(true)).toEqual(['a', 'one-repartition'])
  })

  it('do not merge repartitions across a change of values', () => {
    const naming = new KafkaStreamsNaming()
    const { node } = naming.say({ verb: 'stream', topics: ['a'] })
    const moved = naming.say({ verb: 'selectKey', from: node }).node
    const mapped = naming.say({ verb: 'mapValues', from: moved }).node
    for (const from of [mapped, mapped]) {
      const { group } = naming.say({ verb: 'groupByKey', from })
      naming.say({ verb: 'count', from: group! })
    }
    expect(naming.build({ ...PLAIN, mergeRepartitions: true }).merged).toEqual([])
  })
})

describe('the order of a hash set of Java', () => {
  it('goes by bucket, and in a bucket by insertion', () => {
    expect(hashOrder(['c', 'a', 'b'])).toEqual(['a', 'b', 'c'])
    // "Aa" and "BB" have the same hash.
    expect(hashOrder(['BB', 'Aa'])).toEqual(['BB', 'Aa'])
    expect(hashOrder(['Aa', 'BB', 'Aa'])).toEqual(['Aa', 'BB'])
  })
})

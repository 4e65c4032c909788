/** Names of state come from content: what does not touch them must not change them, and clashes ask for a name. */
import { describe, expect, test } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import type { Flow, Stream } from '../../../src/index.ts'

const ratings = topic('ratings', { key: string, value: json<number>() })
const more = topic('more', { key: string, value: json<number>() })

function stores(draw: (flow: Flow) => void): readonly string[] {
  return defineApp('app', draw)
    .plan()
    .manifest.stores.map(({ name }) => name)
}

const counted = (make: (flow: Flow) => Stream<string, number>): readonly string[] =>
  stores((flow) => void make(flow).groupByKey().count())

describe('the name of state', () => {
  test('is made of source topics, joins, branches and key-changing steps', () => {
    expect(counted((flow) => flow.stream(ratings))).toEqual(['ratings-count'])
    expect(counted((flow) => flow.stream([ratings, more].map(({ name }) => topic(name, ratings))))).toEqual([
      'ratings-and-more-count',
    ])
    expect(counted((flow) => flow.stream(ratings).merge(flow.stream(more)))).toEqual([
      'ratings-and-more-count',
    ])
    expect(counted((flow) => flow.stream(ratings).selectKey(() => 'a'))).toEqual(['ratings-selectKey-count'])
    expect(counted((flow) => flow.stream(ratings).branch({ bad: (stars) => stars < 2 }).bad)).toEqual([
      'ratings-bad-count',
    ])
    expect(counted((flow) => flow.stream(ratings).join(flow.table(more), (a, b) => a + b))).toEqual([
      'more-table',
      'ratings-join-more-count',
    ])
  })

  test('is not moved by filters, value steps, and whatever is done elsewhere', () => {
    const edited = counted((flow) => {
      const stream = flow.stream(ratings)
      stream.filter(() => true).to(more)
      flow
        .stream(more)
        .selectKey(() => 'x')
        .to(topic('elsewhere', ratings))
      return stream
        .filter(() => true)
        .mapValues((stars) => stars + 1)
        .filter(() => true)
        .peek(() => {})
    })
    expect(edited).toEqual(['ratings-count'])
  })

  test('is the one given; a named key step gives its name to what follows', () => {
    expect(stores((flow) => void flow.stream(ratings).groupByKey().count({ name: 'mine' }))).toEqual(['mine'])
    expect(counted((flow) => flow.stream(ratings).selectKey(() => 'a', { name: 'by-user' }))).toEqual([
      'by-user-count',
    ])
  })

  test('is never decided by a counter: a clash names both and asks', () => {
    const draw = (flow: Flow): void => {
      flow
        .stream(ratings)
        .filter((stars) => stars > 3)
        .groupByKey()
        .count()
      flow
        .stream(ratings)
        .filter((stars) => stars < 3)
        .groupByKey()
        .count()
    }
    expect(() => stores(draw)).toThrow(
      /node "ratings-count" is defined twice: by the count after ratings-filter and by the count after ratings-filter-2/,
    )
  })

  test('must be fit for a topic name', () => {
    expect(() =>
      stores((flow) => void flow.stream(ratings).groupByKey().count({ name: 'my count' })),
    ).toThrow('option `name` of count: expected a name of 1 to 200 letters')
  })
})

test('streams of two applications do not mix', () => {
  let other: Stream<string, number> | undefined
  defineApp('one', (flow) => void (other = flow.stream(ratings))).topology()
  expect(() => stores((flow) => void flow.stream(more).merge(other!))).toThrow(
    'no stream or table of this application',
  )
})

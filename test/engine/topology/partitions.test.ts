/** Partition counts of internal topics against what the broker has. */
import { describe, expect, test } from 'vitest'
import { compile } from '../../../src/engine/topology/compile.ts'
import type { TopologyNode } from '../../../src/engine/topology/node.ts'
import { checkPartitions } from '../../../src/engine/topology/partitions.ts'
import { count, input, join, rekey, source, step, table } from './nodes.ts'

function counts(
  nodes: readonly TopologyNode[],
  topics: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(checkPartitions(compile('app', { nodes }), new Map(Object.entries(topics))))
}

describe('an internal topic', () => {
  test('gets as many partitions as the largest topic that is written into it', () => {
    const nodes = [source('a'), source('b'), step('m', ['a', 'b']), rekey('by', 'm'), count('n', 'by')]
    expect(counts(nodes, { a: 3, b: 5 })).toEqual({ 'app-n-repartition': 5, 'app-n-changelog': 5 })
  })

  test('takes the count of the table it is joined with, and hands it on', () => {
    const nodes = [
      ...table('t'),
      source('in'),
      rekey('by', 'in'),
      join('j', 'by', 't-table'),
      rekey('re', 'j'),
      count('n', 're'),
    ]
    expect(counts(nodes, { t: 2, in: 8 })).toEqual({
      'app-j-repartition': 2,
      'app-n-repartition': 2,
      'app-t-table-changelog': 2,
      'app-n-changelog': 2,
    })
  })

  test('of two that are joined, the larger count holds for both, through several steps', () => {
    const nodes = [
      source('a'),
      source('b'),
      rekey('ka', 'a'),
      rekey('kb', 'b'),
      count('left', 'ka'),
      count('right', 'kb'),
      step('j', ['left'], { connects: ['right'], copartitions: ['left', 'right'] }),
      rekey('again', 'j'),
      count('n', 'again'),
    ]
    expect(counts(nodes, { a: 3, b: 7 })).toMatchObject({
      'app-left-repartition': 7,
      'app-right-repartition': 7,
      'app-n-repartition': 7,
      'app-n-changelog': 7,
    })
  })

  test('keeps a count of its own', () => {
    const nodes = [source('in'), rekey('by', 'in'), count('n', 'by', { partitions: 12 })]
    expect(counts(nodes, { in: 3 })).toEqual({ 'app-n-repartition': 12, 'app-n-changelog': 12 })
  })
})

describe('the start is refused', () => {
  const joined = [...table('t'), source('in'), join('j', 'in', 't-table')]

  test('when a topic is missing, naming what there is', () => {
    expect(() => counts(joined, { in: 2 })).toThrow('topic "t" does not exist (read by app)')
  })

  test('when joined topics of the user differ, naming both counts', () => {
    expect(counts(joined, { t: 2, in: 2 })).toEqual({ 'app-t-table-changelog': 2 })
    expect(() => counts(joined, { t: 2, in: 3 })).toThrow(
      'j: joined topics must have equal partition counts, but "in" has 3, "t" has 2',
    )
  })

  test('when a fixed count contradicts the partner of a join, also across groups', () => {
    const fixed = [
      ...table('t'),
      ...table('u'),
      source('in'),
      step('re', ['in'], { partitioned: [input('in', 're', { always: true, partitions: 4 })] }),
      join('j', 're', 't-table'),
      join('k', 'j', 'u-table'),
    ]
    expect(counts(fixed, { t: 4, u: 4, in: 1 })).toMatchObject({ 'app-re-repartition': 4 })
    expect(() => counts(fixed, { t: 4, u: 5, in: 1 })).toThrow(
      /"app-re-repartition" has 4.*"u" has 5|"u" has 5.*"app-re-repartition" has 4/,
    )
  })
})

/** A sorted set as Java's TreeSet keeps it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TreeOrder } from '../../../../src/engine/topology/kafka-streams/tree-order.ts'

describe('the order of a tree set of Java', () => {
  it('is that of the comparison, without repeats, while ranks stay', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), (values) => {
        const tree = new TreeOrder<number>((a, b) => a - b)
        for (const value of values) tree.add(value)
        expect(tree.values()).toEqual([...new Set(values)].toSorted((a, b) => a - b))
      }),
    )
  })

  it('remembers the ranks of when an element was added', () => {
    const ranks = new Map([
      ['a', 1],
      ['b', 2],
    ])
    const tree = new TreeOrder<string>((one, two) => ranks.get(one)! - ranks.get(two)!)
    tree.add('a')
    tree.add('b')
    ranks.set('a', 9)
    // Compared with the root first, which is still a.
    ranks.set('c', 5)
    tree.add('c')
    expect(tree.values()).toEqual(['c', 'a', 'b'])
  })
})

import { describe, expect, it } from 'vitest'
import { json, string, topic } from '../../src/index.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'
import { recordBuilder } from '../../src/testing/record-builder.ts'

interface Order {
  readonly customer: string
  readonly total: number
}

const orders = topic('orders', { key: string, value: json<Order>() })

describe('a record builder', () => {
  it('gives the default, with the fields that a test states', () => {
    const order = recordBuilder(orders, { value: { customer: 'ada', total: 10 } })
    expect(order.next()).toEqual({ key: null, value: { customer: 'ada', total: 10 } })
    expect(order.next({ total: 5 }).value).toEqual({ customer: 'ada', total: 5 })
    expect(order.next({}, { key: 'k', timestamp: 7 })).toMatchObject({ key: 'k', timestamp: 7 })
  })

  it('numbers its records: keys, values and times follow', () => {
    const order = recordBuilder(orders, {
      key: (number, { customer }) => `${customer}-${number}`,
      value: (number) => ({ customer: 'ada', total: number * 10 }),
      startTime: 1000,
      stepMs: 50,
    })
    expect(order.many(2, { customer: 'bob' })).toEqual([
      { key: 'bob-1', value: { customer: 'bob', total: 10 }, timestamp: 1000 },
      { key: 'bob-2', value: { customer: 'bob', total: 20 }, timestamp: 1050 },
    ])
    expect(order.tombstone('bob-1')).toEqual({ key: 'bob-1', value: null, timestamp: 1100 })
  })

  it('stamps by a clock that the test moves', () => {
    const clock = manualClock(5)
    const order = recordBuilder(orders, { value: { customer: 'ada', total: 1 }, clock })
    expect(order.next().timestamp).toBe(5)
    clock.advance(10)
    expect(order.next().timestamp).toBe(15)
  })

  it('replaces a value that has no fields', () => {
    const counts = topic('counts', { key: string, value: json<number>() })
    expect(recordBuilder(counts, { value: 1 }).next(7).value).toBe(7)
  })

  it('takes only what the topic takes', () => {
    const order = recordBuilder(orders, { value: { customer: 'ada', total: 1 } })
    // @ts-expect-error a total is a number
    expect(order.next({ total: 'much' })).toBeDefined()
    // @ts-expect-error a key is a text
    expect(order.tombstone(1)).toBeDefined()
  })
})

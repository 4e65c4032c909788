/** Foreign-key joins against a naive one, over several partitions and with the sides far apart. */
import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { int64 } from '../../../src/serdes/index.ts'
import type { Table } from '../../../src/index.ts'
import { createDriver } from '../../../src/testing/driver.ts'

interface Order {
  readonly id: number
  readonly of: string | null
}

const orders = topic('orders', { key: string, value: json<Order>() })
const customers = topic('customers', { key: string, value: json<string>() })
const out = topic('out', { key: string, value: json<string>() })

type Input =
  | readonly [side: 'order', key: string, of: string | null | undefined]
  | readonly [side: 'customer', key: string, name: string | null]

const inputs: fc.Arbitrary<readonly Input[]> = fc.array(
  fc.oneof(
    fc.tuple(
      fc.constant('order' as const),
      fc.constantFrom('a', 'b', 'c'),
      fc.constantFrom('x', 'y', 'xy', null, undefined),
    ),
    fc.tuple(
      fc.constant('customer' as const),
      fc.constantFrom('x', 'y', 'xy'),
      fc.constantFrom('X', 'Y', 'Z', null),
    ),
  ),
  { maxLength: 40 },
)

async function joined(
  verb: 'joinForeign' | 'leftJoinForeign',
  emit: 'every' | 'coalesced',
  records: readonly Input[],
): Promise<object> {
  const app = defineApp('refers', (flow) => {
    const joiner = (order: Order, name: string | null): string => `${order.id} ${name}`
    flow
      .table(orders)
      [verb](flow.table(customers), (order) => order.of, joiner, { emit })
      .toStream()
      .to(out)
  })
  const driver = await createDriver(app.plan())
  for (const [timestamp, [side, key, value]] of records.entries()) {
    if (side === 'customer') driver.pipe(customers, { key, value, timestamp })
    else
      driver.pipe(orders, {
        key,
        value: value === undefined ? null : { id: timestamp, of: value },
        timestamp,
      })
  }
  const last = new Map(driver.read(out).map(({ key, value }) => [key!, value]))
  driver.close()
  return Object.fromEntries([...last].filter(([, value]) => value !== null))
}

function expected(keepsUnmatched: boolean, records: readonly Input[]): object {
  const names = new Map<string, string | null>()
  const last = new Map<string, Order | null>()
  for (const [id, [side, key, value]] of records.entries()) {
    if (side === 'customer') names.set(key, value)
    else last.set(key, value === undefined ? null : { id, of: value })
  }
  const entries = [...last].flatMap(([key, order]): [string, string][] => {
    const name = (typeof order?.of === 'string' && names.get(order.of)) || null
    return order !== null && (keepsUnmatched || name !== null) ? [[key, `${order.id} ${name}`]] : []
  })
  return Object.fromEntries(entries)
}

describe('a foreign-key join', () => {
  it.each([
    ['joinForeign', 'every'],
    ['joinForeign', 'coalesced'],
    ['leftJoinForeign', 'every'],
    ['leftJoinForeign', 'coalesced'],
  ] as const)('%s, emitting %s, ends as the naive join of both tables', async (verb, emit) => {
    await fc.assert(
      fc.asyncProperty(inputs, async (records) => {
        expect(await joined(verb, emit, records)).toEqual(expected(verb === 'leftJoinForeign', records))
      }),
      { numRuns: 60 },
    )
  })

  it('names its topics and its store after itself, as Kafka Streams does for a name given', () => {
    const app = defineApp('shop', (flow) => {
      flow
        .table(orders)
        .joinForeign(
          flow.table(customers),
          (order) => order.of,
          (_, name) => name,
          { name: 'named' },
        )
        .toStream()
        .to(out)
    })
    expect(app.plan().internalTopics.map(({ name }) => name)).toEqual([
      'shop-named-subscription-response-topic',
      'shop-named-subscription-registration-topic',
      'shop-orders-table-changelog',
      'shop-named-changelog',
      'shop-customers-table-changelog',
      'shop-named-subscription-store-changelog',
    ])
    expect(app.plan().copartition.map(({ topics }) => topics.toSorted())).toEqual([
      ['customers', 'shop-named-subscription-registration-topic'],
      ['orders', 'shop-named-subscription-response-topic'],
    ])
  })

  it('takes the types of keys and values from the tables', () => {
    defineApp('typed', (flow) => {
      const numbers = flow.table(topic('numbers', { key: int64, value: json<{ readonly n: number }>() }))
      const table = flow.table(orders)
      expectTypeOf(
        table.leftJoinForeign(
          numbers,
          (order) => order.id,
          (order, other) => [order.of, other?.n ?? null] as const,
        ),
      ).toEqualTypeOf<Table<string, readonly [string | null, number | null]>>()
      const of = (order: Order): string | null => order.of
      // @ts-expect-error the keys of numbers are numbers
      table.joinForeign(numbers, of, () => '')
    })
  })
})

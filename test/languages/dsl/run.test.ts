/** Applications of the DSL at work under the test driver: the README's example, answers joined, state looked at. */
import { describe, expect, test } from 'vitest'
import { defineApp, json, string, topic } from 'sluice'
import { createDriver } from 'sluice/testing'

interface Rating {
  readonly userId: number
  readonly stars: number
}
interface Customer {
  readonly name: string
  readonly club: string
}

const ratings = topic('ratings', { key: string, value: json<Rating>() })
const customers = topic('customers', { key: string, value: json<Customer>() })
const out = topic('out', { key: string, value: json<unknown>() })

describe('the example of the front door', () => {
  const app = defineApp('unhappy', (flow) => {
    flow
      .stream(ratings)
      .filter((rating) => rating.stars < 3)
      .selectKey((rating) => String(rating.userId))
      .join(flow.table(customers), (rating, customer) => ({ ...rating, ...customer }))
      .enrich(
        {
          profile: async (rating) =>
            rating.name === 'Eve' ? Promise.reject(new Error('gone')) : `${rating.name}!`,
        },
        { fallback: { profile: null } },
      )
      .filter((rating) => rating.club === 'platinum')
      .to(out)
  })

  test('selects, joins, asks and writes, under the time of the rating', async () => {
    const driver = await createDriver(app.plan())
    driver.pipe(customers, { key: '7', value: { name: 'Ann', club: 'platinum' }, timestamp: 100 })
    driver.pipe(customers, { key: '8', value: { name: 'Bob', club: 'bronze' } })
    driver.pipe(ratings, { key: 'x', value: { userId: 7, stars: 1 }, timestamp: 50 })
    driver.pipe(ratings, { key: 'x', value: { userId: 7, stars: 5 } })
    driver.pipe(ratings, { key: 'x', value: { userId: 8, stars: 1 } })
    driver.pipe(ratings, { key: 'x', value: { userId: 9, stars: 1 } })
    await driver.settle()
    expect(driver.read(out)).toMatchObject([
      {
        key: '7',
        value: { userId: 7, stars: 1, name: 'Ann', club: 'platinum', profile: 'Ann!' },
        timestamp: 50,
      },
    ])
  })
})

test('a single source answers through the joiner, or becomes the value', async () => {
  const app = defineApp('single', (flow) => {
    const stream = flow.stream(ratings)
    stream.enrich((rating) => rating.stars * 10, { name: 'plain' }).to(out)
    stream
      .enrich(async (rating) => rating.userId, {
        name: 'joined',
        join: (rating, id, key) => ({ key, stars: rating.stars, id }),
      })
      .to(out)
  })
  const driver = await createDriver(app.plan())
  driver.pipe(ratings, { key: 'k', value: { userId: 7, stars: 2 }, timestamp: 5 })
  await driver.settle()
  expect(driver.read(out).map(({ value }) => value)).toEqual([20, { key: 'k', stars: 2, id: 7 }])
})

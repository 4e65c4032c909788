import { describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../src/index.ts'
import { int64 } from '../../src/serdes/index.ts'
import { createDriver } from '../../src/testing/driver.ts'

interface Rating {
  readonly user: string
  readonly stars: number
}

const ratings = topic('ratings', { key: string, value: json<Rating>() })
const names = topic('names', { key: string, value: json<{ name: string }>() })
const counts = topic('counts', { key: string, value: int64 })
const joined = topic('joined', { key: string, value: json() })

describe('the test driver', () => {
  it('runs repartition, aggregation and sink to the end for each record', async () => {
    const app = defineApp('count-by-user', (flow) => {
      flow
        .stream(ratings)
        .groupBy((rating) => rating.user)
        .count()
        .toStream()
        .to(counts)
    })
    const driver = await createDriver(app.plan())
    driver.pipe(ratings, { key: null, value: { user: 'ann', stars: 1 }, timestamp: 5 })
    driver.pipe(ratings, { key: null, value: { user: 'bob', stars: 1 }, timestamp: 7 })
    driver.pipe(ratings, { key: null, value: { user: 'ann', stars: 1 }, timestamp: 3 })
    expect(driver.read(counts).map(({ key, value, timestamp }) => [key, value, timestamp])).toEqual([
      ['ann', 1, 5],
      ['bob', 1, 7],
      ['ann', 2, 5],
    ])
    driver.close()
  })

  it('delivers answers of calls under the context of their record, in order per key', async () => {
    const answers: ((text: string) => void)[] = []
    const app = defineApp('ask', (flow) => {
      flow
        .stream(ratings)
        .enrich(() => new Promise<string>((resolve) => answers.push(resolve)), {
          join: (rating: Rating, answer: string) => ({ stars: rating.stars, answer }),
        })
        .to(joined)
    })
    const driver = await createDriver(app.plan())
    for (const stars of [1, 2])
      driver.pipe(ratings, { key: 'k', value: { user: 'u', stars }, timestamp: stars })
    expect(driver.pending).toBe(2)
    answers[1]!('second')
    await driver.settle()
    expect(driver.read(joined)).toEqual([])
    answers[0]!('first')
    await driver.settle()
    expect(driver.read(joined).map(({ value, timestamp }) => [value, timestamp])).toEqual([
      [{ stars: 1, answer: 'first' }, 1],
      [{ stars: 2, answer: 'second' }, 2],
    ])
    expect(driver.pending).toBe(0)
    driver.close()
  })

  it('joins a stream with the table as of now', async () => {
    const app = defineApp('join', (flow) => {
      flow
        .stream(ratings)
        .join(flow.table(names), (rating, { name }) => `${name} gave ${rating.stars}`)
        .to(joined)
    })
    const driver = await createDriver(app.plan())
    driver.pipe(ratings, { key: '1', value: { user: '1', stars: 1 } })
    driver.pipe(names, { key: '1', value: { name: 'Ann' } })
    driver.pipe(ratings, { key: '1', value: { user: '1', stars: 2 } })
    expect(driver.read(joined).map(({ value }) => value)).toEqual(['Ann gave 2'])
    driver.close()
  })

  it('sends what cannot be read or processed to the dead letters, with the place and the cause', async () => {
    const app = defineApp('fail', (flow) => {
      flow
        .stream(ratings)
        .mapValues(({ stars }) => {
          if (stars === 13) throw new Error('unlucky')
          return stars
        })
        .to(joined)
    })
    const driver = await createDriver(app.plan())
    driver.pipeBytes({ topic: 'ratings', key: null, value: Buffer.from('{nope'), timestamp: 1, headers: [] })
    driver.pipe(ratings, { key: 'k', value: { user: 'u', stars: 13 } })
    driver.pipe(ratings, { key: 'k', value: { user: 'u', stars: 4 } })
    expect(driver.read(joined).map(({ value }) => value)).toEqual([4])
    const letters = driver.deadLetters().map(({ value, headers }) => ({
      value: Buffer.from(value!).toString(),
      ...Object.fromEntries(headers.map((header) => [header.key, Buffer.from(header.value!).toString()])),
    }))
    expect(letters).toMatchObject([
      {
        value: '{nope',
        '__streams.errors.exception': 'SLUICE_DESERIALIZE',
        '__streams.errors.topic': 'ratings',
        '__streams.errors.offset': '0',
      },
      {
        '__streams.errors.exception': 'SLUICE_PROCESSING',
        '__streams.errors.message': expect.stringContaining('unlucky') as string,
        '__streams.errors.offset': '1',
      },
    ])
    driver.close()
  })

  it('refuses a topic the application does not read, naming those it reads', async () => {
    const app = defineApp('one', (flow) => flow.stream(ratings).to(joined))
    const driver = await createDriver(app.plan())
    expect(() => driver.pipe(names, { key: 'k', value: { name: 'x' } })).toThrow(/"names" does not exist/)
    driver.close()
  })
})

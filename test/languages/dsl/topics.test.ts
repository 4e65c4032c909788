import { describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import type { Flow } from '../../../src/index.ts'
import { createDriver } from '../../../src/testing/driver.ts'
import type { Driver } from '../../../src/testing/driver.ts'
import type { DriverOptions } from '../../../src/testing/driver-options.ts'
import { describe as describePlan } from '../../../src/engine/topology/describe.ts'
import { matchTopics } from '../../../src/engine/topology/patterns.ts'

interface Order {
  readonly at: number
  readonly to: string
}

const orders = { key: string, value: json<Order>() }
const input = topic('in', orders)
const output = topic('out', orders)

function driven(draw: (flow: Flow) => void, options?: DriverOptions): Promise<Driver> {
  return createDriver(defineApp('app', draw).plan(), options)
}

function drops(driver: Driver): number {
  const of = driver.metrics.samples().filter(({ name }) => name === 'dropped-records-total')
  return of.reduce((sum, { value }) => sum + value, 0)
}

describe('the timestamp of a topic', () => {
  it('is the event time of its records, although nobody reads their values', async () => {
    const timed = topic('in', { ...orders, timestamp: ({ value }) => value.at })
    const driver = await driven((flow) => flow.stream(timed).to(output))
    driver.pipe(input, { key: 'a', value: { at: 70, to: 'x' }, timestamp: 1 })
    expect(driver.read(output)).toMatchObject([{ timestamp: 70, value: { at: 70, to: 'x' } }])
  })

  it('leaves a record out, and counts it, when it is negative', async () => {
    const timed = topic('in', { ...orders, timestamp: ({ value }) => value.at })
    const driver = await driven((flow) => flow.stream(timed).to(output))
    driver.pipe(input, { key: 'a', value: { at: -5, to: 'x' } })
    driver.pipe(input, { key: 'a', value: { at: 5, to: 'x' } })
    expect(driver.read(output).map(({ timestamp }) => timestamp)).toEqual([5])
    expect(drops(driver)).toBe(1)
  })

  it('is told the time of the partition so far', async () => {
    const seen: number[] = []
    const timed = topic('in', {
      ...orders,
      timestamp: ({ value }, partitionTime) => {
        seen.push(partitionTime)
        return value.at
      },
    })
    const driver = await driven((flow) => flow.stream(timed).to(output))
    for (const at of [10, 30, 20, 40]) driver.pipe(input, { key: 'a', value: { at, to: 'x' } })
    expect(seen).toEqual([-1, 10, 30, 30])
  })

  it('that throws makes the record a dead letter', async () => {
    const timed = topic('in', {
      ...orders,
      timestamp: () => {
        throw new Error('no time')
      },
    })
    const driver = await driven((flow) => flow.stream(timed).to(output))
    driver.pipe(input, { key: 'a', value: { at: 1, to: 'x' } })
    expect(driver.deadLetters()).toHaveLength(1)
  })
})

describe('a stream of a pattern', () => {
  const pattern = (flow: Flow): void => flow.stream(/orders-[a-z]+/, orders).to(output)
  const of = (name: string): typeof input => topic(name, orders)

  it('reads all topics whose whole name matches, and no topic of its own', async () => {
    const plan = defineApp('orders', (flow) => {
      flow
        .stream(/orders-[a-z-]+/, orders)
        .groupByKey()
        .count({ name: 'n' })
    }).plan()
    const topics = ['orders-de', 'orders-at', 'my-orders-de', 'orders-n-changelog', 'orders-DE']
    expect(matchTopics(plan, topics, 'orders-dead').sourceTopics).toEqual(['orders-at', 'orders-de'])
    const driver = await driven(pattern, { topics: ['orders-de', 'orders-at'] })
    driver.pipe(of('orders-de'), { key: 'a', value: { at: 1, to: 'x' } })
    driver.pipe(of('orders-at'), { key: 'b', value: { at: 2, to: 'x' } })
    expect(driver.read(output).map(({ key }) => key)).toEqual(['a', 'b'])
  })

  it('is described by its pattern', () => {
    const plan = defineApp('app', pattern).plan()
    expect(describePlan(plan)).toContain('(topics: orders-[a-z]+)')
  })

  it('that matches nothing stops the start', async () => {
    await expect(driven(pattern, { topics: ['other'] })).rejects.toThrow('/orders-[a-z]+/')
  })
})

describe('to', () => {
  it('writes each record to the topic named for it', async () => {
    const driver = await driven((flow) =>
      flow.stream(input).to((order) => `out-${order.to}`, { name: 'by-place' }),
    )
    driver.pipe(input, { key: 'a', value: { at: 1, to: 'de' } })
    driver.pipe(input, { key: 'b', value: { at: 1, to: 'at' } })
    expect(driver.producedTopics()).toEqual(['out-de', 'out-at'])
    expect(driver.read(topic('out-at', orders))).toMatchObject([{ key: 'b', value: { to: 'at' } }])
  })

  it('asks its partitioner: one partition, several, none', async () => {
    const asked: unknown[] = []
    const driver = await driven((flow) =>
      flow.stream(input).to(output, {
        partitioner: (order, key, partitions) => {
          asked.push([order.to, key, partitions])
          return order.to === 'all' ? [0, 0] : order.to === 'nowhere' ? [] : 0
        },
      }),
    )
    for (const to of ['one', 'all', 'nowhere']) driver.pipe(input, { key: 'a', value: { at: 1, to } })
    expect(driver.read(output).map(({ value }) => value?.to)).toEqual(['one', 'all', 'all'])
    expect(asked).toContainEqual(['all', 'a', 1])
  })

  it('a record whose partitioner chooses a partition that is not there is a dead letter, and the next goes on', async () => {
    const driver = await driven((flow) => {
      flow.stream(input).to(output, { partitioner: (order) => order.at })
    })
    for (const at of [0, 9, 0]) driver.pipe(input, { key: 'a', value: { at, to: 'x' } })
    expect(driver.read(output)).toHaveLength(2)
    const [letter, ...others] = driver.deadLetters()
    expect(others).toEqual([])
    const reasons = letter!.headers.map(({ value }) => String(Buffer.from(value ?? [])))
    expect(reasons.join()).toContain('the partitioner chose partition 9 of "out", which has 0 to 0')
    driver.close()
  })

  it('goes on by the key when its partitioner has no opinion', async () => {
    const driver = await driven((flow) =>
      flow
        .stream(input)
        .repartition({ partitioner: () => undefined })
        .to(output),
    )
    driver.pipe(input, { key: 'a', value: { at: 1, to: 'x' } })
    expect(driver.read(output)).toHaveLength(1)
  })
})

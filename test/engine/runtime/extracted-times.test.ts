/** What an application's extractor of timestamps says is checked: a record with an impossible time must not stop the worker. */
import { afterEach, expect, it } from 'vitest'
import { NO_HEADERS } from '../../../src/core/record.ts'
import { defineApp, json, string, topic, tumbling } from '../../../src/index.ts'
import { Bench } from './bench-app.ts'

const input = topic('in', {
  key: string,
  value: json<{ at: number | string }>(),
  timestamp: ({ value }) => value.at as number,
})
const output = topic('out', { key: string, value: json<number>() })

let bench: Bench | undefined

afterEach(async () => {
  await bench?.close()
  bench = undefined
})

it('is a dead letter when it is no whole number of milliseconds', async () => {
  const app = defineApp('times', (flow) =>
    flow
      .stream(input)
      .groupByKey()
      .windowedBy(tumbling(10))
      .count({ emit: 'every' })
      .toStream()
      .selectKey((_, { start }) => String(start))
      .to(output),
  )
  bench = await Bench.open()
  await bench.topics(1, 'in', 'out')
  await bench.write('in', [
    ['a', '{"at":5.5}'],
    ['a', '{"at":1e300}'],
    ['a', '{"at":"soon"}'],
    ['a', '{"at":7}'],
  ])
  await bench.start(app)
  expect((await bench.visible('out', 1)).map(({ key }) => key)).toEqual(['0'])
  const letters = await bench.visible('times-dead-letters', 3)
  expect(letters.map(({ headers }) => headers['__streams.errors.message'])).toEqual([
    expect.stringContaining('5.5'),
    expect.stringContaining('1e+300'),
    expect.stringContaining('soon'),
  ])
})

it('is a dead letter when windows could not tell it apart from its neighbours: nanoseconds, for instance', async () => {
  const plain = topic('in', { key: string, value: json<number>() })
  const app = defineApp('nanoseconds', (flow) =>
    flow
      .stream(plain)
      .groupByKey()
      .windowedBy(tumbling(10))
      .count({ emit: 'every' })
      .toStream()
      .selectKey((_, { start }) => String(start))
      .to(output),
  )
  bench = await Bench.open()
  await bench.topics(1, 'in', 'out')
  const producer = bench.broker.producer({})
  await producer.init()
  for (const time of [1_760_000_000_000_000_000, 7]) {
    const buffer = producer.buffer()
    buffer.append(producer.target('in', 0), 'a', '1', time, NO_HEADERS)
    await producer.send(buffer)
  }
  await producer.close()
  await bench.start(app)
  expect((await bench.visible('out', 1)).map(({ key }) => key)).toEqual(['0'])
  expect(await bench.visible('nanoseconds-dead-letters', 1)).toHaveLength(1)
})

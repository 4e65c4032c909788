/** What operators keep beside their stores (their stream time, what has left) is committed with the results it led to. */
import { afterEach, describe, expect, it } from 'vitest'
import { NO_HEADERS } from '../../../src/core/record.ts'
import { defineApp, json, string, topic, tumbling } from '../../../src/index.ts'
import { Bench, until } from './bench-app.ts'

const input = topic('in', { key: string, value: json<number>() })
const output = topic('out', { key: string, value: json<number>() })

let bench: Bench | undefined

afterEach(async () => {
  await bench?.close()
  bench = undefined
})

async function open(partitions: number): Promise<Bench> {
  bench = await Bench.open()
  await bench.topics(partitions, 'in', 'out')
  return bench
}

async function writeAt(b: Bench, partition: number, times: readonly number[]): Promise<void> {
  const producer = b.broker.producer({})
  await producer.init()
  const buffer = producer.buffer()
  for (const time of times) buffer.append(producer.target('in', partition), 'a', '1', time, NO_HEADERS)
  await producer.send(buffer)
  await producer.close()
}

describe('final results', () => {
  it('behind an operator that emits at the commit do not leave again after a restart', async () => {
    const behindTable = defineApp('behind-table', (flow) =>
      flow
        .stream(input)
        .groupByKey()
        .count({ emit: 'coalesced' })
        .toStream()
        .groupByKey()
        .windowedBy(tumbling(10))
        .count({ emit: 'final' })
        .toStream()
        .selectKey((_, { key, start }) => `${key}@${start}`)
        .to(output),
    )
    const b = await open(1)
    const first = await b.start(behindTable, { settings: { windowCloseIntervalMs: 0 } })
    await writeAt(b, 0, [5])
    await until(
      'the first commit',
      async () => (await b.broker.committedOffsets('behind-table'))[0]?.offset === 1,
    )
    await writeAt(b, 0, [100])
    await b.visible('out', 1)
    await first.close()
    await b.start(behindTable, { settings: { windowCloseIntervalMs: 0 } })
    await writeAt(b, 0, [200])
    expect((await b.visible('out', 2)).map(({ key }) => key)).toEqual(['a@0', 'a@100'])
  })
})

/** The worker when something around it goes wrong: what it commits, closes and leaves behind, on a real embedded broker. */
import { afterEach, describe, expect, it } from 'vitest'
import type { FetcherOptions, ProducerOptions } from '../../../src/core/broker.ts'
import { sluiceError } from '../../../src/core/errors.ts'
import type { Serde } from '../../../src/core/serde.ts'
import { NO_HEADERS } from '../../../src/core/record.ts'
import { source } from '../../../src/enrich/index.ts'
import { decodeEnvelope } from '../../../src/engine/runtime/envelope.ts'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { Bench, Gate, refused, until } from './bench-app.ts'

const input = topic('in', { key: string, value: json<{ n: number }>() })
const output = topic('out', { key: string, value: json() })

const copy = defineApp('copy', (flow) =>
  flow
    .stream(input)
    .mapValues(({ n }) => n)
    .to(output),
)

let bench: Bench | undefined

afterEach(async () => {
  await bench?.close()
  bench = undefined
})

async function open(partitions = 1): Promise<Bench> {
  bench = await Bench.open()
  await bench.topics(partitions, 'in', 'out')
  return bench
}

async function writeAt(b: Bench, records: readonly (readonly [string, number])[]): Promise<void> {
  const producer = b.broker.producer({})
  await producer.init()
  const buffer = producer.buffer()
  for (const [value, time] of records) buffer.append(producer.target('in', 0), 'a', value, time, NO_HEADERS)
  await producer.send(buffer)
  await producer.close()
}

describe('a record that cannot be read', () => {
  it('does not move the committed event time: a restart would take it for stream time', async () => {
    const b = await open()
    await writeAt(b, [
      ['{"n":1}', 1_000],
      ['nope', 9_000_000],
      ['{"n":2}', 2_000],
    ])
    const app = await b.start(copy)
    await b.visible('out', 2)
    await app.close()
    const [committed] = await b.broker.committedOffsets('copy')
    expect(committed!.offset).toBe(3)
    expect(decodeEnvelope(committed!.metadata).partitionTime).toBe(2_000)
  })
})

describe('a dead letter larger than a record may be', () => {
  it('leaves its content out, says so and where it is, and the application goes on', async () => {
    const b = await open()
    await b.write('in', [
      ['a', `"${'x'.repeat(1_048_000)}`],
      ['a', '{"n":2}'],
    ])
    await b.start(copy)
    expect((await b.visible('out', 1)).map(({ value }) => value)).toEqual(['2'])
    const [letter] = await b.visible('copy-dead-letters', 1)
    expect(letter).toMatchObject({
      value: null,
      headers: {
        '__streams.errors.exception': 'SLUICE_DESERIALIZE',
        '__streams.errors.topic': 'in',
        '__streams.errors.offset': '0',
        'sluice.errors.omitted': expect.stringContaining('value') as string,
      },
    })
  })
})

describe('close', () => {
  it('does not wait for the back-off of a worker that is to start anew', async () => {
    const b = await open()
    await b.write('in', [['a', '{"n":1}']])
    const gate = new Gate()
    gate.at = (place) =>
      place === 'commit.end'
        ? Promise.reject(sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation: 'test', problem: 'cut' }))
        : undefined
    const app = await b.start(copy, { failpoints: gate, settings: { restartBackoffMs: 600_000 } })
    await until('the failure', () => b.logged.some(({ message }) => message.includes('starts anew')))
    const begun = performance.now()
    await app.close()
    expect(performance.now() - begun).toBeLessThan(1_000)
  })
})

describe('a processor whose close throws', () => {
  const closing = defineApp('closing', (flow) => {
    flow
      .stream(input)
      .process((context) => ({
        process: (record) => context.next(record),
        close: () => {
          throw new Error('no')
        },
      }))
      .to(output)
  })

  it('costs a warning: its task is handed over, the others go on', async () => {
    const b = await open(2)
    const first = await b.start(closing, { state: 'a' })
    await until('both tasks', () => first.tasks.length === 2)
    const second = await b.start(closing, { state: 'b' })
    await until('one task each', () => first.tasks.length === 1 && second.tasks.length === 1)
    expect([first.state, second.state]).toEqual(['running', 'running'])
    expect(b.logged.map(({ message }) => message)).toEqual([expect.stringContaining('close')])
  })
})

describe('a position that is out of range', () => {
  it('does not skip what was fetched before and is not processed yet', async () => {
    const b = await open()
    let answer: ((value: number) => void) | undefined
    const ask = source(
      ({ n }: { n: number }) => (n > 0 ? n : new Promise<number>((resolve) => (answer = resolve))),
      { timeout: '20s', coalesce: false },
    )
    const app = defineApp('asking', (flow) =>
      flow.stream(input).enrich(ask, { maxPending: 1, deadline: '20s' }).to(output),
    )
    const broker = b.connect()
    const make = broker.fetcher.bind(broker)
    let failing = false
    Object.assign(broker, {
      fetcher: (options: FetcherOptions) => {
        const fetcher = make(options)
        const take = fetcher.take.bind(fetcher)
        return Object.assign(fetcher, {
          take: () => {
            if (!failing) return take()
            failing = false
            const place = { topic: 'in', partition: 0, offset: 5 }
            const error = sluiceError('SLUICE_OFFSET_OUT_OF_RANGE', { ...place, start: 5, end: 5 })
            return [{ kind: 'failed' as const, ...place, error }]
          },
        })
      },
    })
    await b.write(
      'in',
      [0, 1, 2, 3, 4].map((n) => [`${n}`, JSON.stringify({ n })] as const),
    )
    await b.start(app, { broker })
    const committed = async (): Promise<number | undefined> =>
      (await b.broker.committedOffsets('asking'))[0]?.offset
    await until('the first record', async () => (await committed()) === 1)
    await b.broker.admin.deleteRecords('in', 0, 5)
    failing = true
    await until('the reset', () => b.logged.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await committed()).toBe(1)
    answer!(0)
    await b.visible('out', 5)
    await until('the last record', async () => (await committed()) === 5)
  })
})

describe('a worker that fails', () => {
  it('leaves its group also when its producer cannot be closed: the others take over at once', async () => {
    const b = await open()
    await b.write('in', [['a', 'nope']])
    const broker = b.connect()
    const make = broker.producer.bind(broker)
    Object.assign(broker, {
      producer: (options: ProducerOptions) =>
        Object.assign(make(options), { close: () => Promise.reject(new Error('cut')) }),
    })
    const first = await b.start(copy, { state: 'a', broker, settings: { onDeserializeError: 'fail' } })
    await refused(first.ended, 'SLUICE_DESERIALIZE')
    const second = await b.start(copy, { state: 'b' })
    await until('the task', () => second.tasks.length === 1, 3_000)
    expect([first.state, second.state]).toEqual(['failed', 'running'])
  })
})

describe('a task that cannot be opened', () => {
  it('ends the calls it had begun for restored records', async () => {
    const b = await open()
    const plain = json<{ n: number }>()
    let broken = false
    const value: Serde<{ n: number }> = {
      ...plain,
      deserialize: (bytes) => {
        const read = plain.deserialize(bytes)
        if (broken && read.n === 2) throw new Error('cannot be read any more')
        return read
      },
    }
    const signals: AbortSignal[] = []
    const ask = source((_: { n: number }, _key: unknown, { signal }) => {
      signals.push(signal)
      return new Promise<number>(() => undefined)
    })
    const app = defineApp('asking', (flow) =>
      flow
        .stream(topic('in', { key: string, value }))
        .enrich(ask)
        .to(output),
    )
    await b.write('in', [
      ['a', '{"n":1}'],
      ['b', '{"n":2}'],
    ])
    const first = await b.start(app)
    await until('calls', () => signals.length === 2)
    await first.close()
    broken = true
    signals.length = 0
    const second = await b.start(app)
    await refused(second.ended, 'SLUICE_INTERNAL')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })
})

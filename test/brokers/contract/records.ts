/** The sentences of `Fetcher`, `Fetched`, `SendBuffer` and `send`. */
import { describe, expect, it } from 'vitest'
import type { Broker } from '../../../src/core/broker.ts'
import { NO_HEADERS } from '../../../src/core/record.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import type { MakeCluster } from './harness.ts'
import {
  batchesOf,
  failuresOf,
  moment,
  opened,
  readAll,
  readValues,
  readyProducer,
  recordsOf,
  rejection,
  sendValues,
  takeUntil,
  valuesOf,
} from './harness.ts'

async function withTopic(
  make: MakeCluster,
  config: Record<string, string> = {},
  partitions = 2,
): Promise<Broker> {
  const { broker } = await (await opened(make)).connect()
  await broker.admin.createTopic({ name: 'in', partitions, config })
  return broker
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => String(from + i))

export function recordsContract(make: MakeCluster): void {
  describe('records', () => {
    it('keeps keys, values, nulls, empty texts, timestamps and headers as they were', async () => {
      const broker = await withTopic(make)
      const producer = await readyProducer(broker)
      const target = producer.target('in', 1)
      const buffer = producer.buffer()
      const headers = [
        { key: 'a', value: Buffer.from('1') },
        { key: 'ä', value: null },
        { key: 'a', value: Buffer.alloc(0) },
      ]
      const far = 1_700_000_000_000
      buffer.append(target, 'key', 'välue', far, headers)
      buffer.append(target, null, null, 5, NO_HEADERS)
      buffer.append(target, '', Buffer.alloc(0), far + 30 * 86_400_000, NO_HEADERS)
      expect(buffer.records).toBe(3)
      expect(buffer.bytes).toBeGreaterThan(10)
      expect(await producer.send(buffer)).toEqual([{ topic: 'in', partition: 1, lastOffset: 2 }])
      const [first, second, third] = await readAll(broker, 'in', 1)
      expect(first).toMatchObject({ offset: 0, key: 'key', value: 'välue', timestamp: far })
      expect(
        first!.headers.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()]),
      ).toEqual([
        ['a', '1'],
        ['ä', null],
        ['a', ''],
      ])
      expect(second).toEqual({ offset: 1, key: null, value: null, timestamp: 5, headers: [] })
      expect(third).toMatchObject({ key: '', value: '', timestamp: far + 30 * 86_400_000 })
    })

    it('keeps the order per partition over many buffers, also when the reader started first', async () => {
      const broker = await withTopic(make)
      const fetcher = broker.fetcher({ isolation: 'read_committed' })
      fetcher.add('in', 0, 0)
      fetcher.add('in', 1, 0)
      const producer = await readyProducer(broker)
      for (let i = 0; i < 20; i++) {
        await sendValues(producer, 'in', 0, numbers(i * 10, i * 10 + 10))
        await sendValues(producer, 'in', 1, [`other ${i}`])
      }
      const taken = await takeUntil(fetcher, (all) => recordsOf(all).length >= 220)
      const of = (partition: number): (string | null)[] =>
        valuesOf(batchesOf(taken).filter((b) => b.partition === partition))
      expect(of(0)).toEqual(numbers(0, 200))
      expect(of(1)).toEqual(numbers(0, 20).map((i) => `other ${i}`))
      expect(batchesOf(taken).at(-1)!.endOffset).toBeGreaterThan(0)
    })

    it('splits a large buffer into batches and reads it back in pieces', async () => {
      const broker = await withTopic(make)
      const producer = await readyProducer(broker)
      const filler = 'x'.repeat(1000)
      const values = numbers(0, 3000).map((i) => `${i} ${filler}`)
      expect(await sendValues(producer, 'in', 0, values)).toBe(2999)
      expect(await readValues(broker, 'in', 0)).toEqual(values)
    })

    it('refuses a record larger than the topic takes, and takes the others of the buffer', async () => {
      const broker = await withTopic(make, { 'max.message.bytes': '2000' })
      const producer = await readyProducer(broker)
      const target = producer.target('in', 0)
      const buffer = producer.buffer()
      buffer.append(target, null, 'a', 1, NO_HEADERS)
      expect(() => buffer.append(target, null, 'x'.repeat(2000), 1, NO_HEADERS)).toThrow(
        expect.objectContaining({ code: 'SLUICE_RECORD_TOO_LARGE' }) as Error,
      )
      buffer.append(target, null, 'b', 1, NO_HEADERS)
      expect(buffer.records).toBe(2)
      await producer.send(buffer)
      expect(await readValues(broker, 'in', 0)).toEqual(['a', 'b'])
    })

    it('writes nothing of an empty buffer, and refuses a topic or partition that is not there', async () => {
      const broker = await withTopic(make)
      const producer = await readyProducer(broker)
      expect(await producer.send(producer.buffer())).toEqual([])
      await rejection(sendValues(producer, 'out', 0, ['a']), 'SLUICE_TOPIC_MISSING')
      await rejection(sendValues(producer, 'in', 2, ['a']), 'SLUICE_TOPIC_MISSING')
      expect(await sendValues(producer, 'in', 0, ['a'])).toBe(0)
    })

    it('starts at the wanted offset, in the middle of a batch too, and moves there when added again', async () => {
      const broker = await withTopic(make)
      await sendValues(await readyProducer(broker), 'in', 0, numbers(0, 10))
      const fetcher = broker.fetcher({ isolation: 'read_committed' })
      fetcher.add('in', 0, 7)
      expect(valuesOf(await takeUntil(fetcher, (all) => recordsOf(all).length >= 3))).toEqual(['7', '8', '9'])
      expect(fetcher.lag('in', 0)).toBe(0)
      fetcher.add('in', 0, 4)
      expect(recordsOf(await takeUntil(fetcher, (all) => recordsOf(all).length > 0))[0]!.offset).toBe(4)
    })

    it('hands out nothing of a paused or removed partition, and what waited after resume', async () => {
      const broker = await withTopic(make)
      const producer = await readyProducer(broker)
      const fetcher = broker.fetcher({ isolation: 'read_committed' })
      fetcher.add('in', 0, 0)
      fetcher.add('in', 1, 0)
      fetcher.pause('in', 0)
      fetcher.remove('in', 1)
      await sendValues(producer, 'in', 0, ['a'])
      await sendValues(producer, 'in', 1, ['b'])
      await moment()
      expect(fetcher.take()).toEqual([])
      fetcher.resume('in', 0)
      expect(valuesOf(await takeUntil(fetcher, (all) => all.length > 0))).toEqual(['a'])
    })

    it('ends a waiting `arrived` by data, by wake, and by its timeout', async () => {
      const broker = await withTopic(make)
      const producer = await readyProducer(broker)
      const fetcher = broker.fetcher({ isolation: 'read_committed' })
      fetcher.add('in', 0, 0)
      await fetcher.arrived(1)
      const byWake = fetcher.arrived(60_000)
      fetcher.wake()
      await byWake
      const byData = fetcher.arrived(60_000)
      await sendValues(producer, 'in', 0, ['a'])
      await byData
      expect(valuesOf(await takeUntil(fetcher, (all) => all.length > 0))).toEqual(['a'])
    })

    it('reports an offset outside the log once, and goes on after the partition was moved', async () => {
      const broker = await withTopic(make)
      const producer = await readyProducer(broker)
      for (const value of ['a', 'b', 'c']) await sendValues(producer, 'in', 0, [value])
      await broker.admin.deleteRecords('in', 0, 1)
      const fetcher = broker.fetcher({ isolation: 'read_committed' })
      for (const offset of [0, 4]) {
        fetcher.add('in', 0, offset)
        const [failure] = failuresOf(await takeUntil(fetcher, (all) => all.length > 0))
        expect(failure).toMatchObject({
          topic: 'in',
          partition: 0,
          offset,
          error: { code: 'SLUICE_OFFSET_OUT_OF_RANGE' },
        })
        await moment()
        expect(fetcher.take()).toEqual([])
      }
      fetcher.add('in', 0, 1)
      expect(valuesOf(await takeUntil(fetcher, (all) => recordsOf(all).length === 2))).toEqual(['b', 'c'])
    })

    it('reports a topic that is not there or goes away', async () => {
      const broker = await withTopic(make)
      const fetcher = broker.fetcher({ isolation: 'read_committed' })
      fetcher.add('nothing', 0, 0)
      const [missing] = failuresOf(await takeUntil(fetcher, (all) => all.length > 0))
      expect(missing).toMatchObject({ topic: 'nothing', error: { code: 'SLUICE_TOPIC_MISSING' } })
      fetcher.remove('nothing', 0)
      fetcher.add('in', 0, 0)
      await broker.admin.deleteTopic('in')
      const [deleted] = failuresOf(await takeUntil(fetcher, (all) => all.length > 0))
      expect(deleted).toMatchObject({ topic: 'in', error: { code: 'SLUICE_TOPIC_MISSING' } })
    })

    it('starves no partition while another one is full', async () => {
      const broker = await withTopic(make)
      const producer = await readyProducer(broker)
      // What no compression makes small.
      const random = seededRandom('filler')
      const filler = Buffer.from(Array.from({ length: 100_000 }, () => random.int(0, 255)))
      for (let i = 0; i < 80; i++) await sendValues(producer, 'in', 0, [filler])
      await sendValues(producer, 'in', 1, ['small'])
      const fetcher = broker.fetcher({ isolation: 'read_committed', maxPartitionBytes: 300_000 })
      fetcher.add('in', 0, 0)
      fetcher.add('in', 1, 0)
      const taken = await takeUntil(fetcher, (all) => valuesOf(all).includes('small'))
      expect(recordsOf(taken).length).toBeLessThan(80)
    })

    it('keeps the last value of a key, and every position, through compaction', async () => {
      const cluster = await opened(make)
      if (cluster.clean === undefined) return
      const { broker } = await cluster.connect()
      const config = { 'cleanup.policy': 'compact', 'segment.bytes': '400', 'min.cleanable.dirty.ratio': '0' }
      await broker.admin.createTopic({ name: 'in', partitions: 1, config })
      const producer = await readyProducer(broker)
      for (let i = 0; i < 60; i++) await sendValues(producer, 'in', 0, [`${i} ${'x'.repeat(50)}`])
      const before = await readAll(broker, 'in', 0)
      await cluster.clean()
      const after = await readAll(broker, 'in', 0)
      // When readers see it is up to the broker: the newest batches may come from memory.
      expect(after.length).toBeLessThanOrEqual(before.length)
      expect(after.at(-1)).toEqual(before.at(-1))
      expect(before).toEqual(expect.arrayContaining(after))
    })
  })
}

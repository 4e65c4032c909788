/** The sentences of a transactional `Producer`, and of offsets in a transaction. */
import { describe, expect, it } from 'vitest'
import type { Broker, GroupMember, Producer } from '../../../src/core/broker.ts'
import type { ClusterUnderTest, MakeCluster } from './harness.ts'
import {
  committed,
  joinOptions,
  moment,
  opened,
  readAll,
  readValues,
  readyProducer,
  rejection,
  sendValues,
  settle,
  settled,
  takeUntil,
  valuesOf,
} from './harness.ts'

interface Setting {
  readonly cluster: ClusterUnderTest
  readonly broker: Broker
  readonly producer: Producer
}

async function setting(make: MakeCluster): Promise<Setting> {
  const cluster = await opened(make)
  const { broker } = await cluster.connect()
  await broker.admin.createTopic({ name: 'in', partitions: 2 })
  await broker.admin.createTopic({ name: 'out', partitions: 1 })
  return { cluster, broker, producer: await readyProducer(broker, 'txn') }
}

async function joined(broker: Broker): Promise<GroupMember> {
  const member = await broker.join(joinOptions('p'))
  await settle(member)
  return member
}

export function transactionsContract(make: MakeCluster): void {
  describe('transactions', () => {
    it('show nothing before the commit and everything after it, in all partitions', async () => {
      const { broker, producer } = await setting(make)
      await sendValues(producer, 'in', 0, ['a'])
      await sendValues(producer, 'in', 1, ['b'])
      const fetcher = broker.fetcher({ isolation: 'read_committed' })
      for (const partition of [0, 1]) fetcher.add('in', partition, 0)
      await moment()
      expect(valuesOf(fetcher.take())).toEqual([])
      await sendValues(producer, 'in', 0, ['c'])
      await producer.commit()
      const taken = await takeUntil(fetcher, (all) => valuesOf(all).length === 3)
      expect(new Set(valuesOf(taken))).toEqual(new Set(['a', 'b', 'c']))
    })

    it('hold back what came after an open one, also of other producers', async () => {
      const { broker, producer } = await setting(make)
      const other = await readyProducer(broker)
      await sendValues(producer, 'in', 0, ['open'])
      await sendValues(other, 'in', 0, ['later'])
      expect(await readValues(broker, 'in', 0)).toEqual([])
      expect(await readValues(broker, 'in', 0, 'read_uncommitted')).toEqual(['open', 'later'])
      await producer.commit()
      await settled(broker, 'in', 0)
      expect(await readValues(broker, 'in', 0)).toEqual(['open', 'later'])
    })

    it('never show aborted records: several aborted ones, among committed ones of others', async () => {
      const { broker, producer } = await setting(make)
      const other = await readyProducer(broker, 'other')
      for (let i = 0; i < 6; i++) {
        await sendValues(producer, 'in', 0, [`no ${i}`])
        await sendValues(other, 'in', 0, [`yes ${i}`])
        await sendValues(producer, 'in', 0, [`no again ${i}`])
        await producer.abort()
        await (i % 2 === 0 ? other.commit() : producer.abort())
        await sendValues(producer, 'in', 0, [`mine ${i}`])
        await producer.commit()
      }
      await other.commit()
      await settled(broker, 'in', 0)
      const values = await readValues(broker, 'in', 0)
      const wanted = [0, 1, 2, 3, 4, 5].flatMap((i) => [`yes ${i}`, `mine ${i}`])
      expect(values).toEqual(wanted)
      const all = await readAll(broker, 'in', 0)
      for (const from of [1, 4, 9]) {
        const expected = all.filter(({ offset }) => offset >= from)
        expect(await readAll(broker, 'in', 0, 'read_committed', from)).toEqual(expected)
      }
    })

    it('never show aborted records of a transaction larger than a fetch', async () => {
      const { broker, producer } = await setting(make)
      const filler = 'x'.repeat(10_000)
      for (let i = 0; i < 40; i++) await sendValues(producer, 'in', 0, [`no ${i} ${filler}`])
      await producer.abort()
      await sendValues(producer, 'in', 0, ['yes'])
      await producer.commit()
      await settled(broker, 'in', 0)
      expect(await readValues(broker, 'in', 0, 'read_committed', 0, 50_000)).toEqual(['yes'])
      expect(await readValues(broker, 'in', 0, 'read_committed', 20, 50_000)).toEqual(['yes'])
    })

    it('end without effect when nothing was sent, and go on after an abort', async () => {
      const { broker, producer } = await setting(make)
      await producer.commit()
      await producer.abort()
      await sendValues(producer, 'in', 0, ['no'])
      await producer.abort()
      await sendValues(producer, 'in', 0, ['yes'])
      await producer.commit()
      await settled(broker, 'in', 0)
      expect(await readValues(broker, 'in', 0)).toEqual(['yes'])
    })

    it('need init first, and an abort after a send that failed', async () => {
      const { broker, producer } = await setting(make)
      const fresh = broker.producer({ transactionalId: 'fresh' })
      await rejection(sendValues(fresh, 'in', 0, ['a']), 'SLUICE_TXN_STATE')
      await sendValues(producer, 'in', 0, ['no'])
      await rejection(sendValues(producer, 'nothing', 0, ['a']), 'SLUICE_TOPIC_MISSING')
      await rejection(producer.commit(), 'SLUICE_TXN_STATE')
      await producer.abort()
      await sendValues(producer, 'in', 0, ['yes'])
      await producer.commit()
      await settled(broker, 'in', 0)
      expect(await readValues(broker, 'in', 0)).toEqual(['yes'])
    })

    for (const call of ['send', 'sendOffsets', 'commit', 'abort'] as const) {
      it(`fence a zombie at ${call}: init of another one aborted its transaction`, async () => {
        const { cluster, broker, producer } = await setting(make)
        const member = await joined(broker)
        await sendValues(producer, 'in', 0, ['zombie'])
        const successor = await readyProducer((await cluster.connect()).broker, 'txn')
        await sendValues(successor, 'in', 0, ['successor'])
        const calls = {
          send: () => sendValues(producer, 'in', 0, ['zombie']),
          sendOffsets: () => producer.sendOffsets([committed('in', 0, 1)], member.fence()),
          commit: () => producer.commit(),
          abort: () => producer.abort(),
        }
        await rejection(calls[call](), 'SLUICE_PRODUCER_FENCED')
        await rejection(producer.commit(), 'SLUICE_PRODUCER_FENCED')
        await successor.commit()
        await settled(broker, 'in', 0)
        expect(await readValues(broker, 'in', 0)).toEqual(['successor'])
        expect(await broker.committedOffsets('app')).toEqual([])
      })
    }

    it('let a fenced producer come back by init, fencing the other one', async () => {
      const { broker, producer } = await setting(make)
      const successor = await readyProducer(broker, 'txn')
      await rejection(sendValues(producer, 'in', 0, ['a']), 'SLUICE_PRODUCER_FENCED')
      await producer.init()
      await rejection(sendValues(successor, 'in', 0, ['b']), 'SLUICE_PRODUCER_FENCED')
      await sendValues(producer, 'in', 0, ['c'])
      await producer.commit()
      await settled(broker, 'in', 0)
      expect(await readValues(broker, 'in', 0)).toEqual(['c'])
    })

    it('are aborted when open for too long, and their producer is fenced', async () => {
      const { cluster, broker } = await setting(make)
      const slow = await readyProducer(broker, 'slow', 2000)
      await sendValues(slow, 'in', 0, ['no'])
      // Its time, and the time until the broker looks for those whose time is over.
      await cluster.elapse(6000)
      await rejection(slow.commit(), 'SLUICE_PRODUCER_FENCED')
      await settled(broker, 'in', 0)
      expect(await readValues(broker, 'in', 0)).toEqual([])
      await slow.init()
      await sendValues(slow, 'in', 0, ['yes'])
      await slow.commit()
      await settled(broker, 'in', 0)
      expect(await readValues(broker, 'in', 0)).toEqual(['yes'])
    })

    it('are aborted when their producer or its connection closes', async () => {
      const { cluster, broker, producer } = await setting(make)
      await sendValues(producer, 'in', 0, ['no'])
      await producer.close()
      await rejection(sendValues(producer, 'in', 0, ['no']), 'SLUICE_CLOSED')
      const client = await cluster.connect()
      await sendValues(await readyProducer(client.broker, 'other'), 'in', 0, ['no'])
      await client.broker.close()
      await sendValues(await readyProducer(broker), 'in', 0, ['yes'])
      await settled(broker, 'in', 0)
      expect(await readValues(broker, 'in', 0)).toEqual(['yes'])
    })

    it('commit what is left when one of their topics was deleted meanwhile', async () => {
      const { broker, producer } = await setting(make)
      await sendValues(producer, 'out', 0, ['gone'])
      await sendValues(producer, 'in', 0, ['kept'])
      await broker.admin.deleteTopic('out')
      await producer.commit()
      await settled(broker, 'in', 0)
      expect(await readValues(broker, 'in', 0)).toEqual(['kept'])
    })

    it('commit offsets with the records, and nothing of either when aborted', async () => {
      const { broker, producer } = await setting(make)
      const member = await joined(broker)
      await sendValues(producer, 'out', 0, ['no'])
      await producer.sendOffsets([committed('in', 0, 5, 'no')], member.fence())
      await producer.abort()
      expect(await member.committed([{ topic: 'in', partition: 0 }])).toEqual([])
      await sendValues(producer, 'out', 0, ['yes'])
      await producer.sendOffsets([committed('in', 0, 3, 'm'), committed('in', 1, 4)], member.fence())
      expect(await broker.committedOffsets('app')).toEqual([])
      await producer.commit()
      const both = [
        { topic: 'in', partition: 0 },
        { topic: 'in', partition: 1 },
      ]
      expect(await member.committed(both)).toEqual([committed('in', 0, 3, 'm'), committed('in', 1, 4)])
      await settled(broker, 'out', 0)
      expect(await readValues(broker, 'out', 0)).toEqual(['yes'])
    })

    it('make who asks for committed offsets wait until pending ones are settled', async () => {
      const { broker, producer } = await setting(make)
      const member = await joined(broker)
      await member.commit([committed('in', 0, 1), committed('in', 1, 1)])
      await producer.sendOffsets([committed('in', 0, 9)], member.fence())
      let answer: unknown
      const asked = member.committed([{ topic: 'in', partition: 0 }]).then((offsets) => (answer = offsets))
      expect(await member.committed([{ topic: 'in', partition: 1 }])).toEqual([committed('in', 1, 1)])
      await moment()
      expect(answer).toBeUndefined()
      await producer.commit()
      expect(await asked).toEqual([committed('in', 0, 9)])
    })

    it('refuse offsets of a member that was replaced, by epoch or by name', async () => {
      const { broker, producer } = await setting(make)
      const member = await joined(broker)
      const fence = member.fence()
      const stale = { ...fence, epoch: fence.epoch - 1 }
      await rejection(producer.sendOffsets([committed('in', 0, 1)], stale), 'SLUICE_MEMBER_FENCED')
      await rejection(producer.commit(), 'SLUICE_TXN_STATE')
      await producer.abort()
      await member.leave()
      await rejection(producer.sendOffsets([committed('in', 0, 1)], fence), 'SLUICE_MEMBER_FENCED')
      await producer.abort()
      expect(await broker.committedOffsets('app')).toEqual([])
    })
  })
}

/** The sentences of `Admin`. */
import { describe, expect, it } from 'vitest'
import type { MakeCluster } from './harness.ts'
import {
  committed,
  joinOptions,
  opened,
  readyProducer,
  readValues,
  rejection,
  sendValues,
  settle,
  settled,
} from './harness.ts'

export function adminContract(make: MakeCluster): void {
  describe('admin', () => {
    it('describes the topics that exist among those asked for, and all without names', async () => {
      const { broker } = await (await opened(make)).connect()
      await broker.admin.createTopic({
        name: 'orders',
        partitions: 3,
        config: { 'cleanup.policy': 'compact' },
      })
      await broker.admin.createTopic({ name: 'users', partitions: 1 })
      const [orders, ...others] = await broker.admin.describeTopics(['orders', 'nothing'])
      expect(others).toEqual([])
      expect(orders).toMatchObject({ name: 'orders', partitions: 3, config: { 'cleanup.policy': 'compact' } })
      expect((await broker.admin.describeTopics()).map(({ name }) => name).toSorted()).toEqual([
        'orders',
        'users',
      ])
    })

    it('leaves the topics of the broker itself out', async () => {
      const { broker } = await (await opened(make)).connect()
      expect(await broker.admin.describeTopics()).toEqual([])
      expect(await broker.admin.describeTopics(['__consumer_offsets'])).toEqual([])
    })

    it('refuses a topic that exists, a name that is not valid, and no partitions', async () => {
      const { broker } = await (await opened(make)).connect()
      await broker.admin.createTopic({ name: 'orders', partitions: 1 })
      await rejection(broker.admin.createTopic({ name: 'orders', partitions: 1 }), 'SLUICE_TOPIC_EXISTS')
      await rejection(broker.admin.createTopic({ name: 'or ders', partitions: 1 }), 'SLUICE_TOPIC_INVALID')
      await rejection(broker.admin.createTopic({ name: 'none', partitions: 0 }), 'SLUICE_CONFIG_INVALID')
      expect(await broker.admin.describeTopics()).toHaveLength(1)
    })

    it('gives a topic another identity, and nothing of the old one, after delete and create', async () => {
      const { broker } = await (await opened(make)).connect()
      await broker.admin.createTopic({ name: 'in', partitions: 1 })
      const producer = await readyProducer(broker)
      await sendValues(producer, 'in', 0, ['old'])
      const member = await broker.join(joinOptions('p'))
      await settle(member)
      await member.commit([committed('in', 0, 1)])
      const [before] = await broker.admin.describeTopics(['in'])
      await broker.admin.deleteTopic('in')
      expect(await broker.admin.describeTopics(['in'])).toEqual([])
      await broker.admin.createTopic({ name: 'in', partitions: 1 })
      const [after] = await broker.admin.describeTopics(['in'])
      expect(after!.topicId).not.toBe(before!.topicId)
      expect(await readValues(broker, 'in', 0)).toEqual([])
      expect(await broker.committedOffsets('app')).toEqual([])
      await sendValues(producer, 'in', 0, ['new'])
      expect(await readValues(broker, 'in', 0)).toEqual(['new'])
    })

    it('names the existing topics, the most similar first, when one is missing', async () => {
      const { broker } = await (await opened(make)).connect()
      for (const name of ['payments', 'orders', 'zebras'])
        await broker.admin.createTopic({ name, partitions: 1 })
      await rejection(broker.admin.deleteTopic('oders'), 'SLUICE_TOPIC_MISSING')
      const error = await broker.admin
        .listOffset('oders', 0, 'latest', 'read_committed')
        .catch((e: unknown) => e)
      expect(error).toMatchObject({
        code: 'SLUICE_TOPIC_MISSING',
        fix: expect.stringContaining('orders,') as unknown,
      })
      await rejection(
        broker.admin.listOffset('orders', 1, 'latest', 'read_committed'),
        'SLUICE_TOPIC_MISSING',
      )
    })

    it('lists offsets: earliest, latest, and the first one at or after a time', async () => {
      const { broker } = await (await opened(make)).connect()
      await broker.admin.createTopic({ name: 'in', partitions: 1 })
      const offset = (at: 'earliest' | 'latest' | number): Promise<number> =>
        broker.admin.listOffset('in', 0, at, 'read_committed')
      expect([await offset('earliest'), await offset('latest'), await offset(5)]).toEqual([0, 0, 0])
      await sendValues(await readyProducer(broker), 'in', 0, ['a', 'b', 'c'])
      expect([await offset('earliest'), await offset('latest')]).toEqual([0, 3])
      expect([await offset(0), await offset(1000), await offset(1001), await offset(1003)]).toEqual([
        0, 0, 1, 3,
      ])
    })

    it('ends at the first open transaction under read_committed', async () => {
      const { broker } = await (await opened(make)).connect()
      await broker.admin.createTopic({ name: 'in', partitions: 1 })
      await sendValues(await readyProducer(broker), 'in', 0, ['a'])
      const producer = await readyProducer(broker, 'txn')
      await sendValues(producer, 'in', 0, ['b', 'c'])
      expect(await broker.admin.listOffset('in', 0, 'latest', 'read_committed')).toBe(1)
      expect(await broker.admin.listOffset('in', 0, 'latest', 'read_uncommitted')).toBe(3)
      await producer.commit()
      await settled(broker, 'in', 0)
      expect(await broker.admin.listOffset('in', 0, 'latest', 'read_committed')).toBe(4)
    })

    it('deletes records below an offset', async () => {
      const { broker } = await (await opened(make)).connect()
      await broker.admin.createTopic({ name: 'in', partitions: 1 })
      const producer = await readyProducer(broker)
      for (const value of ['a', 'b', 'c', 'd']) await sendValues(producer, 'in', 0, [value])
      await broker.admin.deleteRecords('in', 0, 2)
      expect(await broker.admin.listOffset('in', 0, 'earliest', 'read_committed')).toBe(2)
      expect(await readValues(broker, 'in', 0, 'read_committed', 2)).toEqual(['c', 'd'])
      await rejection(broker.admin.deleteRecords('in', 0, 5), 'SLUICE_OFFSET_OUT_OF_RANGE')
    })

    it('lists groups that have members or committed offsets', async () => {
      const { broker } = await (await opened(make)).connect()
      expect(await broker.admin.listGroups()).toEqual([])
      await broker.admin.createTopic({ name: 'in', partitions: 1 })
      const member = await broker.join(joinOptions('p'))
      expect(await broker.admin.listGroups()).toEqual(['app'])
      await settle(member)
      await member.commit([committed('in', 0, 7)])
      await member.leave()
      expect(await broker.admin.listGroups()).toEqual(['app'])
    })

    it('keeps the identity of the cluster, and gives no service after close', async () => {
      const cluster = await opened(make)
      const one = (await cluster.connect()).broker
      const other = (await cluster.connect()).broker
      expect(await one.clusterId()).toBe(await other.clusterId())
      await one.close()
      await rejection(one.clusterId(), 'SLUICE_CLOSED')
      await rejection(one.admin.describeTopics(), 'SLUICE_CLOSED')
      expect(await other.admin.describeTopics()).toEqual([])
    })
  })
}

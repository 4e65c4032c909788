import { describe, expect, it } from 'vitest'
import type { Broker, Producer } from '../../../src/core/broker.ts'
import type { EmbeddedCluster } from '../../../src/brokers/embedded/cluster.ts'
import { openEmbedded } from '../../../src/brokers/embedded/cluster.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import {
  committed,
  joinOptions,
  readAll,
  readValues,
  readyProducer,
  rejection,
  sendValues,
  settle,
  takeUntil,
  valuesOf,
} from '../contract/harness.ts'
import { TestClock } from '../test-clock.ts'
import { LossyDisk } from './lossy-disk.ts'

interface Life {
  readonly cluster: EmbeddedCluster
  readonly broker: Broker
  readonly disk: LossyDisk
}

let lives = 0

async function live(disk: LossyDisk = new LossyDisk()): Promise<Life> {
  const clock = new TestClock()
  const random = seededRandom(`life ${lives++}`)
  const cluster = await openEmbedded({ clock, random, disk, folder: '/broker' })
  return { cluster, broker: cluster.connect({ clock, random }), disk }
}

async function withTopic(): Promise<Life> {
  const life = await live()
  await life.broker.admin.createTopic({ name: 'in', partitions: 2 })
  return life
}

/** Sends records and offsets in one transaction and leaves it open. */
async function fill(
  broker: Broker,
  producer: Producer,
  offset: number,
  values: readonly string[],
): Promise<void> {
  const member = await broker.join(joinOptions('p', { group: `group ${offset}` }))
  await settle(member)
  await sendValues(producer, 'in', 0, values)
  await sendValues(producer, 'in', 1, values)
  await producer.sendOffsets([committed('in', 0, offset)], member.fence())
}

describe('an embedded cluster in a folder', () => {
  for (const end of ['close', 'kill', 'power'] as const) {
    it(`has everything acknowledged again after ${end}: topics, records, transactions, offsets`, async () => {
      const first = await withTopic()
      const [before] = await first.broker.admin.describeTopics()
      const id = await first.broker.clusterId()
      const producer = await readyProducer(first.broker, 'txn')
      await fill(first.broker, producer, 1, ['a', 'b'])
      await producer.commit()
      await fill(first.broker, producer, 2, ['no'])
      await producer.abort()
      await fill(first.broker, producer, 3, ['c'])
      await producer.commit()
      await fill(first.broker, producer, 4, ['open'])
      if (end === 'close') await first.cluster.close()
      const disk = end === 'close' ? first.disk : first.disk.afterCrash(end)
      const { broker } = await live(disk)
      expect(await broker.clusterId()).toBe(id)
      expect(await broker.admin.describeTopics()).toEqual([before])
      for (const partition of [0, 1])
        expect(await readValues(broker, 'in', partition)).toEqual(['a', 'b', 'c'])
      expect(await broker.committedOffsets('group 1')).toEqual([committed('in', 0, 1)])
      expect(await broker.committedOffsets('group 3')).toEqual([committed('in', 0, 3)])
      for (const group of ['group 2', 'group 4']) expect(await broker.committedOffsets(group)).toEqual([])
      const next = await readyProducer(broker, 'txn')
      await sendValues(next, 'in', 0, ['d'])
      await next.commit()
      expect(await readValues(broker, 'in', 0)).toEqual(['a', 'b', 'c', 'd'])
    })
  }

  it('completes a commit that was decided, and aborts one that was not, wherever the crash came', async () => {
    const outcomes = new Set<string>()
    for (let step = 1; step <= 60; step++) {
      const first = await withTopic()
      const producer = await readyProducer(first.broker, 'txn')
      await fill(first.broker, producer, 1, ['a'])
      let left = step
      first.disk.freezeAt = () => --left === 0
      const acknowledged = await Promise.race([
        producer.commit().then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 25)),
      ])
      const { broker, cluster } = await live(first.disk.afterCrash('power'))
      const seen = [
        ...(await readValues(broker, 'in', 0)),
        ...(await readValues(broker, 'in', 1)),
        ...(await broker.committedOffsets('group 1')).map(({ offset }) => `offset ${offset}`),
      ].join(' ')
      expect(acknowledged ? ['a a offset 1'] : ['', 'a a offset 1']).toContain(seen)
      outcomes.add(`${acknowledged} ${seen}`)
      await cluster.close()
      if (acknowledged) break
    }
    expect([...outcomes].toSorted()).toEqual(['false ', 'false a a offset 1', 'true a a offset 1'])
  })

  it('refuses with SLUICE_DISK when the disk is full, goes on reading, and is whole after reopening', async () => {
    const first = await withTopic()
    const producer = await readyProducer(first.broker, 'txn')
    await sendValues(producer, 'in', 0, ['a'])
    await producer.commit()
    const idempotent = await readyProducer(first.broker)
    first.disk.fullAt = (operation) => operation === 'write'
    await rejection(sendValues(idempotent, 'in', 1, ['lost']), 'SLUICE_DISK')
    await rejection(sendValues(producer, 'in', 0, ['lost']), 'SLUICE_DISK')
    await rejection(producer.commit(), 'SLUICE_TXN_STATE')
    await rejection(producer.abort(), 'SLUICE_DISK')
    expect(await readValues(first.broker, 'in', 0)).toEqual(['a'])
    first.disk.fullAt = () => false
    await first.cluster.close().catch(() => undefined)
    const { broker } = await live(first.disk.afterCrash('kill'))
    expect(await readValues(broker, 'in', 0)).toEqual(['a'])
    expect(await readValues(broker, 'in', 1)).toEqual([])
  })

  it('hides aborted records also from a read under way while their beginning is deleted', async () => {
    const first = await withTopic()
    const producer = await readyProducer(first.broker, 'txn')
    await sendValues(producer, 'in', 0, ['no 1', 'no 2'])
    await producer.abort()
    await sendValues(producer, 'in', 0, ['yes'])
    await producer.commit()
    await first.cluster.close()
    const { broker } = await live(first.disk)
    const fetcher = broker.fetcher({ isolation: 'read_committed' })
    fetcher.add('in', 0, 0)
    expect(fetcher.take()).toEqual([])
    await broker.admin.deleteRecords('in', 0, 3)
    const taken = await takeUntil(fetcher, (all) => all.length > 0)
    expect(valuesOf(taken).filter((value) => value !== 'yes')).toEqual([])
  })

  it('forgets a deleted topic with its files and offsets', async () => {
    const first = await withTopic()
    const producer = await readyProducer(first.broker)
    await sendValues(producer, 'in', 0, ['old'])
    const member = await first.broker.join(joinOptions('p'))
    await settle(member)
    await member.commit([committed('in', 0, 1)])
    await first.broker.admin.deleteTopic('in')
    const { broker } = await live(first.disk.afterCrash('kill'))
    expect(await broker.admin.describeTopics()).toEqual([])
    expect(await broker.committedOffsets('app')).toEqual([])
    await broker.admin.createTopic({ name: 'in', partitions: 1 })
    expect(await readValues(broker, 'in', 0)).toEqual([])
  })

  it('shows what compaction left after reopening, and the same last values', async () => {
    const first = await live()
    const config = { 'cleanup.policy': 'compact', 'segment.bytes': '400', 'min.cleanable.dirty.ratio': '0' }
    await first.broker.admin.createTopic({ name: 'in', partitions: 1, config })
    const producer = await readyProducer(first.broker)
    for (let i = 0; i < 40; i++) await sendValues(producer, 'in', 0, [`${i} ${'x'.repeat(50)}`])
    const before = await readAll(first.broker, 'in', 0)
    await first.cluster.clean()
    await first.cluster.close()
    const { broker } = await live(first.disk)
    const after = await readAll(broker, 'in', 0)
    expect(after.length).toBeLessThan(before.length)
    expect(after.at(-1)).toEqual(before.at(-1))
  })
})

import { describe, expect, it } from 'vitest'
import type { Broker } from '../../../src/core/broker.ts'
import type { EmbeddedCluster } from '../../../src/brokers/embedded/cluster.ts'
import { openEmbedded } from '../../../src/brokers/embedded/cluster.ts'
import { sluiceError } from '../../../src/core/errors.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import {
  committed,
  joinOptions,
  readValues,
  readyProducer,
  rejection,
  sendValues,
  settle,
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
  const random = seededRandom(`crash ${lives++}`)
  const cluster = await openEmbedded({ clock, random, disk, folder: '/broker' })
  return { cluster, broker: cluster.connect({ clock, random }), disk }
}

async function withTopic(): Promise<Life> {
  const life = await live()
  await life.broker.admin.createTopic({ name: 'in', partitions: 2 })
  return life
}

/** Where the log of a topic lies, internal ones included. */
async function folderOf(disk: LossyDisk, topic: string): Promise<string> {
  const bytes = await disk.readFile('/broker/topics.json')
  const topics = JSON.parse(Buffer.from(bytes!).toString('utf8')) as { name: string; topicId: string }[]
  return `/broker/topics/${topics.find(({ name }) => name === topic)!.topicId}/`
}

const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))

describe('a crash of an embedded cluster', () => {
  it('never gives an epoch twice, also when no abort before it was durable', async () => {
    const first = await withTopic()
    const producer = await readyProducer(first.broker, 'txn')
    const state = await folderOf(first.disk, '__transaction_state')
    first.disk.stallAt = (_, path) => path.startsWith(state)
    const aborts = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await sendValues(producer, 'in', 0, ['no'])
        if (i < 2) await producer.abort()
      }
    }
    await Promise.race([aborts(), aMoment()])
    const { broker } = await live(first.disk.afterCrash('kill'))
    const successor = await readyProducer(broker, 'txn')
    await sendValues(successor, 'in', 0, ['d'])
    await successor.commit()
    expect(await readValues(broker, 'in', 0)).toEqual(['d'])
  })

  it('leaves no partition held back by a transaction whose records were deleted', async () => {
    const first = await withTopic()
    const producer = await readyProducer(first.broker, 'txn')
    await sendValues(producer, 'in', 0, ['a', 'b'])
    await first.broker.admin.deleteRecords('in', 0, 2)
    const { broker } = await live(first.disk.afterCrash('kill'))
    const other = await readyProducer(broker)
    await sendValues(other, 'in', 0, ['c'])
    expect(await broker.admin.listOffset('in', 0, 'latest', 'read_committed')).toBe(3)
    expect(await readValues(broker, 'in', 0, 'read_committed', 2)).toEqual(['c'])
  })

  it('brings no offset back that an open transaction held of a deleted topic', async () => {
    const first = await withTopic()
    const producer = await readyProducer(first.broker, 'txn')
    const member = await first.broker.join(joinOptions('p'))
    await settle(member)
    await producer.sendOffsets([committed('in', 0, 7)], member.fence())
    await first.broker.admin.deleteTopic('in')
    await producer.commit()
    await first.broker.admin.createTopic({ name: 'in', partitions: 2 })
    expect(await first.broker.committedOffsets('app')).toEqual([])
    const { broker } = await live(first.disk.afterCrash('kill'))
    expect(await broker.committedOffsets('app')).toEqual([])
  })

  it('gives a topic created again none of the offsets of the one before it', async () => {
    const { broker, disk } = await withTopic()
    const member = await broker.join(joinOptions('p'))
    await settle(member)
    await member.commit([committed('in', 0, 7)])
    const offsets = await folderOf(disk, '__consumer_offsets')
    disk.stallAt = (_, path) => path.startsWith(offsets)
    const again = Promise.all([
      broker.admin.deleteTopic('in'),
      broker.admin.createTopic({ name: 'in', partitions: 2 }),
    ])
    await Promise.race([again, aMoment()])
    const { broker: next } = await live(disk.afterCrash('kill'))
    expect(await next.committedOffsets('app')).toEqual([])
  })
})

describe('a folder of an embedded cluster', () => {
  it('is refused when its identity is gone: producer ids would be given again, and records taken for repetitions', async () => {
    const { cluster, disk } = await withTopic()
    await cluster.close()
    await disk.remove('/broker/cluster.json')
    expect(await rejection(live(disk), 'SLUICE_SEGMENT_BROKEN')).toContain('/broker/cluster.json')
  })
})

describe('an embedded cluster whose disk fails', () => {
  it('closes all other logs too when one cannot be closed, before it gives the folder back', async () => {
    const { cluster, broker, disk } = await withTopic()
    const producer = await readyProducer(broker)
    await sendValues(producer, 'in', 1, ['a'])
    const folder = await folderOf(disk, 'in')
    disk.fullAt = (operation, path) => operation === 'write' && path.startsWith(`${folder}0/`)
    await rejection(sendValues(producer, 'in', 0, ['lost']), 'SLUICE_DISK')
    await rejection(cluster.close(), 'SLUICE_DISK')
    expect(await disk.readFile(`${folder}1/checkpoint.json`)).toBeDefined()
  })

  it('goes on cleaning other partitions when one cannot be cleaned', async () => {
    const { cluster, broker, disk } = await live()
    const config = { 'retention.bytes': '0', 'segment.bytes': '1' }
    await broker.admin.createTopic({ name: 'in', partitions: 2, config })
    const producer = await readyProducer(broker)
    for (const partition of [0, 1]) {
      await sendValues(producer, 'in', partition, ['a'])
      await sendValues(producer, 'in', partition, ['b'])
    }
    const folder = await folderOf(disk, 'in')
    disk.fullAt = (operation, path) => operation === 'replaceFile' && path.startsWith(`${folder}0/`)
    await rejection(cluster.clean(), 'SLUICE_DISK')
    expect(await broker.admin.listOffset('in', 0, 'earliest', 'read_committed')).toBe(0)
    expect(await broker.admin.listOffset('in', 1, 'earliest', 'read_committed')).toBe(1)
  })

  it('keeps a topic whose deletion was refused, even when the disk had done it already', async () => {
    const { broker, disk } = await withTopic()
    const replace = disk.replaceFile.bind(disk)
    disk.replaceFile = async (path, content) => {
      disk.replaceFile = replace
      await replace(path, content)
      throw sluiceError('SLUICE_DISK', { path, operation: 'sync folder', code: 'EIO', problem: 'planted' })
    }
    await rejection(broker.admin.deleteTopic('in'), 'SLUICE_DISK')
    const producer = await readyProducer(broker)
    await sendValues(producer, 'in', 0, ['a'])
    const { broker: next } = await live(disk.afterCrash('kill'))
    expect(await readValues(next, 'in', 0)).toEqual(['a'])
  })

  it('does not call a commit failed that happened, when only new producer ids cannot be reserved', async () => {
    const { broker, disk } = await withTopic()
    const producer = await readyProducer(broker, 'txn')
    // The ids in hand run low: the next operation would reserve more.
    for (let i = 0; i < 500; i++) await readyProducer(broker)
    disk.fullAt = (operation) => operation === 'replaceFile'
    await sendValues(producer, 'in', 0, ['a'])
    await producer.commit()
    expect(await readValues(broker, 'in', 0)).toEqual(['a'])
  })
})

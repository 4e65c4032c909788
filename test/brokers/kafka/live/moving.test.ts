/** Three brokers of which some die, stop and come back: leaders and coordinators are found where they went. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startKafka } from '../../../../scripts/kafka/start.ts'
import type { Kafka } from '../../../../scripts/kafka/start.ts'
import type { Cluster } from '../../../../src/brokers/kafka/cluster/cluster.ts'
import { createTopicsApi } from '../../../../src/brokers/kafka/protocol/messages/create-topics.ts'
import { metadataApi } from '../../../../src/brokers/kafka/protocol/messages/metadata.ts'
import { isSluiceError } from '../../../../src/core/errors.ts'
import { connected, notInMatrix, ownName } from './live.ts'

const ask = { topics: [], allowAutoTopicCreation: false }

describe.skipIf(notInMatrix())('three brokers', { timeout: 180_000 }, () => {
  let kafka: Kafka
  beforeAll(async () => {
    kafka = await startKafka({
      brokers: 3,
      config: { 'broker.session.timeout.ms': '6000', 'broker.heartbeat.interval.ms': '1000' },
    })
  }, 180_000)
  afterAll(() => kafka?.stop(), 60_000)

  async function replicatedTopic(cluster: Cluster): Promise<string> {
    const name = ownName('moving')
    const topic = { name, numPartitions: 6, replicationFactor: 3, assignments: [], configs: [] }
    const { topics } = await cluster.controller('metadata', createTopicsApi, {
      topics: [topic],
      timeoutMs: 20_000,
    })
    expect(topics[0]!.errorCode).toBe(0)
    return name
  }

  const leaders = async (cluster: Cluster, topic: string): Promise<readonly number[]> =>
    (await Promise.all([0, 1, 2, 3, 4, 5].map((partition) => cluster.leader(topic, partition)))).map(
      ({ brokerId }) => brokerId,
    )

  it('share the leaders among them', async () => {
    const cluster = await connected({ bootstrap: kafka.bootstrap })
    expect(new Set(cluster.brokers())).toEqual(new Set([1, 2, 3]))
    expect(new Set(await leaders(cluster, await replicatedTopic(cluster)))).toEqual(new Set([1, 2, 3]))
  })

  it('of which one is killed: its leaders and coordinators are found elsewhere, with later epochs', async () => {
    const cluster = await connected({ bootstrap: kafka.bootstrap, requestTimeoutMs: 60_000 })
    const topic = await replicatedTopic(cluster)
    const before = await cluster.leader(topic, 0)
    const group = await groupAt(cluster, before.brokerId)
    await cluster.request(before.brokerId, 'fetch', metadataApi, ask)
    await kafka.kill(before.brokerId - 1)
    // Nobody asks: the loss of the connection alone must lead to the new leader.
    await expect
      .poll(() => cluster.leaderNow(topic, 0)?.brokerId, { timeout: 60_000 })
      .not.toBe(before.brokerId)
    const after = await cluster.leader(topic, 0)
    expect(after.epoch).toBeGreaterThan(before.epoch)
    await cluster.request(after.brokerId, 'fetch', metadataApi, ask)
    await expect
      .poll(() => cluster.coordinator('group', group), { timeout: 60_000 })
      .not.toBe(before.brokerId)
    await expect(cluster.request(before.brokerId, 'fetch', metadataApi, ask)).rejects.toMatchObject({
      code: 'SLUICE_BROKER_UNAVAILABLE',
      details: { sent: false },
    })
    await kafka.restart(before.brokerId - 1)
    await expect.poll(() => reaches(cluster, before.brokerId), { timeout: 60_000 }).toBe(true)
  })

  it('of which one stops its time: requests to it fail in time, others go on', async () => {
    const cluster = await connected({ bootstrap: kafka.bootstrap, connectTimeoutMs: 1000 })
    const topic = await replicatedTopic(cluster)
    const { brokerId } = await cluster.leader(topic, 0)
    kafka.pause(brokerId - 1)
    onTestFinished(() => kafka.resume(brokerId - 1))
    const start = performance.now()
    await expect(
      cluster.request(brokerId, 'produce', metadataApi, ask, { timeoutMs: 1000 }),
    ).rejects.toMatchObject({
      code: 'SLUICE_BROKER_UNAVAILABLE',
    })
    expect(performance.now() - start).toBeLessThan(3000)
    await expect.poll(() => cluster.leaderNow(topic, 0)?.brokerId, { timeout: 60_000 }).not.toBe(brokerId)
    kafka.resume(brokerId - 1)
    await expect.poll(() => reaches(cluster, brokerId), { timeout: 60_000 }).toBe(true)
  })

  it('restarted one after the other: who asks on and on never gets anything but a reason to repeat', async () => {
    const cluster = await connected({ bootstrap: kafka.bootstrap })
    const topic = await replicatedTopic(cluster)
    let done = false
    const rolling = (async () => {
      for (const broker of [0, 1, 2]) await kafka.restart(broker)
    })().finally(() => {
      done = true
    })
    let answered = 0
    while (!done) {
      const { brokerId } = await cluster.leader(topic, answered % 6)
      await cluster.request(brokerId, 'fetch', metadataApi, ask).catch((error: unknown) => {
        if (!isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')) throw error
      })
      answered++
    }
    await rolling
    expect(answered).toBeGreaterThan(100)
    expect((await leaders(cluster, topic)).length).toBe(6)
  })
})

/** A group that this broker coordinates. */
async function groupAt(cluster: Cluster, brokerId: number): Promise<string> {
  for (let index = 0; index < 200; index++) {
    const group = ownName(`group-${index}`)
    if ((await cluster.coordinator('group', group)) === brokerId) return group
  }
  throw new Error(`broker ${brokerId} coordinates none of 200 groups`)
}

const reaches = (cluster: Cluster, brokerId: number): Promise<boolean> =>
  cluster.request(brokerId, 'fetch', metadataApi, ask).then(
    () => true,
    () => false,
  )

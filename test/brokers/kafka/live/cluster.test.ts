/** The cluster on a real broker: bootstrap, metadata, coordinators, and frames of every size. */
import { describe, expect, it } from 'vitest'
import { ZERO_UUID } from '../../../../src/brokers/kafka/protocol/api.ts'
import { createPartitionsApi } from '../../../../src/brokers/kafka/protocol/messages/create-partitions.ts'
import { createTopicsApi } from '../../../../src/brokers/kafka/protocol/messages/create-topics.ts'
import { deleteTopicsApi } from '../../../../src/brokers/kafka/protocol/messages/delete-topics.ts'
import { metadataApi } from '../../../../src/brokers/kafka/protocol/messages/metadata.ts'
import { produceApi } from '../../../../src/brokers/kafka/protocol/messages/produce.ts'
import type { Cluster } from '../../../../src/brokers/kafka/cluster/cluster.ts'
import { connected, noKafka, ownName, ports, sharedKafka } from './live.ts'
import { connectCluster } from '../../../../src/brokers/kafka/cluster/connect.ts'

async function shared(): Promise<Cluster> {
  const { bootstrap } = await sharedKafka()
  return await connected({ bootstrap, metadataMaxAgeMs: 200 })
}

async function topicOf(cluster: Cluster, partitions: number): Promise<string> {
  const name = ownName('topic')
  const topic = { name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: [] }
  const { topics } = await cluster.controller('metadata', createTopicsApi, {
    topics: [topic],
    timeoutMs: 5000,
  })
  expect(topics[0]!.errorCode).toBe(0)
  return name
}

describe.skipIf(noKafka())('a cluster', () => {
  it('is found by the first address that answers', { timeout: 60_000 }, async () => {
    const { bootstrap } = await sharedKafka()
    const cluster = await connected({ bootstrap: ['127.0.0.1:1', 'no-such-host.invalid:9092', ...bootstrap] })
    expect(cluster.clusterId).toHaveLength(22)
    expect(cluster.brokers()).toEqual([1])
    expect(cluster.feature('transaction.version')).toBe(2)
    expect(cluster.feature('no.such.feature')).toBeUndefined()
  })

  it('that does not answer is one error with every address, when time is up', async () => {
    const connecting = connectCluster({
      ...ports,
      bootstrap: ['127.0.0.1:1', 'localhost:1'],
      connectTimeoutMs: 500,
    })
    await expect(connecting).rejects.toMatchObject({
      code: 'SLUICE_BROKER_UNAVAILABLE',
      message: expect.stringMatching(/127\.0\.0\.1:1.*ECONNREFUSED/) as string,
    })
  })

  it('speaks every version of an API that both sides have', async () => {
    const cluster = await shared()
    const name = await topicOf(cluster, 1)
    const latest = (await cluster.version(1, 'metadata', metadataApi))!
    expect(latest).toBeGreaterThanOrEqual(12)
    for (let maxVersion = 4; maxVersion <= latest; maxVersion++) {
      const body = { topics: [{ name }], allowAutoTopicCreation: false }
      const { topics } = await cluster.request(1, 'metadata', metadataApi, body, { maxVersion })
      expect(topics[0]).toMatchObject({ errorCode: 0, name, partitions: [{ leaderId: 1 }] })
    }
  })

  it('tells leaders with their epochs, and topics by their ids', async () => {
    const cluster = await shared()
    const name = await topicOf(cluster, 3)
    expect(cluster.leaderNow(name, 0)).toBeUndefined()
    const leader = await cluster.leader(name, 2)
    expect(leader).toMatchObject({ brokerId: 1, epoch: 0 })
    expect(cluster.topicName(leader.topicId)).toBe(name)
    expect(cluster.leaderNow(name, 0)).toEqual({ ...leader })
  })

  it('finds added partitions and deleted topics while running', async () => {
    const cluster = await shared()
    const name = await topicOf(cluster, 1)
    await cluster.leader(name, 0)
    const change = new Promise<void>((resolve) => {
      cluster.onChange(() => cluster.leaderNow(name, 2) !== undefined && resolve())
    })
    const more = { topics: [{ name, count: 3, assignments: null }], timeoutMs: 5000, validateOnly: false }
    await cluster.controller('metadata', createPartitionsApi, more)
    await change
    const gone = new Promise<void>((resolve) => {
      cluster.onChange(() => cluster.leaderNow(name, 0) === undefined && resolve())
    })
    await cluster.controller('metadata', deleteTopicsApi, {
      topics: [{ name, topicId: ZERO_UUID }],
      timeoutMs: 5000,
    })
    await gone
    expect(cluster.leaderNow(name, 2)).toBeUndefined()
  })

  it('says which topics there are where one is missing', async () => {
    const cluster = await shared()
    const name = await topicOf(cluster, 1)
    await expect(cluster.leader(`${name}x`, 0)).rejects.toMatchObject({
      code: 'SLUICE_TOPIC_MISSING',
      fix: expect.stringContaining(name) as string,
    })
    await expect(cluster.leader(name, 1)).rejects.toThrow(/-1" does not exist: the topic has 1 partition/)
  })

  it('finds coordinators, also at the very first use, when their topics are still made', async () => {
    const cluster = await shared()
    const asked = ['a', 'b', 'a'].map((key) => cluster.coordinator('group', ownName(key)))
    expect(await Promise.all([...asked, cluster.coordinator('transaction', ownName('t'))])).toEqual([
      1, 1, 1, 1,
    ])
  })

  it('answers a thousand requests in a pipeline in their order', async () => {
    const cluster = await shared()
    const name = await topicOf(cluster, 1)
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, index) =>
        cluster.request(1, 'metadata', metadataApi, {
          topics: index % 2 === 0 ? [] : [{ name }],
          allowAutoTopicCreation: false,
        }),
      ),
    )
    expect(answers.map(({ topics }) => topics.length)).toEqual(answers.map((_, index) => index % 2))
  })

  it('refuses after close, and what was under way', async () => {
    const cluster = await shared()
    await cluster.version(1, 'produce', produceApi)
    const pending = cluster.request(1, 'metadata', metadataApi, {
      topics: null,
      allowAutoTopicCreation: false,
    })
    await cluster.close()
    await expect(pending).rejects.toMatchObject({ code: 'SLUICE_CLOSED' })
    await expect(cluster.leader('any', 0)).rejects.toMatchObject({ code: 'SLUICE_CLOSED' })
  })

  it('gives a purpose connections of its own, which end with it', async () => {
    const cluster = await shared()
    const body = { topics: [], allowAutoTopicCreation: false }
    await cluster.request(1, 'fetch-own', metadataApi, body)
    cluster.release('fetch-own')
    await expect(cluster.request(1, 'fetch-own', metadataApi, body)).rejects.toMatchObject({
      code: 'SLUICE_CLOSED',
    })
    await cluster.request(1, 'fetch-other', metadataApi, body)
  })
})

/** The cluster against brokers that fail on demand: trying others, waiting, and asking anew. */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Cluster, ClusterOptions } from '../../../../src/brokers/kafka/cluster/cluster.ts'
import { connectCluster } from '../../../../src/brokers/kafka/cluster/connect.ts'
import { findCoordinatorApi } from '../../../../src/brokers/kafka/protocol/messages/find-coordinator.ts'
import { heartbeatApi } from '../../../../src/brokers/kafka/protocol/messages/heartbeat.ts'
import { metadataApi } from '../../../../src/brokers/kafka/protocol/messages/metadata.ts'
import { sleep } from '../../../../src/core/clock.ts'
import { SILENT } from '../../../../src/core/log.ts'
import { systemClock } from '../../../../src/platform/clock.ts'
import { systemRandom } from '../../../../src/platform/random.ts'
import { fakeBroker } from '../network/fake-broker.ts'
import type { Asked, FakeBroker } from '../network/fake-broker.ts'

const OFFER = [metadataApi, findCoordinatorApi, heartbeatApi]
const beat = { groupId: 'g', generationId: 1, memberId: 'm' }

async function connect(
  bootstrap: readonly string[],
  options: Partial<ClusterOptions> = {},
): Promise<Cluster> {
  const ports = { clientId: 'test', clock: systemClock, random: systemRandom, log: SILENT }
  const cluster = await connectCluster({
    ...ports,
    bootstrap,
    connectTimeoutMs: 2000,
    requestTimeoutMs: 3000,
    ...options,
  })
  onTestFinished(() => cluster.close())
  return cluster
}

/** Metadata of a cluster of these brokers, numbered from 1, with topic `t` of one partition led by `leader`. */
function answerMetadata(asked: Asked, brokers: readonly FakeBroker[], leader = 1, epoch = 0): void {
  const partition = {
    errorCode: 0,
    partitionIndex: 0,
    leaderId: leader,
    leaderEpoch: epoch,
    replicaNodes: [],
    isrNodes: [],
    offlineReplicas: [],
  }
  const wanted = asked.body(metadataApi).topics ?? []
  asked.answer(metadataApi, {
    brokers: brokers.map(({ port }, index) => ({ nodeId: index + 1, host: '127.0.0.1', port })),
    clusterId: 'fake',
    controllerId: 1,
    topics: wanted.map(({ name }) => ({ errorCode: 0, name, partitions: [partition] })),
  })
}

describe('a cluster', () => {
  it('asks another broker where one is silent, and comes back to it', async () => {
    const brokers: FakeBroker[] = []
    const serve = (asked: Asked): void => answerMetadata(asked, brokers)
    brokers.push(await fakeBroker(OFFER, serve), await fakeBroker(OFFER, serve))
    const cluster = await connect([brokers[0]!.address])
    await brokers[0]!.close()
    for (let round = 0; round < 5; round++) await cluster.any('metadata', metadataApi, { topics: [] })
    await brokers[1]!.close()
    const failing = cluster.any('metadata', metadataApi, { topics: [] })
    await expect(failing).rejects.toMatchObject({ code: 'SLUICE_BROKER_UNAVAILABLE' })
  })

  it('makes one connection for many requests at once, one per purpose, and waits longer after each failure', async () => {
    const brokers: FakeBroker[] = []
    brokers.push(
      await fakeBroker(OFFER, (asked) =>
        asked.header.apiKey === 3 ? answerMetadata(asked, brokers) : asked.socket.destroy(),
      ),
    )
    const cluster = await connect([brokers[0]!.address], { metadataMaxAgeMs: 60_000 })
    const metadata = { topics: [] }
    await Promise.all(Array.from({ length: 50 }, () => cluster.request(1, 'fetch', metadataApi, metadata)))
    await cluster.request(1, 'produce', metadataApi, metadata)
    expect(brokers[0]!.connections()).toBe(3)
    const before = performance.now()
    for (let round = 0; round < 4; round++)
      await cluster.request(1, 'coordination', heartbeatApi, beat).catch(() => undefined)
    // A connection that was made and then lost is made again at once; only failures to make one are waited for.
    expect(performance.now() - before).toBeLessThan(1000)
    await brokers[0]!.close()
    const start = performance.now()
    for (let round = 0; round < 5; round++)
      await cluster.request(1, 'fetch', metadataApi, metadata).catch(() => undefined)
    expect(performance.now() - start).toBeGreaterThan(150)
  })

  it('looks for a coordinator until there is one, shares the question, and asks again when it was lost', async () => {
    const brokers: FakeBroker[] = []
    let asks = 0
    brokers.push(
      await fakeBroker(OFFER, (asked) => {
        if (asked.header.apiKey === metadataApi.key) return answerMetadata(asked, brokers)
        const errorCode = ++asks < 4 ? 15 : 0
        const key = asked.body(findCoordinatorApi).coordinatorKeys[0]!
        const found = {
          key,
          nodeId: 1,
          host: '127.0.0.1',
          port: brokers[0]!.port,
          errorCode,
          errorMessage: null,
        }
        asked.answer(findCoordinatorApi, { coordinators: [found] })
      }),
    )
    const cluster = await connect([brokers[0]!.address])
    const all = await Promise.all([1, 2, 3].map(() => cluster.coordinator('group', 'g')))
    expect([all, asks]).toEqual([[1, 1, 1], 4])
    await cluster.coordinator('group', 'g')
    expect(asks).toBe(4)
    cluster.lostCoordinator('group', 'g')
    await cluster.coordinator('group', 'g')
    expect(asks).toBe(5)
  })

  it('asks for the leader again once it is doubted, until somebody knows better', async () => {
    const brokers: FakeBroker[] = []
    let elected = false
    const serve = (asked: Asked): void => answerMetadata(asked, brokers, elected ? 2 : 1, elected ? 1 : 0)
    brokers.push(await fakeBroker(OFFER, serve), await fakeBroker(OFFER, serve))
    const cluster = await connect([brokers[0]!.address])
    expect(await cluster.leader('t', 0)).toMatchObject({ brokerId: 1, epoch: 0 })
    let changes = 0
    cluster.onChange(() => changes++)
    elected = true
    expect(await cluster.leader('t', 0)).toMatchObject({ brokerId: 1 })
    cluster.moved('t', 0)
    expect(await cluster.leader('t', 0)).toMatchObject({ brokerId: 2, epoch: 1 })
    cluster.moved('t', 0, { brokerId: 1, epoch: 2 })
    expect(cluster.leaderNow('t', 0)).toMatchObject({ brokerId: 1, epoch: 2 })
    expect(changes).toBe(2)
  })

  it('goes on asking while a lost leader is still named, though nobody asks it to', async () => {
    const brokers: FakeBroker[] = []
    let hasNoticed = false
    const serve = (asked: Asked): void =>
      answerMetadata(asked, brokers, hasNoticed ? 2 : 1, hasNoticed ? 1 : 0)
    brokers.push(await fakeBroker(OFFER, serve), await fakeBroker(OFFER, serve))
    const cluster = await connect([brokers[1]!.address])
    await cluster.leader('t', 0)
    await cluster.request(1, 'fetch', metadataApi, { topics: [] })
    await brokers[0]!.close()
    await sleep(systemClock, 500)
    expect(cluster.leaderNow('t', 0)).toMatchObject({ brokerId: 1 })
    hasNoticed = true
    await expect.poll(() => cluster.leaderNow('t', 0), { timeout: 3000 }).toMatchObject({ brokerId: 2 })
  })

  it('forgets the coordinators of a broker that is lost, and no others', async () => {
    const brokers: FakeBroker[] = []
    let asks = 0
    const serve = (asked: Asked): void => {
      if (asked.header.apiKey === metadataApi.key) return answerMetadata(asked, brokers, 2)
      asks++
      const key = asked.body(findCoordinatorApi).coordinatorKeys[0]!
      const nodeId = key === 'at-1' ? 1 : 2
      const found = {
        key,
        nodeId,
        host: '127.0.0.1',
        port: brokers[nodeId - 1]!.port,
        errorCode: 0,
        errorMessage: null,
      }
      asked.answer(findCoordinatorApi, { coordinators: [found] })
    }
    brokers.push(await fakeBroker(OFFER, serve), await fakeBroker(OFFER, serve))
    const cluster = await connect([brokers[1]!.address])
    const find = (): Promise<readonly number[]> =>
      Promise.all(['at-1', 'at-2'].map((key) => cluster.coordinator('group', key)))
    expect(await find()).toEqual([1, 2])
    await cluster.request(1, 'coordination', metadataApi, { topics: [] })
    await brokers[0]!.close()
    await expect.poll(async () => (await find()) && asks).toBe(3)
  })

  it('tells a broker that is not in the cluster from one that does not answer', async () => {
    const brokers: FakeBroker[] = []
    brokers.push(await fakeBroker(OFFER, (asked) => answerMetadata(asked, brokers)))
    const cluster = await connect([brokers[0]!.address])
    await expect(cluster.request(7, 'fetch', heartbeatApi, beat)).rejects.toMatchObject({
      message: expect.stringContaining('broker 7 is not in the cluster') as string,
      details: { sent: false },
    })
  })

  it('refuses to start without an address, or with one that is none', async () => {
    await expect(connect([])).rejects.toMatchObject({ code: 'SLUICE_CONFIG_INVALID' })
    await expect(connect(['kafka://a'])).rejects.toMatchObject({ code: 'SLUICE_CONFIG_INVALID' })
  })
})

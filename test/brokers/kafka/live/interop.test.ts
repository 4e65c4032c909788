/** Records, transactions and groups that Java's own clients and Sluice see of each other. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { kafkaLibraries, missingTools } from '../../../../scripts/kafka/libraries.ts'
import { startKafka } from '../../../../scripts/kafka/start.ts'
import type { Compression } from '../../../../src/brokers/record-batch/compress.ts'
import type { KafkaBroker } from '../../../../src/brokers/kafka/index.ts'
import { connectKafka } from '../../../../src/brokers/kafka/index.ts'
import { exactlyOnceContract } from '../../contract/exactly-once.ts'
import { joinOptions, readAll, readyProducer, settle } from '../../contract/harness.ts'
import type { ClusterUnderTest, Read } from '../../contract/harness.ts'
import { transactionsContract } from '../../contract/transactions.ts'
import { kafkaCluster } from '../clusters.ts'
import { notInMatrix, ownName, ports, sharedKafka } from './live.ts'

const skip = notInMatrix() || missingTools() !== undefined
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** Beside us: heartbeats must go on. */
async function java(verb: string, ...rest: readonly string[]): Promise<string> {
  const source = new URL('Interop.java', import.meta.url).pathname
  const line = ['-cp', `${kafkaLibraries()}/*`, source, verb, ...rest]
  return (await promisify(execFile)('java', line, { maxBuffer: 1 << 26 })).stdout
}

let bootstrap: readonly string[]

async function connectedBroker(compression: Compression = 'none'): Promise<KafkaBroker> {
  const broker = await connectKafka({ ...ports, bootstrap, compression })
  onTestFinished(() => broker.close())
  return broker
}

/** As Interop.java prints it. */
function line({ offset, timestamp, key, value, headers }: Read): string {
  const shown = headers.map(
    (one) => `${one.key}=${one.value === null ? 'null' : String(Buffer.from(one.value))}`,
  )
  return [offset, timestamp, key ?? 'null', value ?? 'null', shown.join()].join('\t')
}

describe.skipIf(skip)('Java and Sluice', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    bootstrap = (await sharedKafka()).bootstrap
  }, 120_000)

  it.each(CODECS)('read the same records of each other, packed by %s', async (codec) => {
    const broker = await connectedBroker(codec)
    const topic = ownName('interop')
    await broker.admin.createTopic({ name: topic, partitions: 1, config: { 'retention.ms': '-1' } })
    await java('produce', bootstrap[0]!, topic, codec, '500')
    const ofJava = await readAll(broker, topic, 0)
    expect(ofJava).toHaveLength(500)
    expect(ofJava[10]).toMatchObject({ offset: 10, timestamp: 1010, key: 'key 10', value: null })
    const producer = await readyProducer(broker, topic)
    const target = producer.target(topic, 0)
    const buffer = producer.buffer()
    for (let i = 0; i < 500; i++) {
      const headers = [
        { key: 'ü', value: Buffer.from(`${i}`) },
        { key: 'n', value: null },
      ]
      const value = i % 7 === 0 ? null : 'text ö '.repeat(i % 40)
      buffer.append(target, i % 5 === 0 ? null : `k${i}`, value, 1000 + i * 86_400_000, headers)
    }
    await producer.send(buffer)
    await producer.commit()
    const asJava = (await java('consume', bootstrap[0]!, topic, '1000')).trimEnd().split('\n')
    expect(asJava).toEqual((await readAll(broker, topic, 0)).map(line))
  })

  it('never sees what a Java producer aborted', async () => {
    const broker = await connectedBroker()
    const topic = ownName('interop')
    await broker.admin.createTopic({ name: topic, partitions: 1 })
    await java('abort', bootstrap[0]!, topic)
    const values = (await readAll(broker, topic, 0)).map(({ value }) => value)
    expect(values).toEqual([0, 2, 4].flatMap((i) => [0, 1, 2, 3, 4].map((j) => `${i}.${j}`)))
  })

  it('lists and describes a group of Sluice with its partitions', async () => {
    const broker = await connectedBroker()
    const [topic, group] = [ownName('interop'), ownName('group')]
    await broker.admin.createTopic({ name: topic, partitions: 5 })
    const topology = { subtopologies: [{ id: 0, sourceTopics: [topic], changelogTopics: [] }] }
    await settle(await broker.join(joinOptions('p', { group, topology })))
    expect((await java('describe', bootstrap[0]!, group)).trim()).toBe('true Stable 1 5')
  })
})

describe.skipIf(skip)('a cluster with transactions of the first protocol', { timeout: 120_000 }, () => {
  let addresses: readonly string[]
  beforeAll(async () => {
    const kafka = await startKafka()
    addresses = kafka.bootstrap
    await java('feature', addresses[0]!, 'transaction.version', '1')
    return () => kafka.stop()
  }, 120_000)
  const make = (): Promise<ClusterUnderTest> => kafkaCluster({ bootstrap: addresses })

  transactionsContract(make)
  exactlyOnceContract(make)
})

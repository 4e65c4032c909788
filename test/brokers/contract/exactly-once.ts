/**
 * Workers that read, write and commit in transactions while replies get lost and members die: every input has exactly one
 * output, in order per partition. The sentences of the port together, as the engine relies on them.
 */
import { describe, expect, it } from 'vitest'
import type {
  AssignmentChange,
  Broker,
  FetchedBatch,
  Fetcher,
  GroupMember,
  Producer,
} from '../../../src/core/broker.ts'
import { isSluiceError } from '../../../src/core/errors.ts'
import { NO_HEADERS } from '../../../src/core/record.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import type { ClientUnderTest, MakeCluster } from './harness.ts'
import {
  batchesOf,
  committed,
  joinOptions,
  opened,
  readValues,
  readyProducer,
  sendValues,
} from './harness.ts'

const PARTITIONS = 3
const PER_PARTITION = 40

class Worker {
  readonly client: ClientUnderTest
  readonly #broker: Broker
  readonly #id: string
  #member: GroupMember | undefined
  #producer: Producer | undefined
  #fetcher: Fetcher | undefined
  #stopped = false

  constructor(client: ClientUnderTest, id: string) {
    this.client = client
    this.#broker = client.broker
    this.#id = id
  }

  /** Dies at once, without a word: whatever it was doing stays as it is. */
  kill(): void {
    this.#stopped = true
    this.client.stop()
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#cycle()
        // A turn of its own, or a worker whose connection was closed under it would never let go.
        await new Promise((resolve) => setImmediate(resolve))
      } catch (error) {
        if (!isSluiceError(error)) throw error
        await this.#startOver()
      }
    }
  }

  async #cycle(): Promise<void> {
    this.#producer ??= this.#broker.producer({ transactionalId: this.#id, transactionTimeoutMs: 5000 })
    if (this.#member === undefined) {
      await this.#producer.init()
      this.#member = await this.#broker.join(joinOptions(this.#id))
      this.#fetcher = this.#broker.fetcher({ isolation: 'read_committed' })
    }
    if (this.#member.lost !== undefined) throw this.#member.lost
    if (this.#member.change !== undefined) await this.#apply(this.#member, this.#member.change)
    const batches = batchesOf(this.#fetcher!.take())
    if (batches.length > 0) await this.#process(this.#producer, this.#member, batches)
    else await this.#fetcher!.arrived(5)
  }

  async #apply(member: GroupMember, change: AssignmentChange): Promise<void> {
    for (const { partition } of change.revoked) this.#fetcher!.remove('in', partition)
    await member.acknowledge(change)
    const partitions = change.assigned.map(({ partition }) => ({ topic: 'in', partition }))
    const offsets = await member.committed(partitions)
    for (const { topic, partition } of partitions) {
      const position = offsets.find((offset) => offset.partition === partition)?.offset ?? 0
      this.#fetcher!.add(topic, partition, position)
    }
  }

  async #process(producer: Producer, member: GroupMember, batches: readonly FetchedBatch[]): Promise<void> {
    const fence = member.fence()
    const buffer = producer.buffer()
    for (const batch of batches) {
      const target = producer.target('out', batch.partition)
      for (let i = 0; i < batch.count; i++) buffer.append(target, null, batch.valueAt(i), 1, NO_HEADERS)
    }
    await producer.send(buffer)
    const positions = new Map(batches.map(({ partition, nextOffset }) => [partition, nextOffset]))
    const offsets = [...positions].map(([partition, offset]) => committed('in', partition, offset))
    await producer.sendOffsets(offsets, fence)
    await producer.commit()
  }

  async #startOver(): Promise<void> {
    this.#fetcher?.close()
    const member = this.#member
    this.#member = undefined
    if (!this.#stopped) await member?.leave()
  }
}

export function exactlyOnceContract(make: MakeCluster, seeds: readonly number[] = [1, 2, 3]): void {
  describe('read, write and commit', () => {
    for (const seed of seeds) {
      it(`gives exactly one output per input while workers die (seed ${seed})`, async () => {
        const cluster = await opened(make)
        const { broker } = await cluster.connect()
        for (const name of ['in', 'out']) await broker.admin.createTopic({ name, partitions: PARTITIONS })
        const random = seededRandom(seed)
        const workers: Worker[] = []
        const problems: unknown[] = []
        const start = async (id: number): Promise<void> => {
          const worker = new Worker(await cluster.connect(), `worker-${id}`)
          workers[id] = worker
          // Nobody waits for it: what a dead process waits for never comes.
          worker.run().catch((error: unknown) => problems.push(error))
        }
        for (const id of [0, 1, 2]) await start(id)
        const feed = await readyProducer(broker)
        for (let i = 0; i < PER_PARTITION; i++) {
          for (let partition = 0; partition < PARTITIONS; partition++)
            await sendValues(feed, 'in', partition, [`${i}`])
          if (!random.chance(0.15)) continue
          const id = random.int(0, 2)
          workers[id]!.kill()
          await start(id)
        }
        const wanted = Array.from({ length: PER_PARTITION }, (_, i) => `${i}`)
        const outputs = (): Promise<(string | null)[][]> =>
          Promise.all([0, 1, 2].map((partition) => readValues(broker, 'out', partition)))
        let seen = await outputs()
        for (let i = 0; i < 100 && seen.some(({ length }) => length < PER_PARTITION); i++) {
          await cluster.elapse(1000)
          await new Promise((resolve) => setTimeout(resolve, 5))
          seen = await outputs()
        }
        for (const worker of workers) worker.kill()
        expect(problems).toEqual([])
        expect(await outputs()).toEqual([wanted, wanted, wanted])
      })
    }
  })
}

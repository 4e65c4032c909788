/**
 * The simulated machine room of a scenario: one machine with a disk and local stores, an embedded broker on it (in memory or in
 * a folder), and the connections of instances. The broker process may die and come back; a power cut takes everything.
 */
import { openEmbedded, type EmbeddedCluster } from '../../brokers/embedded/cluster.ts'
import type { Broker } from '../../core/broker.ts'
import { partitionOf } from '../../core/partitioner.ts'
import { NO_HEADERS } from '../../core/record.ts'
import { createSimulatedMachine, type SimulatedMachine } from '../simulation/disk.ts'
import { Life } from '../simulation/life.ts'
import { createSimulatedStores, type SimulatedStores } from '../simulation/store.ts'
import type { World } from '../simulation/world.ts'
import type { ObservedRecord, Scenario, ScenarioInput } from './scenario.ts'

export class SimulatedCluster {
  readonly machine: SimulatedMachine
  readonly stores: SimulatedStores
  readonly #world: World
  readonly #folder: boolean
  readonly #partitions: number
  #cluster: EmbeddedCluster | undefined
  #life: Life
  #incarnation = 0

  constructor(world: World, folder: boolean, partitions: number) {
    this.#world = world
    this.#folder = folder
    this.#partitions = partitions
    this.stores = createSimulatedStores(world)
    this.machine = createSimulatedMachine(world, { onRemoved: (path) => this.stores.removed(path) })
    this.#life = new Life(world)
  }

  get partitions(): number {
    return this.#partitions
  }

  async open(): Promise<void> {
    this.#life = new Life(this.#world)
    const name = `broker-${this.#incarnation++}`
    const random = this.#world.random.fork(name)
    const disk = this.#life.guard(this.machine.process(name))
    const { clock } = this.#life
    this.#cluster = await openEmbedded(
      this.#folder ? { clock, random, disk, folder: '/broker' } : { clock, random },
    )
  }

  /** A client of the broker, with a clock of its own. */
  connect(life: Life, name: string): Broker {
    return this.#cluster!.connect({ clock: life.clock, random: this.#world.random.fork(`client ${name}`) })
  }

  /** kill -9 of the broker process. Only sensible with a folder. */
  kill(): void {
    this.#life.kill()
    this.machine.kill(`broker-${this.#incarnation - 1}`)
  }

  async createTopics(scenario: Scenario): Promise<void> {
    const admin = this.connect(this.#life, 'setup').admin
    for (const topic of scenario.topics) await admin.createTopic({ ...topic, partitions: this.#partitions })
  }

  /** Writes inputs and resolves when they are durable. */
  async produce(inputs: readonly ScenarioInput[]): Promise<void> {
    const producer = this.connect(this.#life, 'load').producer({})
    await producer.init()
    const buffer = producer.buffer()
    for (const { topic, key, value, timestamp } of inputs) {
      const bytes = Buffer.from(key)
      const target = producer.target(topic, partitionOf(bytes, this.#partitions))
      buffer.append(target, bytes, JSON.stringify(value), timestamp, NO_HEADERS)
    }
    await producer.send(buffer)
    await producer.close()
  }

  /** Everything a read_committed reader finds in a topic now, in offset order per partition. */
  async read(topic: string): Promise<readonly ObservedRecord[]> {
    const broker = this.connect(this.#life, 'reader')
    const found: ObservedRecord[] = []
    for (let partition = 0; partition < this.#partitions; partition++) {
      const end = await this.#stableEnd(broker, topic, partition)
      if (end > 0) await readPartition(broker, topic, partition, end, found)
    }
    await broker.close()
    return found
  }

  /** A transaction left open by a dead process hides what came after it until it times out. */
  async #stableEnd(broker: Broker, topic: string, partition: number): Promise<number> {
    for (;;) {
      const end = await broker.admin.listOffset(topic, partition, 'latest', 'read_uncommitted')
      const stable = await broker.admin.listOffset(topic, partition, 'latest', 'read_committed')
      if (stable === end) return end
      await this.#world.sleep(500)
    }
  }

  /** Records of the group's input topics that are not committed yet. */
  async lag(group: string, topics: readonly string[]): Promise<number> {
    const broker = this.connect(this.#life, 'lag')
    const committed = new Map(
      (await broker.committedOffsets(group)).map(({ topic, partition, offset }) => [
        `${topic}-${partition}`,
        offset,
      ]),
    )
    let lag = 0
    for (const { name, partitions } of await broker.admin.describeTopics(topics)) {
      for (let partition = 0; partition < partitions; partition++) {
        const end = await broker.admin.listOffset(name, partition, 'latest', 'read_uncommitted')
        const start = await broker.admin.listOffset(name, partition, 'earliest', 'read_uncommitted')
        lag += Math.max(0, end - Math.max(start, committed.get(`${name}-${partition}`) ?? 0))
      }
    }
    await broker.close()
    return lag
  }

  async close(): Promise<void> {
    await this.#cluster?.close()
  }
}

async function readPartition(
  broker: Broker,
  topic: string,
  partition: number,
  end: number,
  into: ObservedRecord[],
): Promise<void> {
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  fetcher.add(topic, partition, 0)
  for (let position = 0; position < end;) {
    await fetcher.arrived(1_000)
    for (const batch of fetcher.take()) {
      if (batch.kind === 'failed') throw batch.error
      for (let index = 0; index < batch.count; index++) {
        const key = batch.keyAt(index)
        const value = batch.valueAt(index)
        into.push({
          key: key === null ? null : Buffer.from(key).toString(),
          value: value === null ? null : (JSON.parse(Buffer.from(value).toString()) as unknown),
          timestamp: batch.timestampAt(index),
          headers: batch.headersAt(index),
          partition,
        })
      }
      position = batch.nextOffset
    }
  }
  fetcher.close()
}

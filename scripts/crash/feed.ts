/** The load: writes orders for ever, going on in each partition where the log ends, so that offset = number of the order. */
import type { Broker, Producer } from '../../src/core/broker.ts'
import { partitionOf } from '../../src/core/partitioner.ts'
import { NO_HEADERS } from '../../src/core/record.ts'
import { allCustomers, customerOf, orderText, PARTITIONS } from './load.ts'
import { audit, customers, orders, scored, totals } from './pipeline.ts'

const TICK_MS = 10
const EPOCH = 1_700_000_000_000
const KEPT = { 'retention.ms': '-1' }

/**
 * On Kafka records have the time of now: a broker that starts anew forgets the sequences of a producer whose last record is
 * older than a day, and a batch sent again would be written twice.
 */
function timeOf(broker: Broker, number: number): number {
  return broker.kind === 'kafka' ? Date.now() : EPOCH + number
}

/** Creates what is missing, and fills the table topic where it is not full yet. */
export async function prepareTopics(broker: Broker): Promise<void> {
  const existing = new Set((await broker.admin.describeTopics()).map(({ name }) => name))
  for (const { name } of [orders, customers, audit, scored, totals]) {
    if (!existing.has(name)) await broker.admin.createTopic({ name, partitions: PARTITIONS, config: KEPT })
  }
  const producer = broker.producer({})
  await producer.init()
  for (let partition = 0; partition < PARTITIONS; partition++) await fillTable(broker, producer, partition)
  await producer.close()
}

async function fillTable(broker: Broker, producer: Producer, partition: number): Promise<void> {
  const ids = allCustomers().filter((id) => partitionOf(Buffer.from(id), PARTITIONS) === partition)
  const end = await broker.admin.listOffset(customers.name, partition, 'latest', 'read_uncommitted')
  if (end >= ids.length) return
  const buffer = producer.buffer()
  const target = producer.target(customers.name, partition)
  for (const id of ids.slice(end))
    buffer.append(target, id, JSON.stringify(customerOf(id)), timeOf(broker, 0), NO_HEADERS)
  await producer.send(buffer)
}

export class Load {
  readonly #broker: Broker
  readonly #producer: Producer
  readonly #seed: number
  /** Next offset to write, per partition. */
  readonly #next: number[]
  /** Offsets below are acknowledged, per partition. */
  readonly acknowledged: number[]

  constructor(broker: Broker, producer: Producer, seed: number, ends: readonly number[]) {
    this.#broker = broker
    this.#producer = producer
    this.#seed = seed
    this.#next = [...ends]
    this.acknowledged = [...ends]
  }

  static async open(broker: Broker, seed: number): Promise<Load> {
    const producer = broker.producer({})
    await producer.init()
    const ends: number[] = []
    for (let partition = 0; partition < PARTITIONS; partition++)
      ends.push(await broker.admin.listOffset(orders.name, partition, 'latest', 'read_uncommitted'))
    return new Load(broker, producer, seed, ends)
  }

  /** True when the application has committed the whole table: from then on every order finds its customer. */
  async tableRead(group: string): Promise<boolean> {
    const committed = await this.#broker.committedOffsets(group)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const end = await this.#broker.admin.listOffset(customers.name, partition, 'latest', 'read_uncommitted')
      const at = committed.find((one) => one.topic === customers.name && one.partition === partition)
      if (end > 0 && (at?.offset ?? 0) < end) return false
    }
    return true
  }

  /** Writes so many orders per second into each partition until the process dies. */
  async run(perPartition: number): Promise<never> {
    const begun = performance.now()
    for (let written = 0; ;) {
      const due = Math.floor(((performance.now() - begun) / 1_000) * perPartition)
      if (due > written) await this.#write(due - written)
      written = Math.max(due, written)
      await new Promise((resolve) => setTimeout(resolve, TICK_MS))
    }
  }

  async #write(count: number): Promise<void> {
    const buffer = this.#producer.buffer()
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const target = this.#producer.target(orders.name, partition)
      for (let left = count; left > 0; left--) {
        const offset = this.#next[partition]!++
        const text = orderText(this.#seed, partition, offset)
        buffer.append(target, `region ${partition}`, text, timeOf(this.#broker, offset), NO_HEADERS)
      }
    }
    const sent = await this.#producer.send(buffer)
    for (const { partition, lastOffset } of sent) {
      if (lastOffset + 1 !== this.#next[partition])
        throw new Error(`orders-${partition}: ends at ${lastOffset + 1}, expected ${this.#next[partition]}`)
      this.acknowledged[partition] = lastOffset + 1
    }
  }
}

/**
 * One producer of a connection: stamps batches with its identity and sequences, and ends its transactions. It never decides
 * about a transaction: that is `transactions.ts`, on the side of the cluster.
 */
import type {
  CommittedOffset,
  GroupFence,
  ProduceTarget,
  Producer,
  ProducerOptions,
  SendBuffer,
  SentPartition,
} from '../../core/broker.ts'
import { isSluiceError, sluiceError } from '../../core/errors.ts'
import { ProducerLife } from '../producer-life.ts'
import { nextSequence } from '../record-batch/header.ts'
import type { Groups } from './groups.ts'
import type { Offsets } from './offsets.ts'
import type { Partition } from './partition.ts'
import { allFlushed } from './partition.ts'
import type { TargetBatches } from '../record-batch/send-buffer.ts'
import { BatchBuffer } from '../record-batch/send-buffer.ts'
import type { Topics } from './topics.ts'
import { isInternal } from './topics.ts'
import type { Outcome, ProducerIdentity, Transactions } from './transactions.ts'

const DEFAULT_TRANSACTION_TIMEOUT_MS = 10_000
/** Kafka's default of max.message.bytes. */
const DEFAULT_BATCH_LIMIT = 1_048_588

/** The cluster as a producer sees it. */
export interface ProducerServices {
  readonly topics: Topics
  readonly transactions: Transactions
  readonly offsets: Offsets
  readonly groups: Groups
}

export class EmbeddedProducer implements Producer {
  readonly #services: ProducerServices
  readonly #life: ProducerLife
  readonly #timeoutMs: number
  /** Next sequence by index of the target; starts anew with every identity. */
  #sequences: number[] = []
  #identity: ProducerIdentity = { producerId: -1, epoch: -1 }

  constructor(services: ProducerServices, options: ProducerOptions) {
    this.#services = services
    this.#life = new ProducerLife(options.transactionalId, 'ready')
    this.#timeoutMs = options.transactionTimeoutMs ?? DEFAULT_TRANSACTION_TIMEOUT_MS
  }

  async init(): Promise<void> {
    this.#life.unsettle()
    const { transactions } = this.#services
    const id = this.#life.transactionalId
    this.#become(
      id === undefined ? await transactions.allocate() : await transactions.init(id, this.#timeoutMs),
    )
    this.#life.settle()
  }

  target(topic: string, partition: number): ProduceTarget {
    return this.#life.target(topic, partition)
  }

  buffer(): SendBuffer {
    return new BatchBuffer(({ topic }) => {
      const limit = Number(this.#services.topics.config(topic)?.['max.message.bytes'])
      return { bytes: limit > 0 ? limit : DEFAULT_BATCH_LIMIT, latest: Infinity, needsKey: false }
    })
  }

  async send(buffer: SendBuffer): Promise<readonly SentPartition[]> {
    if (this.#life.needsId) await this.init()
    this.#life.checkReady('send')
    if (!(buffer instanceof BatchBuffer)) {
      throw sluiceError('SLUICE_INTERNAL', { place: 'send', problem: 'the buffer is not one of this broker' })
    }
    return this.#orFail(async () => {
      const batches = buffer.take()
      const partitions = batches.map(({ target }) => this.#writable(target))
      this.#touch(partitions)
      const sent = batches.map((batch, i) => this.#append(batch, partitions[i]!))
      await allFlushed(partitions)
      return sent
    })
  }

  async sendOffsets(offsets: readonly CommittedOffset[], fence: GroupFence): Promise<void> {
    this.#life.checkReady('sendOffsets')
    const id = this.#life.requireTransactional('sendOffsets')
    await this.#orFail(async () => {
      const { groups, transactions } = this.#services
      groups.check(fence)
      transactions.touchOffsets(id, this.#identity)
      const { producerId, epoch } = this.#identity
      await this.#services.offsets.addPending(fence.group, offsets, producerId, epoch)
    })
  }

  async commit(): Promise<void> {
    this.#life.checkReady('commit')
    await this.#end('commit')
  }

  async abort(): Promise<void> {
    this.#life.forgive()
    this.#life.checkReady('abort')
    await this.#end('abort')
  }

  /** Aborts what is open; nobody waits for a timeout then. */
  async close(): Promise<void> {
    const id = this.#life.transactionalId
    if (!this.#life.close() || id === undefined) return
    await this.#services.transactions.end(id, this.#identity, 'abort').catch((error: unknown) => {
      // Fenced: the transaction is over. A broken disk: it ends when the folder is opened again.
      if (!isSluiceError(error)) throw error
    })
  }

  async #end(outcome: Outcome): Promise<void> {
    const id = this.#life.requireTransactional(outcome)
    this.#life.unsettle()
    const next = await this.#services.transactions
      .end(id, this.#identity, outcome)
      .catch((error: unknown) => {
        this.#life.noteFencing(error)
        throw error
      })
    if (next !== this.#identity) this.#become(next)
    this.#life.settle()
  }

  #become(identity: ProducerIdentity): void {
    this.#life.renew()
    this.#identity = identity
    this.#sequences = []
  }

  #append({ target, writers }: TargetBatches, partition: Partition): SentPartition {
    const { producerId, epoch: producerEpoch } = this.#identity
    const transactional = this.#life.transactionalId !== undefined
    let lastOffset = -1
    for (const writer of writers) {
      const baseSequence = this.#sequences[target.index] ?? 0
      const count = writer.records
      const batch = writer.finish({ producerId, producerEpoch, baseSequence, transactional })
      lastOffset = partition.append(batch, true)
      this.#sequences[target.index] = nextSequence(baseSequence, count)
    }
    return { topic: target.topic, partition: target.partition, lastOffset }
  }

  #writable({ topic, partition }: ProduceTarget): Partition {
    if (isInternal(topic)) throw this.#services.topics.missing(topic)
    return this.#services.topics.partition(topic, partition)
  }

  #touch(partitions: readonly Partition[]): void {
    const id = this.#life.transactionalId
    if (id === undefined) return
    for (const partition of partitions) this.#services.transactions.touch(id, this.#identity, partition)
  }

  /** Until the transaction is aborted nothing may be added to one of which a part is missing. */
  async #orFail<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      this.#life.fail(error)
      throw error
    }
  }
}

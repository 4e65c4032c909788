/**
 * One producer: stamps batches with its identity and sequences, and walks through its transactions. What it says it sent is
 * durable; what it does not know, it says. It never decides about a transaction: that does its coordinator.
 */
import type {
  CommittedOffset,
  GroupFence,
  ProduceTarget,
  Producer,
  ProducerOptions,
  SendBuffer,
  SentPartition,
} from '../../../core/broker.ts'
import { partitionId } from '../../../core/record.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { isSluiceError, sluiceError } from '../../../core/errors.ts'
import type { Compression } from '../../record-batch/compress.ts'
import { compressBatch } from '../../record-batch/compress.ts'
import { ProducerLife } from '../../producer-life.ts'
import { nextSequence } from '../../record-batch/header.ts'
import type { TargetBatches } from '../../record-batch/send-buffer.ts'
import { BatchBuffer } from '../../record-batch/send-buffer.ts'
import { topicConfigs } from '../admin/configs.ts'
import type { Parts } from '../ask.ts'
import type { Members } from '../group/members.ts'
import type { Identity, Outcome, Transactional } from './coordinator.ts'
import {
  addOffsets,
  addPartitions,
  endTransaction,
  initTransactional,
  newIdentity,
  secondProtocol,
} from './coordinator.ts'
import type { TopicLimits } from './limits.ts'
import { commitInTransaction } from './offsets.ts'
import type { PartitionQueue } from './sender.ts'
import { sendAll } from './sender.ts'

const DEFAULT_TRANSACTION_TIMEOUT_MS = 10_000
/** A broker that crashed needs half a minute to come back; records are not given up before, as in Java. */
const DELIVERY_MS = 120_000
/** A closing producer does not wait long for its last abort: the broker aborts by itself when time is up. */
const CLOSING_MS = 3_000
/** Batches of transactions of the first protocol; the next version would add partitions by itself. */
const FIRST_PRODUCE = 11
const NOBODY: Identity = { producerId: -1, epoch: -1 }

export interface ProducerServices {
  readonly parts: Parts
  readonly limits: TopicLimits
  readonly members: Members
  readonly compression: Compression
  /** The error for a topic that is not there, with the names that are like it. */
  missing(topic: string): Promise<SluiceError>
}

export class KafkaProducer implements Producer {
  readonly #services: ProducerServices
  readonly #life: ProducerLife
  readonly #timeoutMs: number
  /** Next sequence by index of the target; starts anew with every identity. */
  #sequences: number[] = []
  #identity: Identity = NOBODY
  /** Transactions of the second protocol; looked at by `init`. */
  #second = false
  /** The coordinator may know of a transaction. */
  #open = false
  /** What the first protocol was told of in this transaction. */
  readonly #added = new Set<string>()
  /** A batch has an unknown fate: its sequence may not be used by another one. */
  #unsure = false

  constructor(services: ProducerServices, options: ProducerOptions) {
    this.#services = services
    this.#life = new ProducerLife(options.transactionalId, 'new')
    this.#timeoutMs = options.transactionTimeoutMs ?? DEFAULT_TRANSACTION_TIMEOUT_MS
  }

  async init(): Promise<void> {
    this.#life.unsettle()
    const { parts } = this.#services
    const id = this.#life.transactionalId
    this.#second = secondProtocol(parts)
    this.#become(
      id === undefined ? await newIdentity(parts) : await initTransactional(parts, id, this.#timeoutMs),
    )
    this.#ended()
    this.#life.settle()
  }

  target(topic: string, partition: number): ProduceTarget {
    return this.#life.target(topic, partition)
  }

  buffer(): SendBuffer {
    return new BatchBuffer(({ topic }) => this.#services.limits.of(topic))
  }

  async send(buffer: SendBuffer): Promise<readonly SentPartition[]> {
    if (this.#life.needsId) await this.init()
    this.#life.checkReady('send')
    if (!(buffer instanceof BatchBuffer)) {
      throw sluiceError('SLUICE_INTERNAL', { place: 'send', problem: 'the buffer is not one of this broker' })
    }
    return this.#orFail(() => this.#sendBatches(buffer.take()))
  }

  async sendOffsets(offsets: readonly CommittedOffset[], fence: GroupFence): Promise<void> {
    this.#life.checkReady('sendOffsets')
    await this.#orFail(async () => {
      const { parts, members } = this.#services
      const transactional = this.#transactional('sendOffsets')
      members.check(fence)
      this.#open = true
      if (!this.#second && !this.#added.has(fence.group)) await addOffsets(parts, transactional, fence.group)
      this.#added.add(fence.group)
      await commitInTransaction(parts, members, transactional, offsets, fence)
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
    if (!this.#life.close() || !this.#open) return
    const { parts } = this.#services
    await endTransaction(parts, this.#transactional('close'), 'abort', CLOSING_MS).catch((error: unknown) => {
      // Fenced: the transaction is over. Nobody reached: it is when its time is up.
      if (!isSluiceError(error)) throw error
    })
  }

  async #sendBatches(batches: readonly TargetBatches[]): Promise<readonly SentPartition[]> {
    if (batches.length === 0) return []
    const { parts, limits } = this.#services
    await this.#begin(batches.map(({ target }) => target))
    this.#unsure = true
    const queues = batches.map((batch) => this.#stamp(batch))
    await sendAll(parts, queues, {
      transactionalId: this.#life.transactionalId ?? null,
      maxVersion: this.#life.transactionalId !== undefined && !this.#second ? FIRST_PRODUCE : undefined,
      patienceMs: DELIVERY_MS,
      limitOf: (topic) => limits.of(topic).bytes,
    })
    this.#unsure = false
    return queues.map(({ topic, partition, lastOffset }) => ({ topic, partition, lastOffset }))
  }

  /** What must be known before batches are stamped: that the partitions are there, and in the transaction. */
  async #begin(targets: readonly ProduceTarget[]): Promise<void> {
    const { parts } = this.#services
    for (const { topic, partition } of targets) {
      if (parts.cluster.leaderNow(topic, partition) === undefined)
        await parts.cluster.leader(topic, partition)
    }
    if (this.#life.transactionalId === undefined) return
    this.#open = true
    const added = targets.filter(({ topic, partition }) => !this.#added.has(partitionId(topic, partition)))
    if (this.#second || added.length === 0) return
    await addPartitions(parts, this.#transactional('send'), added)
    for (const { topic, partition } of added) this.#added.add(partitionId(topic, partition))
  }

  #stamp({ target, writers }: TargetBatches): PartitionQueue {
    const { producerId, epoch: producerEpoch } = this.#identity
    const transactional = this.#life.transactionalId !== undefined
    const batches = writers.map((writer) => {
      const baseSequence = this.#sequences[target.index] ?? 0
      this.#sequences[target.index] = nextSequence(baseSequence, writer.records)
      const batch = writer.finish({ producerId, producerEpoch, baseSequence, transactional })
      return compressBatch(batch, this.#services.compression)
    })
    return { topic: target.topic, partition: target.partition, batches, lastOffset: -1 }
  }

  async #end(outcome: Outcome): Promise<void> {
    const transactional = this.#transactional(outcome)
    if (!this.#open) return
    this.#life.unsettle()
    try {
      this.#become(await this.#endAt(transactional, outcome))
    } catch (error) {
      this.#life.noteFencing(error)
      throw error
    }
    this.#ended()
    this.#life.settle()
  }

  async #endAt(transactional: Transactional, outcome: Outcome): Promise<Identity> {
    const { parts } = this.#services
    const next = await endTransaction(parts, transactional, outcome)
    const id = transactional.transactionalId
    // Batches that never arrived may still be on their way: nobody may take them under the next epoch.
    if (next === undefined) return initTransactional(parts, id, this.#timeoutMs)
    if (this.#second || !this.#unsure) return next
    return initTransactional(parts, id, this.#timeoutMs, next)
  }

  #ended(): void {
    this.#open = false
    this.#unsure = false
    this.#added.clear()
  }

  #become(identity: Identity): void {
    this.#life.renew()
    // Sequences go on within an epoch, and begin anew with the next.
    const { producerId, epoch } = this.#identity
    if (identity.producerId !== producerId || identity.epoch !== epoch) this.#sequences = []
    this.#identity = identity
  }

  /** Until the transaction is aborted nothing may be added to one of which a part is missing. */
  async #orFail<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      this.#life.fail(error)
      await this.#learn(error)
      throw await this.#named(error)
    }
  }

  /** Limits that were not known: from now on such a record fails at `append`. */
  async #learn(error: unknown): Promise<void> {
    if (!isSluiceError(error, 'SLUICE_RECORD_REFUSED', 'SLUICE_RECORD_TOO_LARGE')) return
    const { parts, limits } = this.#services
    await topicConfigs(parts, limits, [String(error.details.topic)]).catch((problem: unknown) => {
      if (!isSluiceError(problem)) throw problem
    })
  }

  async #named(error: unknown): Promise<unknown> {
    if (!isSluiceError(error, 'SLUICE_TOPIC_MISSING')) return error
    return this.#services.missing(String(error.details.topic)).catch(() => error)
  }

  #transactional(operation: string): Transactional {
    const transactionalId = this.#life.requireTransactional(operation)
    return { ...this.#identity, transactionalId, second: this.#second }
  }
}

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
import { partitionId } from '../../core/record.ts'
import type { SluiceError } from '../../core/errors.ts'
import { isSluiceError, sluiceError } from '../../core/errors.ts'
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

/**
 * new ──init──▶ ready ──send / sendOffsets──▶ ready ──commit / abort──▶ ready
 *                 │ a failed send: only abort or init may follow           │ fenced, unknown: only init
 *                 ▼                                                        ▼
 *              failed                                                    fenced
 */
type State = 'new' | 'ready' | 'failed' | 'fenced' | 'closed'

export class EmbeddedProducer implements Producer {
  readonly #services: ProducerServices
  readonly #transactionalId: string | undefined
  readonly #timeoutMs: number
  readonly #targets = new Map<string, ProduceTarget>()
  /** Next sequence by index of the target; starts anew with every identity. */
  #sequences: number[] = []
  #identity: ProducerIdentity = { producerId: -1, epoch: -1 }
  #state: State = 'new'
  #fencedBy: SluiceError | undefined

  constructor(services: ProducerServices, options: ProducerOptions) {
    this.#services = services
    this.#transactionalId = options.transactionalId
    this.#timeoutMs = options.transactionTimeoutMs ?? DEFAULT_TRANSACTION_TIMEOUT_MS
  }

  async init(): Promise<void> {
    this.#checkOpen()
    const { transactions } = this.#services
    const id = this.#transactionalId
    this.#state = 'fenced'
    this.#become(
      id === undefined ? await transactions.allocate() : await transactions.init(id, this.#timeoutMs),
    )
    this.#checkOpen()
    this.#state = 'ready'
  }

  target(topic: string, partition: number): ProduceTarget {
    const key = partitionId(topic, partition)
    const known = this.#targets.get(key)
    if (known !== undefined) return known
    const target = Object.freeze({ topic, partition, index: this.#targets.size })
    this.#targets.set(key, target)
    return target
  }

  buffer(): SendBuffer {
    return new BatchBuffer(({ topic }) => {
      const limit = Number(this.#services.topics.config(topic)?.['max.message.bytes'])
      return { bytes: limit > 0 ? limit : DEFAULT_BATCH_LIMIT, latest: Infinity, needsKey: false }
    })
  }

  async send(buffer: SendBuffer): Promise<readonly SentPartition[]> {
    if (this.#isNew()) await this.init()
    this.#checkReady('send')
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
    this.#checkReady('sendOffsets')
    const id = this.#transactional('sendOffsets')
    await this.#orFail(async () => {
      const { groups, transactions } = this.#services
      groups.check(fence)
      transactions.touchOffsets(id, this.#identity)
      const { producerId, epoch } = this.#identity
      await this.#services.offsets.addPending(fence.group, offsets, producerId, epoch)
    })
  }

  async commit(): Promise<void> {
    this.#checkReady('commit')
    await this.#end('commit')
  }

  async abort(): Promise<void> {
    if (this.#state === 'failed') this.#state = 'ready'
    this.#checkReady('abort')
    await this.#end('abort')
  }

  /** Aborts what is open; nobody waits for a timeout then. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    const live = this.#state === 'ready' || this.#state === 'failed'
    this.#state = 'closed'
    const id = this.#transactionalId
    if (!live || id === undefined) return
    await this.#services.transactions.end(id, this.#identity, 'abort').catch((error: unknown) => {
      // Fenced: the transaction is over. A broken disk: it ends when the folder is opened again.
      if (!isSluiceError(error)) throw error
    })
  }

  async #end(outcome: Outcome): Promise<void> {
    const id = this.#transactional(outcome)
    this.#state = 'fenced'
    const next = await this.#services.transactions
      .end(id, this.#identity, outcome)
      .catch((error: unknown) => {
        this.#noteFencing(error)
        throw error
      })
    if (next !== this.#identity) this.#become(next)
    this.#checkOpen()
    this.#state = 'ready'
  }

  #noteFencing(error: unknown): void {
    if (!isSluiceError(error, 'SLUICE_PRODUCER_FENCED') || this.#state === 'closed') return
    this.#state = 'fenced'
    this.#fencedBy = error
  }

  #become(identity: ProducerIdentity): void {
    this.#fencedBy = undefined
    this.#identity = identity
    this.#sequences = []
  }

  #append({ target, writers }: TargetBatches, partition: Partition): SentPartition {
    const { producerId, epoch: producerEpoch } = this.#identity
    const transactional = this.#transactionalId !== undefined
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
    const id = this.#transactionalId
    if (id === undefined) return
    for (const partition of partitions) this.#services.transactions.touch(id, this.#identity, partition)
  }

  /** Until the transaction is aborted nothing may be added to one of which a part is missing. */
  async #orFail<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      if (this.#transactionalId !== undefined && this.#state === 'ready') this.#state = 'failed'
      this.#noteFencing(error)
      throw error
    }
  }

  /** An idempotent producer gets its id with the first send. */
  #isNew(): boolean {
    return this.#state === 'new' && this.#transactionalId === undefined
  }

  #checkReady(operation: string): void {
    this.#checkOpen()
    if (this.#state !== 'ready') throw this.#wrongState(operation)
  }

  #wrongState(operation: string): Error {
    if (this.#fencedBy !== undefined) return this.#fencedBy
    const problems = {
      new: 'init comes first',
      failed: 'a part of the transaction failed, only abort may follow',
      fenced: 'it was replaced or its last outcome is unknown, only init may follow',
    } as Readonly<Record<string, string>>
    const transactionalId = this.#transactionalId ?? '(idempotent)'
    return sluiceError('SLUICE_TXN_STATE', { transactionalId, operation, problem: problems[this.#state] })
  }

  #transactional(operation: string): string {
    if (this.#transactionalId !== undefined) return this.#transactionalId
    throw sluiceError('SLUICE_TXN_STATE', {
      transactionalId: '(idempotent)',
      operation,
      problem: 'the producer was made without a transactional id',
    })
  }

  #checkOpen(): void {
    if (this.#state === 'closed') throw sluiceError('SLUICE_CLOSED', { what: 'the producer' })
  }
}

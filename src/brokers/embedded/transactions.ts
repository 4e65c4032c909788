/**
 * The transaction coordinator: who may write under a transactional id, and how a transaction ends. It must never write a
 * commit marker before the decision is durable, nor hand out an epoch before the transaction of the old one is over.
 *
 *   idle ──touch──▶ open ──end / timeout / init──▶ ending ──markers durable──▶ idle (next epoch)
 *
 * Every end takes a new epoch at once (as KIP-890 does), so that nothing late can slip into the next transaction, and a
 * data batch found after a crash belongs to the decision that names its producer id and epoch, or to none.
 */
import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { Bytes } from '../../core/record.ts'
import { isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import { BatchWriter, controlBatch } from '../record-batch/writer.ts'
import {
  decodeTransaction,
  decodeTransactionKey,
  encodeTransaction,
  encodeTransactionKey,
} from './internal-records.ts'
import type { TransactionStatus } from './internal-records.ts'
import type { Offsets } from './offsets.ts'
import type { Partition } from './partition.ts'
import { allFlushed } from './partition.ts'
import type { ProducerIds } from './producer-ids.ts'

/** The largest epoch that still has a successor in 16 bits. */
const LAST_EPOCH = 32_766

export type Outcome = 'commit' | 'abort'

export interface ProducerIdentity {
  readonly producerId: number
  readonly epoch: number
}

interface Ended extends ProducerIdentity {
  outcome: Outcome
  readonly partitions: Set<Partition>
  /** The decision is durable: only markers are missing. */
  decided: boolean
}

interface TransactionalId {
  readonly id: string
  producerId: number
  epoch: number
  timeoutMs: number
  open: { readonly partitions: Set<Partition>; readonly timer: Timer } | undefined
  /** A transaction that was ended and whose markers are not all durable. */
  ended: Ended | undefined
  ending: Promise<void> | undefined
}

export class Transactions {
  readonly #log: Partition
  readonly #offsetsLog: Partition
  readonly #offsets: Offsets
  readonly #ids: ProducerIds
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #known = new Map<string, TransactionalId>()

  constructor(parts: {
    readonly log: Partition
    readonly offsetsLog: Partition
    readonly offsets: Offsets
    readonly ids: ProducerIds
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#log = parts.log
    this.#offsetsLog = parts.offsetsLog
    this.#offsets = parts.offsets
    this.#ids = parts.ids
    this.#clock = parts.clock
    this.#logger = parts.logger
  }

  /** Identity of a producer without transactions. */
  async allocate(): Promise<ProducerIdentity> {
    await this.#ids.ready()
    return { producerId: this.#ids.take(), epoch: 0 }
  }

  /**
   * Fences the former owner at once, waits until its transaction is over, and gives the next epoch.
   * @throws SLUICE_PRODUCER_FENCED when a later `init` of the same id came meanwhile
   */
  async init(id: string, timeoutMs: number): Promise<ProducerIdentity> {
    await this.#ids.ready()
    const state = this.#known.get(id) ?? this.#add(id)
    state.timeoutMs = timeoutMs
    if (state.open === undefined) this.#bump(state)
    const ending = state.open === undefined ? state.ending : this.#end(state, 'abort')
    const mine = identityOf(state)
    await ending?.catch(() => undefined)
    if (state.ended !== undefined) await this.#run(state, state.ended)
    this.#check(state, mine)
    this.#record(state, mine, 'empty', [])
    await this.#log.flushed()
    this.#check(state, mine)
    return mine
  }

  /** Adds a partition to the transaction, opening it if need be. @throws SLUICE_PRODUCER_FENCED */
  touch(id: string, identity: ProducerIdentity, partition: Partition): void {
    const state = this.#owned(id, identity)
    if (state.open === undefined) {
      const timer = this.#clock.setTimer(state.timeoutMs, () => this.#timedOut(state, identity))
      state.open = { partitions: new Set(), timer }
    }
    state.open.partitions.add(partition)
  }

  /** Adds the offsets log. @throws SLUICE_PRODUCER_FENCED */
  touchOffsets(id: string, identity: ProducerIdentity): void {
    this.touch(id, identity, this.#offsetsLog)
  }

  /** Ends the open transaction, if any. @returns the identity for the next one @throws SLUICE_PRODUCER_FENCED */
  async end(id: string, identity: ProducerIdentity, outcome: Outcome): Promise<ProducerIdentity> {
    const state = this.#owned(id, identity)
    if (state.open === undefined) return identity
    const ended = this.#end(state, outcome)
    const next = identityOf(state)
    await ended
    // The transaction is over: that ids for later cannot be reserved must not make its end an error. `init` tries again.
    await this.#ids.ready().catch(() => undefined)
    return next
  }

  /** Replays one record of the state log on open; the last one of an id counts. */
  replay(keyBytes: Bytes, value: Bytes | null): void {
    if (value === null) return
    const id = decodeTransactionKey(keyBytes)
    const { producerId, producerEpoch, timeoutMs, status } = decodeTransaction(value)
    const ended: Ended | undefined =
      status === 'prepareCommit'
        ? { producerId, epoch: producerEpoch, outcome: 'commit', partitions: new Set(), decided: true }
        : undefined
    // The epoch after the recorded one may have been in use without a record.
    const epoch = producerEpoch + 1
    this.#known.set(id, { id, producerId, epoch, timeoutMs, open: undefined, ended, ending: undefined })
  }

  /** After `replay`: what to do with a transaction found open in a log, whose owner is dead. */
  fate(producerId: number, epoch: number): Outcome {
    for (const { ended } of this.#known.values()) {
      if (ended?.producerId === producerId && ended.epoch === epoch) return ended.outcome
    }
    return 'abort'
  }

  /** After `replay`, once all markers found missing are durable. */
  recovered(): void {
    for (const state of this.#known.values()) {
      if (state.ended === undefined) continue
      this.#record(state, state.ended, 'completeCommit', [])
      state.ended = undefined
    }
  }

  /** Stops the timers. */
  close(): void {
    for (const { open } of this.#known.values()) open?.timer.cancel()
  }

  #add(id: string): TransactionalId {
    const producerId = this.#ids.take()
    const state = {
      id,
      producerId,
      epoch: -1,
      timeoutMs: 0,
      open: undefined,
      ended: undefined,
      ending: undefined,
    }
    this.#known.set(id, state)
    return state
  }

  #owned(id: string, identity: ProducerIdentity): TransactionalId {
    const state = this.#known.get(id)
    if (state === undefined)
      throw sluiceError('SLUICE_PRODUCER_FENCED', { transactionalId: id, epoch: identity.epoch })
    this.#check(state, identity)
    return state
  }

  #check(state: TransactionalId, { producerId, epoch }: ProducerIdentity): void {
    if (state.producerId === producerId && state.epoch === epoch) return
    throw sluiceError('SLUICE_PRODUCER_FENCED', { transactionalId: state.id, epoch: state.epoch })
  }

  #bump(state: TransactionalId): void {
    if (state.epoch < LAST_EPOCH) state.epoch++
    else {
      state.producerId = this.#ids.take()
      state.epoch = 0
    }
  }

  #timedOut(state: TransactionalId, identity: ProducerIdentity): void {
    if (state.open === undefined || state.epoch !== identity.epoch) return
    this.#logger.warn(
      { transactionalId: state.id, timeoutMs: state.timeoutMs },
      'transaction timed out: aborted',
    )
    this.#end(state, 'abort').catch((error: unknown) => {
      this.#logger.error({ transactionalId: state.id, problem: problemOf(error) }, 'abort failed')
    })
  }

  /** Takes the transaction from its owner in this very turn, then ends it. */
  #end(state: TransactionalId, outcome: Outcome): Promise<void> {
    const { partitions, timer } = state.open!
    timer.cancel()
    const { producerId, epoch } = state
    state.ended = { producerId, epoch, outcome, partitions, decided: false }
    state.open = undefined
    this.#bump(state)
    return this.#run(state, state.ended)
  }

  #run(state: TransactionalId, ended: Ended): Promise<void> {
    state.ending ??= this.#finish(state, ended).finally(() => (state.ending = undefined))
    return state.ending
  }

  /** 1. All data durable. 2. The decision durable (an abort's: before 5). 3. Markers. 4. They are durable: offsets count. 5. Note the end. */
  async #finish(state: TransactionalId, ended: Ended): Promise<void> {
    if (!ended.decided) await this.#decide(state, ended)
    try {
      await this.#mark(ended)
    } catch (error) {
      throw this.#unknownIfCommit(state, ended, error)
    }
    if (state.ended === ended) state.ended = undefined
    this.#offsets.settle(ended.producerId, ended.outcome)
    // Opening the log counts on from the last epoch in it: epochs used without a durable record would be given again, and
    // their successor's first batches be taken for repetitions. A commit's decision is durable by now.
    if (ended.outcome === 'abort') await this.#log.flushed()
    this.#noteComplete(state, ended)
  }

  /** Saves the next open some work; a disk that is full by now must not turn a commit that happened into an error. */
  #noteComplete(state: TransactionalId, ended: Ended): void {
    try {
      this.#record(state, ended, ended.outcome === 'commit' ? 'completeCommit' : 'completeAbort', [])
    } catch (error) {
      this.#logger.warn(
        { transactionalId: state.id, problem: problemOf(error) },
        'end of transaction not noted',
      )
    }
  }

  async #decide(state: TransactionalId, ended: Ended): Promise<void> {
    if (ended.outcome === 'abort') {
      this.#record(state, ended, 'prepareAbort', ended.partitions)
    } else {
      try {
        await allFlushed(alive(ended.partitions))
      } catch (error) {
        ended.outcome = 'abort'
        throw error
      }
      this.#record(state, ended, 'prepareCommit', ended.partitions)
      await this.#log.flushed().catch((error: unknown) => {
        throw this.#unknownIfCommit(state, ended, error)
      })
    }
    ended.decided = true
  }

  async #mark(ended: Ended): Promise<void> {
    const now = this.#clock.now()
    let failure: unknown
    for (const partition of alive(ended.partitions)) {
      try {
        partition.appendOwn(controlBatch(ended.outcome, ended.producerId, ended.epoch, now))
      } catch (error) {
        failure = error
      }
    }
    await allFlushed(alive(ended.partitions))
    if (failure !== undefined) throw failure instanceof Error ? failure : new Error(problemOf(failure))
  }

  #unknownIfCommit(state: TransactionalId, ended: Ended, error: unknown): Error {
    if (ended.outcome === 'commit') {
      return sluiceError('SLUICE_TXN_OUTCOME_UNKNOWN', { transactionalId: state.id }, error)
    }
    return isSluiceError(error) ? error : new Error(problemOf(error), { cause: error })
  }

  #record(
    state: TransactionalId,
    { producerId, epoch }: ProducerIdentity,
    status: TransactionStatus,
    partitions: Iterable<Partition>,
  ): void {
    const now = this.#clock.now()
    const value = encodeTransaction(
      {
        producerId,
        producerEpoch: epoch,
        timeoutMs: state.timeoutMs,
        status,
        partitions: Array.from(partitions, ({ topic, index }) => ({ topic, partition: index })),
      },
      now,
    )
    const writer = new BatchWriter()
    writer.append(encodeTransactionKey(state.id), value, now, [])
    this.#log.appendOwn(writer.finish())
  }
}

/** A topic may be deleted while a transaction holds records in it; they are gone with it. */
function alive(partitions: Iterable<Partition>): readonly Partition[] {
  return Array.from(partitions).filter(({ deleted }) => !deleted)
}

function identityOf({ producerId, epoch }: ProducerIdentity): ProducerIdentity {
  return { producerId, epoch }
}

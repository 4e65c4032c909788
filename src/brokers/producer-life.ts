/**
 * What a producer may do next, by the rules of the port; the same for every broker, so that fencing never depends on which one
 * it is. It decides nothing about a transaction and knows no sequences: that is each producer's own business.
 *
 * new ──init──▶ ready ──send / sendOffsets──▶ ready ──commit / abort──▶ ready
 *                 │ a failed send: only abort or init may follow           │ fenced, unknown: only init
 *                 ▼                                                        ▼
 *              failed                                                    fenced
 */
import type { ProduceTarget } from '../core/broker.ts'
import type { SluiceError } from '../core/errors.ts'
import { isSluiceError, sluiceError } from '../core/errors.ts'
import { partitionId } from '../core/record.ts'

type State = 'new' | 'ready' | 'failed' | 'fenced' | 'closed'

export class ProducerLife {
  /** Undefined: an idempotent producer, which gets its id with the first send. */
  readonly transactionalId: string | undefined
  readonly #idempotentAfterFailure: 'new' | 'ready'
  readonly #targets = new Map<string, ProduceTarget>()
  #state: State = 'new'
  #fencedBy: SluiceError | undefined

  /** @param idempotentAfterFailure whether an idempotent producer needs a new id after a send that failed */
  constructor(transactionalId: string | undefined, idempotentAfterFailure: 'new' | 'ready') {
    this.transactionalId = transactionalId
    this.#idempotentAfterFailure = idempotentAfterFailure
  }

  /** Dense numbers by topic and partition, the same object each time. */
  target(topic: string, partition: number): ProduceTarget {
    const key = partitionId(topic, partition)
    const known = this.#targets.get(key)
    if (known !== undefined) return known
    const target = Object.freeze({ topic, partition, index: this.#targets.size })
    this.#targets.set(key, target)
    return target
  }

  /** True when the first send must init by itself. */
  get needsId(): boolean {
    return this.#state === 'new' && this.transactionalId === undefined
  }

  /** Before a call whose outcome decides what the producer is: until `settle` only init may follow. @throws SLUICE_CLOSED */
  unsettle(): void {
    this.checkOpen()
    this.#state = 'fenced'
  }

  /** It has an identity again. */
  renew(): void {
    this.#fencedBy = undefined
  }

  /** @throws SLUICE_CLOSED when it was closed meanwhile */
  settle(): void {
    this.checkOpen()
    this.#state = 'ready'
  }

  /** Before an abort: what failed in the transaction goes with it. */
  forgive(): void {
    if (this.#state === 'failed') this.#state = 'ready'
  }

  /** Until the transaction is aborted nothing may be added to one of which a part is missing. */
  fail(error: unknown): void {
    if (this.#state === 'ready')
      this.#state = this.transactionalId === undefined ? this.#idempotentAfterFailure : 'failed'
    this.noteFencing(error)
  }

  noteFencing(error: unknown): void {
    if (!isSluiceError(error, 'SLUICE_PRODUCER_FENCED') || this.#state === 'closed') return
    this.#state = 'fenced'
    this.#fencedBy = error
  }

  /** @returns whether it was alive: a transaction may be left to abort */
  close(): boolean {
    const alive = this.#state === 'ready' || this.#state === 'failed'
    this.#state = 'closed'
    return alive
  }

  /** @throws SLUICE_CLOSED, SLUICE_TXN_STATE, SLUICE_PRODUCER_FENCED */
  checkReady(operation: string): void {
    this.checkOpen()
    if (this.#state !== 'ready') throw this.#wrongState(operation)
  }

  /** @throws SLUICE_CLOSED */
  checkOpen(): void {
    if (this.#state === 'closed') throw sluiceError('SLUICE_CLOSED', { what: 'the producer' })
  }

  /** @throws SLUICE_TXN_STATE for a producer without one */
  requireTransactional(operation: string): string {
    if (this.transactionalId !== undefined) return this.transactionalId
    const problem = 'the producer was made without a transactional id'
    throw sluiceError('SLUICE_TXN_STATE', { transactionalId: '(idempotent)', operation, problem })
  }

  #wrongState(operation: string): Error {
    if (this.#fencedBy !== undefined) return this.#fencedBy
    const problems = {
      new: 'init comes first',
      failed: 'a part of the transaction failed, only abort may follow',
      fenced: 'it was replaced or its last outcome is unknown, only init may follow',
    } as Readonly<Record<string, string>>
    const transactionalId = this.transactionalId ?? '(idempotent)'
    return sluiceError('SLUICE_TXN_STATE', { transactionalId, operation, problem: problems[this.#state] })
  }
}

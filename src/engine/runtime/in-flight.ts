/**
 * Records that an asynchronous operator of one task has taken and not yet answered: the only place that knows what is
 * safe to commit. It keeps the ledger (an entry for each record still pending at a commit, deleted in the generation that
 * emits its outcome) and hands outcomes back to the loop. After `close` nothing is ever forwarded.
 */
import type {
  AsyncHost,
  AsyncOperator,
  AsyncOperatorFactory,
  AsyncOutcome,
  Ticket,
} from '../../core/async-operator.ts'
import { isSluiceError, sluiceError } from '../../core/errors.ts'
import type { LedgerCodec, Next } from '../../core/processor.ts'
import { FlowRecord } from '../../core/record.ts'
import type { Bytes } from '../../core/record.ts'
import { encodedBytes, type Serde } from '../../core/serde.ts'
import type { KeyValueStore } from '../state/key-value.ts'
import type { DeadLetters } from './dead-letter.ts'
import { letterOf } from './dead-letter.ts'
import {
  decodeLedgerEntry,
  encodeLedgerEntry,
  keptKey,
  keptName,
  sequenceKey,
  sequenceOf,
} from './ledger-entry.ts'
import { serialize } from './output.ts'

/** Bytes of an entry: Kafka's default limit of a batch, less what a batch adds to a record. */
const ENTRY_LIMIT = 1_048_588 - 200

interface Pending {
  readonly ticket: Ticket
  readonly admittedAt: number
  /** Attempts written in the ledger entry; -1 without an entry. */
  ledgered: number
  settled: boolean
}

export interface InFlightParts {
  readonly node: string
  readonly factory: AsyncOperatorFactory
  readonly codec: LedgerCodec
  readonly ledger: KeyValueStore<Bytes, Bytes>
  readonly next: Next
  readonly host: Omit<AsyncHost, 'settle' | 'node'>
  readonly deadLetters: DeadLetters
  readonly holdTimeMs: number
  /** Key bytes as read are those the codec would write: a restored ticket must get the same order key as a new one. */
  readonly reuseKey: boolean
  /** An outcome arrived: the loop should look. */
  readonly wake: () => void
  readonly drop: (record: FlowRecord, reason: string) => void
}

export class InFlight {
  readonly node: string
  readonly #parts: InFlightParts
  readonly #operator: AsyncOperator
  readonly #pending = new Map<number, Pending>()
  #settled: { pending: Pending; outcome: AsyncOutcome }[] = []
  #nextSequence = 0
  #closed = false

  constructor(parts: InFlightParts) {
    this.node = parts.node
    this.#parts = parts
    this.#operator = parts.factory.open({
      ...parts.host,
      node: parts.node,
      settle: (ticket, outcome) => this.#settle(ticket, outcome),
    })
    const labels = { task: parts.host.task, node: parts.node }
    parts.host.metrics.gauge('in-flight-records', sizeOf(this.#pending), labels)
  }

  get size(): number {
    return this.#pending.size
  }

  /** The task takes no further record while this is true. */
  get full(): boolean {
    return this.#operator.full
  }

  get hasOutcomes(): boolean {
    return this.#settled.length > 0
  }

  admit(record: FlowRecord): void {
    const now = this.#parts.host.clock.now()
    const ticket: Ticket = {
      sequence: this.#nextSequence++,
      record,
      orderKey: this.#orderKey(record),
      deadline: now + this.#parts.factory.deadlineMs,
      attempts: 0,
    }
    this.#add(ticket, now, -1)
  }

  /**
   * Admits what the ledger holds, in admission order, before any new record.
   * @param replayed whether the source will hand out that record (again): without transactions an entry may be in the log although
   * its offset was never committed, and admitted now it would overtake older records of its key that are read again too
   */
  restore(replayed: (topic: string, partition: number, offset: number) => boolean): void {
    const now = this.#parts.host.clock.now()
    for (const [key, bytes] of this.#loadKept()) {
      const sequence = sequenceOf(key)
      const entry = decodeLedgerEntry(bytes)
      this.#nextSequence = sequence + 1
      if (replayed(entry.topic, entry.partition, entry.offset)) {
        this.#parts.ledger.delete(key)
        continue
      }
      const record = new FlowRecord(
        decode(this.#parts.codec.key, entry.key),
        decode(this.#parts.codec.value, entry.value),
        entry.timestamp,
        entry.headers,
        entry.topic,
        entry.partition,
        entry.offset,
        undefined,
        undefined,
      )
      const orderKey = this.#orderKey(record)
      const ticket: Ticket = {
        sequence,
        record,
        orderKey,
        deadline: entry.deadline,
        attempts: entry.attempts,
      }
      this.#add(ticket, now, entry.attempts)
    }
  }

  /**
   * Forwards up to `limit` outcomes, each set as the current record; returns how many. `failed` decides about an error thrown below: the outcome counts as
   * delivered then, its record follows the error policy.
   */
  drain(
    limit: number,
    current: { record: FlowRecord | undefined },
    failed: (error: unknown, record: FlowRecord) => void,
  ): number {
    const count = Math.min(limit, this.#settled.length)
    if (count === 0) return 0
    const batch = count === this.#settled.length ? this.#settled : this.#settled.slice(0, count)
    this.#settled = count === this.#settled.length ? [] : this.#settled.slice(count)
    for (const { pending, outcome } of batch) {
      const { ticket } = pending
      // Given up by a commit after its outcome came: it left as a dead letter already.
      if (!this.#pending.delete(ticket.sequence)) continue
      current.record = ticket.record
      if (pending.ledgered >= 0) this.#parts.ledger.delete(sequenceKey(ticket.sequence))
      try {
        this.#deliver(ticket, outcome)
      } catch (error) {
        failed(error, ticket.record)
      }
    }
    return count
  }

  /** Gives the operator what it kept, which stands behind the records; gives back the entries of these. */
  #loadKept(): readonly [Bytes, Bytes][] {
    const records: [Bytes, Bytes][] = []
    for (const entry of this.#parts.ledger.all()) {
      const name = keptName(entry[0])
      if (name === undefined) records.push(entry)
      else this.#operator.load?.(name, entry[1])
    }
    return records
  }

  #saveKept(): void {
    this.#operator.save?.((name, value) => {
      const key = keptKey(name)
      if (value !== null && key.length + value.length <= ENTRY_LIMIT) this.#parts.ledger.put(key, value)
      else this.#parts.ledger.delete(key)
    })
  }

  /** Step 3 of a commit: an entry for each record that stays pending beyond it. */
  writeLedger(): void {
    this.#saveKept()
    for (const pending of this.#pending.values()) {
      const { ticket } = pending
      if (pending.ledgered === ticket.attempts) continue
      try {
        this.#parts.ledger.put(sequenceKey(ticket.sequence), this.#fitting(ticket))
        pending.ledgered = ticket.attempts
      } catch (error) {
        // It can't be kept over a crash, so it can't be left pending: give it up now, in this transaction.
        if (!isSluiceError(error, 'SLUICE_SERIALIZE', 'SLUICE_RECORD_TOO_LARGE', 'SLUICE_RECORD_REFUSED'))
          throw error
        this.#pending.delete(ticket.sequence)
        if (pending.ledgered >= 0) this.#parts.ledger.delete(sequenceKey(ticket.sequence))
        this.#parts.deadLetters.write(this.#letter(ticket), error)
      }
    }
  }

  /** The lowest event time still pending, or undefined; records older than the hold time no longer hold. */
  lowestPendingTime(): number | undefined {
    const oldest = this.#parts.host.clock.now() - this.#parts.holdTimeMs
    let lowest: number | undefined
    for (const { ticket, admittedAt } of this.#pending.values()) {
      if (admittedAt < oldest) continue
      const time = ticket.record.timestamp
      if (lowest === undefined || time < lowest) lowest = time
    }
    return lowest
  }

  /** Aborts all calls; outcomes that still come are ignored. */
  close(): void {
    this.#closed = true
    this.#settled = []
    this.#pending.clear()
    this.#operator.close()
  }

  #add(ticket: Ticket, now: number, ledgered: number): void {
    this.#pending.set(ticket.sequence, { ticket, admittedAt: now, ledgered, settled: false })
    this.#operator.admit(ticket)
  }

  #settle(ticket: Ticket, outcome: AsyncOutcome): void {
    if (this.#closed) return
    const pending = this.#pending.get(ticket.sequence)
    if (pending === undefined || pending.settled) return
    pending.settled = true
    this.#settled.push({ pending, outcome })
    this.#parts.wake()
  }

  #deliver(ticket: Ticket, outcome: AsyncOutcome): void {
    switch (outcome.kind) {
      case 'emit':
        this.#parts.next(ticket.record.withValue(outcome.value))
        return
      case 'drop':
        this.#parts.drop(ticket.record, outcome.reason)
        return
      case 'dead-letter':
        this.#parts.deadLetters.write(this.#letter(ticket), outcome.error)
        return
      case 'fail':
        throw sluiceError(
          'SLUICE_PROCESSING',
          {
            node: this.node,
            topic: ticket.record.topic,
            partition: ticket.record.partition,
            offset: ticket.record.offset,
            problem: outcome.error.message,
          },
          new FatalOutcome(outcome.error),
        )
    }
  }

  #letter(ticket: Ticket): ReturnType<typeof letterOf> {
    const plain = letterOf(ticket.record, this.node, ticket.attempts)
    try {
      const { key, value } = ticket.record
      return {
        ...plain,
        key:
          plain.key === null ? null : serialize(this.#parts.codec.key, key, 'key', this.node, 'dead letters'),
        value:
          value === null
            ? null
            : serialize(this.#parts.codec.value, value, 'value', this.node, 'dead letters'),
      }
    } catch {
      return plain
    }
  }

  /** The entry of a ticket. @throws SLUICE_RECORD_TOO_LARGE: refused by the broker at the commit, it would fail every start */
  #fitting(ticket: Ticket): Bytes {
    const entry = this.#entry(ticket)
    if (entry.length <= ENTRY_LIMIT) return entry
    const { topic, partition } = ticket.record
    throw sluiceError('SLUICE_RECORD_TOO_LARGE', { size: entry.length, topic, partition, limit: ENTRY_LIMIT })
  }

  #entry(ticket: Ticket): Bytes {
    const { record } = ticket
    const { key, value } = this.#parts.codec
    return encodeLedgerEntry({
      deadline: ticket.deadline,
      attempts: ticket.attempts,
      timestamp: record.timestamp,
      topic: record.topic,
      partition: record.partition,
      offset: record.offset,
      key: record.key === null ? null : encodedBytes(serialize(key, record.key, 'key', this.node, 'ledger')),
      value:
        record.value === null
          ? null
          : encodedBytes(serialize(value, record.value, 'value', this.node, 'ledger')),
      headers: record.headers,
    })
  }

  #orderKey(record: FlowRecord): string | null {
    const { key } = record
    if (key === null || key === undefined) return null
    if (typeof key === 'string') return key
    const bytes =
      record.keyBytes ?? encodedBytes(serialize(this.#parts.codec.key, key, 'key', this.node, 'ledger'))
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  }
}

/** Marks an outcome `fail`: the worker stops whatever the error policy for records says. */
export class FatalOutcome extends Error {
  constructor(cause: unknown) {
    super('enrichment failed and onError is "fail"', { cause })
    this.name = 'FatalOutcome'
  }
}

/** Metrics outlive tasks: made here, where no other closure brings the task's graph and caches into its scope. */
function sizeOf(pending: ReadonlyMap<number, Pending>): () => number {
  return () => pending.size
}

function decode(serde: Serde<unknown>, bytes: Bytes | null): unknown {
  return bytes === null ? null : serde.deserialize(bytes)
}

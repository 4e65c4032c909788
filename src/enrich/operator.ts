/**
 * The asynchronous operator of one task: takes tickets, asks the sources, and gives every ticket exactly one outcome.
 * It must never settle a ticket twice, nor settle anything after `close`.
 */
import type { AsyncHost, AsyncOperator, AsyncOutcome, Ticket } from '../core/async-operator.ts'
import { problemOf, sluiceError } from '../core/errors.ts'
import type { SluiceError } from '../core/errors.ts'
import type { Bytes } from '../core/record.ts'
import type { Span } from '../core/trace.ts'
import { Alarms } from './alarms.ts'
import { Branch } from './branch.ts'
import type { BranchDefinition, Endpoints } from './branch.ts'
import { Concurrency } from './concurrency.ts'
import type { ConcurrencyBounds } from './concurrency.ts'
import { Entry, Question } from './entry.ts'
import type { Desk } from './entry.ts'
import { limitingFactor } from './limiting-factor.ts'
import type { LimitingFactor } from './limiting-factor.ts'
import { Meter } from './meter.ts'
import { operatorMetrics } from './metrics.ts'
import type { OperatorLevels, OperatorMetrics } from './metrics.ts'
import { Order } from './order.ts'
import type { OrderMode } from './order.ts'
import { PendingWindow } from './pending-window.ts'
import type { WindowPolicy } from './pending-window.ts'
import { Slots } from './slots.ts'

export type Fallback = (value: never, error: Error) => unknown

/** All options, complete and checked. */
export interface OperatorDefinition {
  readonly branches: readonly BranchDefinition[]
  readonly endpoints: Endpoints
  /** The field each branch fills; absent: a single source, whose answer becomes the value. */
  readonly fields: readonly string[] | undefined
  readonly fallbacks: readonly (Fallback | undefined)[]
  readonly order: OrderMode
  readonly concurrency: number | ConcurrencyBounds
  readonly window: WindowPolicy
  /** Infinity: no limit of its own. */
  readonly maxPendingPerKey: number
  readonly deadlineMs: number
  readonly onError: 'dead-letter' | 'drop' | 'fail'
}

export function openOperator(definition: OperatorDefinition, host: AsyncHost): AsyncOperator {
  const offline =
    host.http === undefined && definition.branches.find(({ source }) => source.needsHttp === true)
  if (offline !== false && offline !== undefined) {
    throw sluiceError('SLUICE_UNSUPPORTED', {
      what: `${host.node} ${offline.name}`,
      problem: 'it uses HTTP, and this application was started without an HTTP client',
      remedy: 'Start it with an HTTP client.',
    })
  }
  return new EnrichOperator(definition, host)
}

class EnrichOperator implements AsyncOperator, Desk {
  readonly #definition: OperatorDefinition
  readonly #host: AsyncHost
  readonly #alarms: Alarms
  readonly #slots: Slots
  readonly #window: PendingWindow
  readonly #branches: readonly Branch[]
  readonly #order: Order
  readonly #metrics: OperatorMetrics
  #closed = false

  constructor(definition: OperatorDefinition, host: AsyncHost) {
    this.#definition = definition
    this.#host = host
    this.#alarms = new Alarms(host.clock)
    const { branches, concurrency, endpoints, window } = definition
    const bounds = typeof concurrency === 'number' ? undefined : concurrency
    this.#slots = new Slots(typeof concurrency === 'number' ? concurrency : concurrency.start)
    this.#window = new PendingWindow(window, this.#slots)
    const meters = branches.map(() => new Meter())
    const shared = {
      slots: this.#slots,
      alarms: this.#alarms,
      // Nothing is measured that sizes nothing.
      concurrency:
        bounds === undefined && window.records !== undefined
          ? undefined
          : new Concurrency(this.#slots, meters, bounds, () => this.#window.fit(meters)),
    }
    this.#branches = branches.map((one, at) => new Branch(one, host, shared, meters[at]!, endpoints))
    this.#order = new Order(
      definition.order,
      definition.maxPendingPerKey,
      (entry) => this.#begin(entry),
      (entry) => this.#settle(entry),
    )
    this.#metrics = operatorMetrics(host, EnrichOperator.#levels(new WeakRef(this)))
  }

  /** Metrics outlive tasks: a strong reference would keep a closed task's graph and caches in memory. */
  static #levels(self: WeakRef<EnrichOperator>): OperatorLevels {
    const of = (read: (operator: EnrichOperator) => number): number => {
      const operator = self.deref()
      return operator === undefined ? 0 : read(operator)
    }
    return {
      inFlight: () => of((operator) => operator.#slots.running),
      pending: () => of((operator) => operator.#window.records),
      limit: () => of((operator) => operator.#slots.limit),
      window: () => of((operator) => operator.#window.size),
      bytes: () => of((operator) => operator.#window.bytes),
      effects: () =>
        of((operator) => operator.#branches.reduce((sum, { effects }) => sum + (effects?.pending ?? 0), 0)),
      held: () => of((operator) => operator.#order.held),
      limitedBy: () => {
        const operator = self.deref()
        return operator === undefined ? 'none' : operator.#limitedBy()
      },
    }
  }

  #limitedBy(): LimitingFactor {
    const [order, slots, window, branches] = [this.#order, this.#slots, this.#window, this.#branches]
    const freeSlots = slots.limit - slots.running
    return limitingFactor({
      heldByBreaker: branches.reduce((sum, { gate }) => sum + (gate?.breaker.held ?? 0), 0),
      waitingForRate: branches.reduce((sum, { pacer }) => sum + (pacer?.limiter.waiting ?? 0), 0),
      hotKey: order.crowded > 0 || (freeSlots > 0 && window.fullRecords && order.waiting > 0),
      windowFull: window.fullRecords,
      bytesFull: window.fullBytes,
      freeSlots,
      waitingForSlot: slots.waiting,
    })
  }

  get full(): boolean {
    return this.#window.full || this.#order.crowded > 0
  }

  admit(ticket: Ticket): void {
    if (this.#closed) return
    const { clock } = this.#host
    const remaining = ticket.deadline - clock.now()
    const entry = new Entry(ticket, clock.monotonic() + remaining)
    entry.bytes = this.#window.enter(ticket.record)
    entry.span = this.#trace(ticket)
    this.#order.enter(entry)
    // Most records of a cache or of a synchronous source have left by now and need no alarm.
    if (isOpen(entry) && !this.#closed) entry.alarm = this.#alarms.set(remaining, () => this.#missed(entry))
  }

  save(write: (key: string, value: Bytes | null) => void): void {
    for (const [at, branch] of this.#branches.entries())
      branch.save(this.#definition.branches[at]!.name, write)
  }

  load(key: string, value: Bytes): void {
    const [, kind, name, rest] = /^(\S+) ([^\n]*)\n([^]*)$/.exec(key) ?? []
    const at = this.#definition.branches.findIndex((branch) => branch.name === name)
    // A source that is gone by now: what it kept is of no use to another.
    if (kind !== undefined && rest !== undefined) this.#branches[at]?.load(kind, rest, value)
  }

  close(): void {
    this.#closed = true
    this.#window.clear()
    this.#alarms.clear()
    this.#order.clear()
    for (const branch of this.#branches) branch.close()
    this.#slots.close()
  }

  answered(question: Question): void {
    const { entry } = question
    if (entry.state !== 'asking' || this.#closed) return
    entry.open--
    if (entry.open > 0) return
    this.#decide(entry, { kind: 'emit', value: this.#combine(entry) })
  }

  failed(question: Question, error: SluiceError): void {
    const { entry, at } = question
    if (entry.state !== 'asking' || this.#closed) return
    const branch = this.#branches[at]!
    const stale = branch.insteadOfError(question)
    if (stale !== undefined) {
      question.value = stale.value
      this.answered(question)
      return
    }
    this.#fallBack(question, branch.final(question, error))
  }

  #fallBack(question: Question, error: SluiceError): void {
    const { entry, at } = question
    const fallback = this.#definition.fallbacks[at]
    if (fallback === undefined) {
      this.#fail(entry, error)
      return
    }
    try {
      question.value = fallback(entry.ticket.record.value as never, error)
    } catch (cause) {
      this.#fail(entry, this.#brokenFallback(entry, cause))
      return
    }
    this.#branches[at]!.metrics.fallbacks.value++
    this.answered(question)
  }

  /** The span of a record, from admission to outcome. */
  #trace({ record, sequence }: Ticket): Span | undefined {
    const { tracer, node, task } = this.#host
    return tracer?.start(node, record.headers, {
      'messaging.system': 'kafka',
      'messaging.destination.name': record.topic,
      'messaging.destination.partition.id': String(record.partition),
      'messaging.kafka.offset': record.offset,
      'sluice.task': task,
      'sluice.sequence': sequence,
    })
  }

  #begin(entry: Entry): void {
    if (this.#closed) return
    const { value } = entry.ticket.record
    entry.state = 'asking'
    if (this.#definition.fields !== undefined && typeof value !== 'object') {
      this.#fail(entry, this.#notAnObject(entry))
      return
    }
    if (this.#definition.fields !== undefined && value === null) {
      // A tombstone has no fields to fill.
      this.#decide(entry, { kind: 'emit', value })
      return
    }
    entry.open = this.#branches.length
    entry.questions = this.#branches.map((_, at) => new Question(entry, at, this))
    if (entry.deadlineAt <= this.#host.clock.monotonic()) {
      this.#missed(entry)
      return
    }
    for (const question of entry.questions) {
      if (entry.state !== 'asking') return
      this.#branches[question.at]!.ask(question)
    }
  }

  /** The deadline: calls are aborted first, then what lacks an answer falls back. */
  #missed(entry: Entry): void {
    if (!isOpen(entry) || this.#closed) return
    if (entry.state === 'waiting') {
      // Nothing was asked yet: it waited for the records before it. What begins too late comes back here, unless it needs no call.
      this.#begin(entry)
      return
    }
    this.#metrics.deadlineMisses.value++
    const { node } = this.#host
    const scope = 'deadline of the record, all attempts together'
    const error = sluiceError('SLUICE_ENRICH_TIMEOUT', { node, limit: this.#definition.deadlineMs, scope })
    const late = entry.questions.filter((question) => !question.done)
    // A record that was never asked for did not time out: its letter must name the breaker.
    const errors = late.map((question) => question.call?.heldBack ?? error)
    for (const question of late) question.leave()
    for (const [at, question] of late.entries()) question.failed(errors[at]!)
  }

  #fail(entry: Entry, reason: SluiceError): void {
    let error = reason
    for (const question of entry.questions) {
      question.leave()
      // A write that is cut off because another source failed may have had its effect.
      if (!question.done) error = this.#branches[question.at]!.final(question, error)
    }
    const { onError } = this.#definition
    if (onError === 'drop') this.#metrics.drops.value++
    if (onError === 'dead-letter') this.#metrics.deadLetters.value++
    this.#decide(
      entry,
      onError === 'drop' ? { kind: 'drop', reason: error.message } : { kind: onError, error },
    )
  }

  #decide(entry: Entry, outcome: AsyncOutcome): void {
    entry.state = 'decided'
    entry.outcome = outcome
    entry.alarm?.cancel()
    this.#order.decided(entry)
  }

  #settle(entry: Entry): void {
    if (this.#closed) return
    entry.state = 'settled'
    this.#window.leave(entry.bytes)
    const outcome = entry.outcome!
    entry.span?.end('error' in outcome ? outcome.error : outcome.kind === 'drop' ? outcome.reason : undefined)
    this.#host.settle(entry.ticket, outcome)
  }

  #combine(entry: Entry): unknown {
    const { fields } = this.#definition
    if (fields === undefined) return entry.questions[0]!.value
    const value: Record<string, unknown> = { ...(entry.ticket.record.value as object) }
    for (let at = 0; at < fields.length; at++) value[fields[at]!] = entry.questions[at]!.value
    return value
  }

  #brokenFallback(entry: Entry, cause: unknown): SluiceError {
    const { topic, partition, offset } = entry.ticket.record
    const problem = `the fallback threw: ${problemOf(cause)}`
    return sluiceError(
      'SLUICE_PROCESSING',
      { node: this.#host.node, topic, partition, offset, problem },
      cause,
    )
  }

  #notAnObject(entry: Entry): SluiceError {
    const { topic, partition, offset, value } = entry.ticket.record
    const problem = `fields can only be added to an object, but the value is a ${typeof value}`
    return sluiceError('SLUICE_PROCESSING', { node: this.#host.node, topic, partition, offset, problem })
  }
}

function isOpen(entry: Entry): boolean {
  return entry.state === 'waiting' || entry.state === 'asking'
}

/**
 * A record in the operator, and its questions, one per source.
 *
 *     waiting ──begin──▶ asking ──decide──▶ decided ──settle──▶ settled
 *        └────────────────decide (deadline)────▲
 *
 * Every move is made once and in this direction; whatever comes later finds another state and is ignored.
 */
import type { AsyncOutcome, Ticket } from '../core/async-operator.ts'
import type { SluiceError } from '../core/errors.ts'
import type { Span } from '../core/trace.ts'
import type { Alarm } from './alarms.ts'
import type { Call, Waiter } from './call.ts'

export type EntryState = 'waiting' | 'asking' | 'decided' | 'settled'

export class Entry {
  readonly ticket: Ticket
  /** The deadline on the monotonic clock. */
  readonly deadlineAt: number
  /** What it takes of the window. */
  bytes = 0
  state: EntryState = 'waiting'
  outcome: AsyncOutcome | undefined
  alarm: Alarm | undefined
  /** From admission to outcome; undefined where no traces are collected. */
  span: Span | undefined
  questions: readonly Question[] = []
  /** Questions without an answer. */
  open = 0
  /** Position among records of its lane. */
  lane: Lane | undefined
  next: Entry | undefined

  constructor(ticket: Ticket, deadlineAt: number) {
    this.ticket = ticket
    this.deadlineAt = deadlineAt
  }
}

/** Records of one key, oldest first. */
export class Lane {
  readonly name: string
  head: Entry | undefined
  tail: Entry | undefined
  length = 1
  draining = false

  constructor(name: string, first: Entry) {
    this.name = name
    this.head = first
    this.tail = first
  }
}

/** Who takes answers: the operator. */
export interface Desk {
  answered(question: Question): void
  failed(question: Question, error: SluiceError): void
}

export class Question implements Waiter {
  readonly entry: Entry
  /** Which source is asked. */
  readonly at: number
  readonly #desk: Desk
  /** The call that will answer, while there is one. */
  call: Call | undefined
  done = false
  value: unknown
  /** The text that stands for the request, where somebody asks for it after the call. */
  identity: string | undefined

  constructor(entry: Entry, at: number, desk: Desk) {
    this.entry = entry
    this.at = at
    this.#desk = desk
  }

  get ticket(): Ticket {
    return this.entry.ticket
  }

  get span(): Span | undefined {
    return this.entry.span
  }

  get deadlineAt(): number {
    return this.entry.deadlineAt
  }

  answered(value: unknown): void {
    this.call = undefined
    this.done = true
    this.value = value
    this.#desk.answered(this)
  }

  failed(error: SluiceError): void {
    this.call = undefined
    this.done = true
    this.#desk.failed(this, error)
  }

  /** Stops waiting; the last one to leave ends the call. */
  leave(): void {
    const { call } = this
    this.call = undefined
    call?.leave(this)
  }
}

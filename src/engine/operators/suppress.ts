/**
 * suppress: a table that holds its updates back, until event time has moved on by a limit or until the window of their key has closed,
 * and then hands on the last of each key. Its buffer may be bounded: then it emits early, or stops the application.
 */
import { sluiceError } from '../../core/errors.ts'
import type { ProcessorContext } from '../../core/processor.ts'
import { FlowRecord } from '../../core/record.ts'
import type { Change } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { Windowed } from '../../core/windowed.ts'
import type { KeyValueStore } from '../state/key-value.ts'
import type { StoreSpec, TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import type { At } from './callbacks.ts'
import { SuppressBuffer } from './suppress-buffer.ts'
import type { HeldBack } from './suppress-value.ts'
import type { TableView } from './table-view.ts'

export interface SuppressRules {
  /** How far stream time must pass the turn of an update, ms. */
  readonly waitMs: number
  /** The turn of an update: the end of its key's window, or (false) its time. */
  readonly byWindow: boolean
  readonly maxRecords: number
  readonly maxBytes: number
  readonly whenFull: 'emit-early' | 'shut-down'
}

export interface SuppressParts extends At {
  /** Kind `key-value`, of `heldBackSerde`. */
  readonly store: StoreSpec
  /** Of the table. */
  readonly value: Serde<unknown>
  readonly rules: SuppressRules
}

/** Updates handed on while one record is processed; more would hold up the loop. */
const PER_RECORD = 1_000
/** Updates handed on between two looks at the clock. */
const STEP = 32

export function suppress({ name, parent, store, value, rules }: SuppressParts): TopologyNode {
  return {
    name,
    kind: 'suppress',
    parents: [parent],
    reads: 'both',
    keeps: 'key',
    stores: [store],
    oldValues: 'relayed',
    needsOldValues: [parent],
    build: (context) => {
      const held = context.store<KeyValueStore<unknown, HeldBack>>(store.name)
      const measured = Number.isFinite(rules.maxBytes)
      const buffer = new SuppressBuffer({ store: held, key: store.key, value, measured })
      const suppression = new Suppression(context, buffer, rules)
      return {
        process: (record) => suppression.process(record),
        flush: (shouldYield) => suppression.flush(shouldYield),
      }
    },
  }
}

class Suppression {
  readonly #context: ProcessorContext
  readonly #buffer: SuppressBuffer
  readonly #rules: SuppressRules
  readonly #time: { value: number }

  constructor(context: ProcessorContext, buffer: SuppressBuffer, rules: SuppressRules) {
    this.#context = context
    this.#buffer = buffer
    this.#rules = rules
    this.#time = context.kept('time')
  }

  process(record: FlowRecord): void {
    const { key, timestamp } = record
    const overdue = this.#due
    if (timestamp > this.#time.value) this.#time.value = timestamp
    const there = this.#buffer.get(key)
    // One record hands on only so much: what was due before this update must not be mixed with it.
    if (there !== undefined && there.turn <= overdue) this.#emit({ key, turn: there.turn }, record)
    this.#put(record, there !== undefined && there.turn <= overdue ? undefined : there)
    for (let left = PER_RECORD; left > 0; left--) {
      const next = this.#buffer.first(this.#due)
      if (next === undefined) break
      this.#emit(next, record)
    }
    this.#keepBounds(record)
  }

  /** Hands on what one record was not allowed to. */
  flush(shouldYield: () => boolean): boolean {
    for (let step = 1; ; step++) {
      const next = this.#buffer.first(this.#due)
      if (next === undefined) return true
      this.#emit(next, undefined)
      if (step % STEP === 0 && shouldYield()) return false
    }
  }

  /** Turns up to it have come. */
  get #due(): number {
    return this.#time.value - this.#rules.waitMs
  }

  #put(record: FlowRecord, there: HeldBack | undefined): void {
    const { key, timestamp, headers, topic, partition, offset } = record
    const { newValue, oldValue } = record.value as Change<unknown>
    const prior = there === undefined ? oldValue : there.prior
    const turn = there?.turn ?? (this.#rules.byWindow ? (key as Windowed<unknown>).end : timestamp)
    const held = { turn, prior, oldValue, newValue, timestamp, headers, topic, partition, offset }
    this.#buffer.put(key, there, held, record)
  }

  #keepBounds(record: FlowRecord): void {
    if (!this.#isOver()) return
    const { maxRecords, maxBytes, whenFull } = this.#rules
    const { count, bytes } = this.#buffer
    if (whenFull === 'shut-down') {
      const node = this.#context.node
      throw sluiceError('SLUICE_BUFFER_FULL', { node, count, maxRecords, bytes, maxBytes })
    }
    while (this.#isOver()) this.#emit(this.#buffer.first(Number.MAX_SAFE_INTEGER)!, record)
  }

  #isOver(): boolean {
    const { maxRecords, maxBytes } = this.#rules
    return this.#buffer.count > maxRecords || this.#buffer.bytes > maxBytes
  }

  #emit(next: { readonly key: unknown; readonly turn: number }, record: FlowRecord | undefined): void {
    const held = this.#buffer.take(next, record)
    // The window is final: that there is nothing in it is no news to anybody.
    if (held === undefined || (this.#rules.byWindow && isAbsent(held.newValue))) return
    const { newValue, oldValue, timestamp, headers, topic, partition, offset } = held
    const change: Change<unknown> = { newValue, oldValue }
    const { next: forward } = this.#context
    forward(
      new FlowRecord(next.key, change, timestamp, headers, topic, partition, offset, undefined, undefined),
    )
  }
}

/** What those below were told last: of a key held back the value before, of others what the table above says. */
export function suppressedView(parent: TableView, store: string): TableView {
  return {
    stores: [store, ...parent.stores],
    open: (context) => {
      const buffer = context.store<KeyValueStore<unknown, HeldBack>>(store)
      const lookup = parent.open(context)
      return (key) => {
        const held = buffer.get(key)
        if (held === undefined) return lookup(key)
        return isAbsent(held.prior) ? undefined : { value: held.prior, timestamp: -1 }
      }
    },
  }
}

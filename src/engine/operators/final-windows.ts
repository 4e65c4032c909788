/**
 * Results of windows that have closed, each once (Kafka's onWindowClose). Looked for when a record arrives, at most once an
 * interval of wall-clock time; however many have closed, one record emits only some of them and the commit the rest, in slices.
 *
 * As in Kafka Streams, event time that jumps by more than the retention closes windows that are behind it in the same moment: they
 * have no result, and are counted. The interval loses nothing: what would leave the store with a commit is emitted before it.
 */
import type { KeptNumber, ProcessorContext } from '../../core/processor.ts'
import type { Counter } from '../../core/metrics.ts'
import { taskName } from '../../core/record.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { ClosingWindows } from '../state/windowed-store.ts'
import { ClosingIndex } from './closing-index.ts'
import { windowRecord } from './window-parts.ts'
import type { Shape } from './window-parts.ts'

/** Results emitted while one record is processed; more would hold up the loop. */
const PER_RECORD = 1_000
/** Results emitted between two looks at the clock. */
const STEP = 32

export class FinalWindows {
  readonly #context: ProcessorContext
  readonly #store: ClosingWindows<unknown, unknown>
  readonly #shape: Shape
  readonly #open: ClosingIndex
  /** The close time up to which results have left, over restarts. */
  readonly #closed: KeptNumber
  /** Windows up to this place have closed, whether or not their results have left. */
  readonly #due: KeptNumber
  readonly #lost: Counter
  #nextLook = 0
  /** Windows up to this place may leave. */
  #bound = -1
  /** The record under whose context results leave. */
  #record: FlowRecord | undefined

  constructor(
    context: ProcessorContext,
    key: Serde<unknown>,
    store: ClosingWindows<unknown, unknown>,
    shape: Shape,
  ) {
    this.#context = context
    this.#store = store
    this.#shape = shape
    this.#open = new ClosingIndex(key)
    this.#closed = context.kept('closed')
    this.#due = context.kept('due')
    const labels = { task: taskName(context.task), node: context.node }
    this.#lost = context.metrics.counter('window-results-lost-total', labels)
    this.#findOpen()
  }

  opened(key: unknown, time: number, minor: number): void {
    this.#open.add(key, time, minor)
  }

  deleted(): void {
    this.#open.deleted(({ key, time, minor }) => this.#shape.read(key, time, minor) !== undefined)
  }

  look(record: FlowRecord, closeTime: number): void {
    this.#record = record
    this.#noteClosed(this.#shape.closedUpTo(closeTime))
    const { wallClock, lookIntervals } = this.#context
    const now = wallClock()
    if (now < this.#nextLook) return
    this.#nextLook = now + lookIntervals.windowClose
    if (this.#closed.value !== -1 && closeTime <= this.#closed.value) return
    const bound = this.#shape.closedUpTo(closeTime)
    if (bound < 0) return
    this.#closed.value = closeTime
    this.#bound = bound
    this.#emit(record, PER_RECORD)
  }

  flush(shouldYield: () => boolean): boolean {
    const record = this.#record
    if (record === undefined) return true
    // The commit about to be made takes these away.
    this.#bound = Math.max(this.#bound, this.#store.goneBefore - 1)
    while (this.#emit(record, STEP)) if (shouldYield()) return false
    return true
  }

  /** What closes behind the retention has no result. */
  #noteClosed(due: number): void {
    const before = this.#due.value
    if (due <= before) return
    this.#due.value = due
    const hidden = Math.min(due, this.#shape.shownFrom() - 1)
    if (hidden > before) this.#lost.value += this.#open.forget(before + 1, hidden)
  }

  /** What a restart left open, and what closed between two looks before it. */
  #findOpen(): void {
    const emitted = this.#closed.value === -1 ? -1 : this.#shape.closedUpTo(this.#closed.value)
    for (const { key, time, minor } of this.#store.allKept()) {
      if (time > emitted) this.#open.add(key, time, minor)
    }
  }

  /** Returns whether there may be more. */
  #emit(record: FlowRecord, limit: number): boolean {
    const { startOf, endOf, read } = this.#shape
    for (let left = limit; left > 0; left--) {
      const open = this.#open.take(this.#bound)
      if (open === undefined) return false
      const { key, time, minor } = open
      const held = read(key, time, minor)
      if (held === undefined) continue
      const window = { key, start: startOf(time, minor), end: endOf(time) }
      this.#context.next(windowRecord(record, window, held.value, null, held.timestamp, record.headers))
    }
    return true
  }
}

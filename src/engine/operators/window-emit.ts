/**
 * How a windowed aggregation hands its updates on: each at once, the last of each window per commit, or one result per window
 * when it has closed. The operators say what changed; when something leaves is decided here.
 */
import { FlowRecord, NO_HEADERS } from '../../core/record.ts'
import type { Change, Headers } from '../../core/record.ts'
import type { Windowed } from '../../core/windowed.ts'
import type { KeptNumber, Processor, ProcessorContext } from '../../core/processor.ts'
import type { Timestamped } from '../state/codec.ts'
import type {
  ClosingWindows,
  SessionStore,
  TimestampedWindowStore,
  WindowChangeTracking,
} from '../state/windowed-store.ts'
import type { PartitionedInput, StoreSpec } from '../topology/node.ts'
import type { Emit } from './emit.ts'
import { FinalWindows } from './final-windows.ts'
import type { Window } from './windows.ts'

/** `final`: one result per window, when no record can change it any more. The others as `Emit`. */
export type WindowEmit = Emit | 'final'

export interface WindowedParts {
  readonly name: string
  /** Kind `timestamped-window`, of sessions `session`. */
  readonly store: StoreSpec
  readonly window: Window
  readonly emit: WindowEmit
  /** As in `WindowedBuild`. */
  readonly cached: boolean
  readonly input: PartitionedInput
}

/** What an operator needs to be built for a task. `nothing`: somebody else emits for it, or nobody is below. */
export interface WindowedBuild {
  readonly store: string
  readonly key: StoreSpec['key']
  readonly emit: WindowEmit | 'nothing'
  /**
   * Windows behind the retention are found as long as the storage has them, as Kafka Streams finds them in its record cache. False:
   * a jump of event time that closes a window and leaves it behind the retention at once leaves it without a final result.
   */
  readonly cached: boolean
  /** Others put windows into the store, too (cogroup): its time says nothing about this operator's. */
  readonly shared: boolean
}

export type AggregateWindows = TimestampedWindowStore<unknown, unknown> &
  WindowChangeTracking<unknown, unknown> &
  ClosingWindows<unknown, Timestamped<unknown>>

export type AggregateSessions = SessionStore<unknown, unknown> &
  WindowChangeTracking<unknown, unknown> &
  ClosingWindows<unknown, unknown>

/** A value and the time at which it is emitted. */
export type Closed = Timestamped<unknown>

/** What a window emission depends on, beside the store: where a window ends, and what a result's time is. */
export interface Shape {
  /** The place of a window in the store: its start, of sessions the end. */
  readonly placeOf: (window: Windowed<unknown>) => number
  /** Start and end of an open window. @param time its place */
  readonly startOf: (time: number, minor: number) => number
  readonly endOf: (time: number) => number
  /** Windows up to this place have closed at a close time (stream time minus grace). */
  readonly closedUpTo: (closeTime: number) => number
  /** Windows before this place have no result if they close only now. */
  readonly shownFrom: () => number
  /** The value of an open window; undefined when it is gone. */
  readonly read: (key: unknown, time: number, minor: number) => Closed | undefined
}

/** Called by an operator, synchronously, for one task. */
export interface Emission {
  /** The aggregate of a window changed. */
  readonly updated: (
    record: FlowRecord,
    start: number,
    end: number,
    value: unknown,
    old: unknown,
    timestamp: number,
  ) => void
  /** There is a window that was not there before. */
  readonly opened: (key: unknown, time: number, minor: number) => void
  /** A window was deleted: a session that became part of another. */
  readonly deleted: () => void
  /** A record was processed: what has closed by now may leave. */
  readonly looked: (record: FlowRecord, closeTime: number) => void
  readonly flush?: NonNullable<Processor['flush']>
}

/**
 * The stream time an operator has seen, over restarts. It is never before the latest window in its store: where state may be ahead of
 * the committed offsets (at-least-once), a record processed again would otherwise open a window anew that is behind the retention.
 */
export function streamTimeOf(
  context: ProcessorContext,
  { shared }: WindowedBuild,
  latest: number,
): KeptNumber {
  const time = context.kept('time')
  if (!shared && latest > time.value) time.value = latest
  return time
}

/** An update of a window as the record that travels on a table's edges. */
export function windowRecord(
  { topic, partition, offset }: FlowRecord,
  window: { readonly key: unknown; readonly start: number; readonly end: number },
  newValue: unknown,
  oldValue: unknown,
  timestamp: number,
  headers: Headers,
): FlowRecord {
  const change: Change<unknown> = { newValue: newValue ?? null, oldValue: oldValue ?? null }
  return new FlowRecord(window, change, timestamp, headers, topic, partition, offset, undefined, undefined)
}

const QUIET: Emission = { updated: () => {}, opened: () => {}, deleted: () => {}, looked: () => {} }

/** @param sessions their results carry no headers and have the time of the window's end, also when they are deleted */
export function emissionOf(
  context: ProcessorContext,
  { emit, key, cached }: Pick<WindowedBuild, 'emit' | 'key' | 'cached'>,
  store: WindowChangeTracking<unknown, unknown> & ClosingWindows<unknown, unknown>,
  shape: Shape,
  sessions: boolean,
): Emission {
  switch (emit) {
    case 'nothing':
      return QUIET
    case 'every':
      return { ...QUIET, updated: atOnce(context, sessions) }
    case 'coalesced':
      return { ...QUIET, flush: flushWindows(context, store, shape, sessions) }
    case 'final': {
      const final = new FinalWindows(context, key, store, cached ? { ...shape, shownFrom: () => 0 } : shape)
      return {
        ...QUIET,
        opened: (base, time, minor) => final.opened(base, time, minor),
        deleted: () => final.deleted(),
        looked: (record, closeTime) => final.look(record, closeTime),
        flush: (shouldYield) => final.flush(shouldYield),
      }
    }
  }
}

function atOnce({ next }: ProcessorContext, sessions: boolean): Emission['updated'] {
  return (record, start, end, value, old, timestamp) => {
    const headers = sessions ? NO_HEADERS : record.headers
    next(windowRecord(record, { key: record.key, start, end }, value, old, timestamp, headers))
  }
}

function flushWindows(
  { next, task }: ProcessorContext,
  store: WindowChangeTracking<unknown, unknown> & ClosingWindows<unknown, unknown>,
  { placeOf }: Shape,
  sessions: boolean,
): NonNullable<Processor['flush']> {
  store.trackChanges({ keepOld: true })
  let flushed = store.observed
  const nowhere = new FlowRecord(null, null, 0, NO_HEADERS, '', task.partition, -1, undefined, undefined)
  return (shouldYield) =>
    store.drainChanges(shouldYield, (window, newValue, oldValue, timestamp, record = nowhere) => {
      const place = placeOf(window)
      // What is behind the retention below the cache is not there any more for Kafka Streams.
      const old = oldValue !== undefined && place >= store.shownFrom(flushed) ? oldValue : undefined
      // Opened and deleted in between: nobody below ever saw it.
      if (newValue === undefined && old === undefined) return
      if (place > flushed) flushed = place
      const time = sessions ? window.end : timestamp
      next(windowRecord(record, window, newValue, old, time, record.headers))
    })
}

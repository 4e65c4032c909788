/** What the windowed aggregations share: what they are made of, their stores, and the records that leave them. Decides nothing. */
import type { KeptNumber, ProcessorContext } from '../../core/processor.ts'
import { FlowRecord } from '../../core/record.ts'
import type { Change, Headers } from '../../core/record.ts'
import type { Windowed } from '../../core/windowed.ts'
import type { Timestamped } from '../state/codec.ts'
import type {
  ClosingWindows,
  SessionStore,
  TimestampedWindowStore,
  WindowChangeTracking,
} from '../state/windowed-store.ts'
import type { PartitionedInput, StoreSpec } from '../topology/node.ts'
import type { Emit } from './emit.ts'
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

/**
 * How a windowed aggregation hands its updates on: each at once, the last of each window per commit, or one result per window
 * when it has closed. The operators say what changed; when something leaves is decided here.
 */
import { FlowRecord, NO_HEADERS } from '../../core/record.ts'
import type { Processor, ProcessorContext } from '../../core/processor.ts'
import type { ClosingWindows, WindowChangeTracking } from '../state/windowed-store.ts'
import { FinalWindows } from './final-windows.ts'
import { windowRecord } from './window-parts.ts'
import type { Shape, WindowedBuild } from './window-parts.ts'

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

/**
 * count, reduce and aggregate in tumbling, hopping and unlimited windows: a record counts in every window its time lies in,
 * as long as that is open. Null keys are dropped, null values are not: they reach the aggregator, as in Kafka Streams.
 */
import type { BuildProcessor, Next, ProcessorContext } from '../../core/processor.ts'
import type { FlowRecord } from '../../core/record.ts'
import { isAbsent } from './absent.ts'
import { emissionOf } from './window-emit.ts'
import type { Emission } from './window-emit.ts'
import { streamTimeOf } from './window-parts.ts'
import type { AggregateWindows, Shape, WindowedBuild } from './window-parts.ts'
import type { WindowSteps } from './window-steps.ts'
import { firstStart, NO_END } from './windows.ts'
import type { SteppedWindow, UnlimitedWindow } from './windows.ts'

/** Ends of windows are numbers that are told apart. */
const LATEST = Number.MAX_SAFE_INTEGER

/** Takes a record into one window that is open. */
type Update = (record: FlowRecord, start: number, end: number) => void

export function buildStepped(
  window: SteppedWindow,
  parts: WindowedBuild,
  steps: WindowSteps,
): BuildProcessor {
  const { sizeMs, advanceMs, graceMs } = window
  return (context) => {
    const store = context.store<AggregateWindows>(parts.store)
    const emission = emissionOf(context, parts, store, steppedShape(store, sizeMs), false)
    const { looked, flush } = emission
    const update = updating(store, emission, steps)
    const time = streamTimeOf(context, parts, store.observed)
    const process = (record: FlowRecord): void => {
      const { key, timestamp } = record
      if (isAbsent(key)) return context.drop(record, 'null key in a windowed aggregation')
      // Nanoseconds, mostly. An advance more or less is no other number out there: the loop below would never end.
      if (timestamp > LATEST)
        throw new RangeError(`its time ${timestamp} ms is beyond what a window can have`)
      if (timestamp > time.value) time.value = timestamp
      const closeTime = time.value - graceMs
      for (let start = firstStart(window, timestamp); start <= timestamp; start += advanceMs) {
        if (start + sizeMs > closeTime) update(record, start, start + sizeMs)
        else context.drop(record, 'its window has closed')
      }
      looked(record, closeTime)
    }
    return flush === undefined ? { process } : { process, flush }
  }
}

/** The one window never closes, so nothing is ever late; what came before its start belongs nowhere. */
export function buildUnlimited(
  { startMs }: UnlimitedWindow,
  parts: WindowedBuild,
  steps: WindowSteps,
): BuildProcessor {
  return (context) => {
    const store = context.store<AggregateWindows>(parts.store)
    const emission = emissionOf(context, parts, store, steppedShape(store, NO_END), false)
    const update = updating(store, emission, steps)
    const process = unlimited(context, startMs, update)
    return emission.flush === undefined ? { process } : { process, flush: emission.flush }
  }
}

function unlimited(context: ProcessorContext, startMs: number, update: Update): Next {
  return (record) => {
    if (isAbsent(record.key)) return context.drop(record, 'null key in a windowed aggregation')
    if (record.timestamp >= startMs) update(record, startMs, NO_END)
  }
}

/** The result's time is the later of the record's and the aggregate's (rule R4). */
function updating(store: AggregateWindows, { updated, opened }: Emission, steps: WindowSteps): Update {
  const { init, add } = steps
  return (record, start, end) => {
    const { key, timestamp } = record
    const held = store.kept(key, start, 0)
    const old = held === undefined ? init() : held.value
    const value = add(old, record)
    const time = held !== undefined && held.timestamp > timestamp ? held.timestamp : timestamp
    if (isAbsent(value)) store.put(key, null, start, timestamp, record)
    else store.put(key, value, start, time, record)
    if (held === undefined) opened(key, start, 0)
    updated(record, start, end, value, old, time)
  }
}

function steppedShape(store: AggregateWindows, sizeMs: number): Shape {
  return {
    placeOf: ({ start }) => start,
    startOf: (time) => time,
    endOf: (time) => time + sizeMs,
    closedUpTo: (closeTime) => closeTime - sizeMs,
    shownFrom: () => store.shownFrom(),
    read: (key, time) => store.kept(key, time, 0),
  }
}

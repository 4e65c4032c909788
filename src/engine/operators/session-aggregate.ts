/**
 * count, reduce and aggregate in sessions: a record joins all sessions of its key that lie within the gap into one. The parts are
 * deleted first, then the whole is put. Null keys are dropped, null values reach the aggregator. A result has the time of its
 * session's end (rule R4).
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { Windowed } from '../../core/windowed.ts'
import { isAbsent } from './absent.ts'
import { emissionOf } from './window-emit.ts'
import type { Emission } from './window-emit.ts'
import { streamTimeOf } from './window-parts.ts'
import type { AggregateSessions, Shape, WindowedBuild } from './window-parts.ts'
import type { WindowSteps } from './window-steps.ts'
import { closesAfter } from './windows.ts'
import type { SessionWindow } from './windows.ts'

/** A session and its aggregate. */
type Session = readonly [window: Windowed<unknown>, aggregate: unknown]

export function buildSessions(
  window: SessionWindow,
  parts: WindowedBuild,
  steps: WindowSteps,
): BuildProcessor {
  const { gapMs } = window
  const waits = closesAfter(window)
  return (context) => {
    const store = context.store<AggregateSessions>(parts.store)
    const emission = emissionOf(context, parts, store, sessionShape(store), true)
    const { looked, flush } = emission
    const time = streamTimeOf(context, parts, store.observed)
    const { cached } = parts
    const remove = removing(store, emission, parts.emit === 'coalesced')
    const process = (record: FlowRecord): void => {
      const { key, timestamp } = record
      if (isAbsent(key)) return context.drop(record, 'null key in a windowed aggregation')
      if (timestamp > time.value) time.value = timestamp
      const closeTime = time.value - waits
      const found = sessionsAround(store, key, timestamp, gapMs, cached)
      const { start, end, aggregate } = joined(found, record, steps)
      if (end < closeTime) context.drop(record, 'its session has closed')
      else {
        const alone = start === timestamp && end === timestamp
        if (!alone) for (const session of found) remove(session, record)
        if (!alone || found.length === 0) emission.opened(key, end, start)
        putSession(store, emission, { key, start, end }, steps.add(aggregate, record), record)
      }
      looked(record, closeTime)
    }
    return flush === undefined ? { process } : { process, flush }
  }
}

/** The sessions a record lies in or no further than the gap from. */
function sessionsAround(
  store: AggregateSessions,
  key: unknown,
  timestamp: number,
  gapMs: number,
  cached: boolean,
): readonly Session[] {
  if (!cached) return [...store.findSessions(key, timestamp - gapMs, timestamp + gapMs)]
  const kept = [...store.keptOf(key, timestamp - gapMs, Number.MAX_SAFE_INTEGER)]
  // What lies inside another session is a part of it that a restore brought back.
  const isPart = ({ start, end }: Windowed<unknown>): boolean =>
    kept.some(([other]) => other.start <= start && other.end >= end && other.end - other.start > end - start)
  return kept.filter(
    ([window]) => window.start <= timestamp + gapMs && (kept.length === 1 || !isPart(window)),
  )
}

/** The session that a record makes of those it found, and their aggregates as one. */
function joined(
  found: readonly Session[],
  record: FlowRecord,
  { init, merge }: WindowSteps,
): { readonly start: number; readonly end: number; readonly aggregate: unknown } {
  let start = record.timestamp
  let end = record.timestamp
  let aggregate = init()
  for (const [window, part] of found) {
    aggregate = merge(aggregate, part, record)
    if (window.start < start) start = window.start
    if (window.end > end) end = window.end
  }
  return { start, end, aggregate }
}

/** @param quietly without a word to the changelog about what is behind the retention, as from Kafka Streams' record cache */
function removing(
  store: AggregateSessions,
  { updated, deleted }: Emission,
  quietly: boolean,
): (session: Session, record: FlowRecord) => void {
  return ([window, aggregate], record) => {
    const { key, start, end } = window
    if (quietly) store.forgetWindow(key, end, start, record)
    else store.remove(window, record)
    deleted()
    updated(record, start, end, null, aggregate, end)
  }
}

function putSession(
  store: AggregateSessions,
  { updated }: Emission,
  window: Windowed<unknown>,
  value: unknown,
  record: FlowRecord,
): void {
  store.put(window, value, record)
  updated(record, window.start, window.end, value, null, window.end)
}

function sessionShape(store: AggregateSessions): Shape {
  return {
    placeOf: ({ end }) => end,
    startOf: (_, minor) => minor,
    endOf: (time) => time,
    closedUpTo: (closeTime) => closeTime - 1,
    shownFrom: () => 0,
    read: (key, time, minor) => {
      const value = store.kept(key, time, minor)
      return value === undefined ? undefined : { value, timestamp: time }
    },
  }
}

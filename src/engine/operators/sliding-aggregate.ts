/**
 * count, reduce and aggregate in sliding windows: a window ends at each record (its left one) and one begins behind each record
 * (its right one), so that every set of records no further apart than the difference has a window. Null keys and values are dropped.
 *
 * Stored times tell what is in a window: its aggregate's time is that of its latest record. Times before the difference would begin
 * windows below 0; one window [0, difference] takes the place of all of their left ones.
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { Timestamped } from '../state/codec.ts'
import { isAbsent } from './absent.ts'
import { emissionOf } from './window-emit.ts'
import type { Emission } from './window-emit.ts'
import { streamTimeOf } from './window-parts.ts'
import type { AggregateWindows, Shape, WindowedBuild } from './window-parts.ts'
import type { WindowSteps } from './window-steps.ts'
import type { SlidingWindow } from './windows.ts'

type Held = Timestamped<unknown>

export function buildSliding(
  { differenceMs, graceMs }: SlidingWindow,
  parts: WindowedBuild,
  steps: WindowSteps,
): BuildProcessor {
  return (context) => {
    const store = context.store<AggregateWindows>(parts.store)
    const emission = emissionOf(context, parts, store, slidingShape(store, differenceMs), false)
    const late = (record: FlowRecord): void => context.drop(record, 'its window has closed')
    const { cached } = parts
    const sliding = new Sliding({ store, emission, steps, differenceMs, late, cached })
    const { looked, flush } = emission
    // The right window of the latest record begins right behind it.
    const time = streamTimeOf(context, parts, store.observed - 1)
    const process = (record: FlowRecord): void => {
      const { key, value, timestamp } = record
      if (isAbsent(key) || isAbsent(value))
        return context.drop(record, 'null key or value in a sliding window')
      if (timestamp > time.value) time.value = timestamp
      const closeTime = time.value - graceMs
      if (timestamp + differenceMs < closeTime) return late(record)
      // As in Kafka Streams, a record before the difference does not look for what has closed.
      if (timestamp < differenceMs) return sliding.takeEarly(record, closeTime)
      sliding.take(record, closeTime)
      looked(record, closeTime)
    }
    return flush === undefined ? { process } : { process, flush }
  }
}

function slidingShape(store: AggregateWindows, differenceMs: number): Shape {
  return {
    placeOf: ({ start }) => start,
    startOf: (time) => time,
    endOf: (time) => time + differenceMs,
    closedUpTo: (closeTime) => closeTime - differenceMs - 1,
    shownFrom: () => store.shownFrom(),
    read: (key, time) => store.kept(key, time, 0),
  }
}

interface SlidingParts {
  readonly store: AggregateWindows
  readonly emission: Emission
  readonly steps: WindowSteps
  readonly differenceMs: number
  readonly late: (record: FlowRecord) => void
  /** As in `WindowedBuild`. */
  readonly cached: boolean
}

/** The windows of one task; each method takes one record into all of its windows. */
class Sliding {
  readonly #store: AggregateWindows
  readonly #emission: Emission
  readonly #steps: WindowSteps
  readonly #difference: number
  readonly #late: (record: FlowRecord) => void
  readonly #cached: boolean

  constructor({ store, emission, steps, differenceMs, late, cached }: SlidingParts) {
    this.#store = store
    this.#emission = emission
    this.#steps = steps
    this.#difference = differenceMs
    this.#late = late
    this.#cached = cached
  }

  /** Windows are looked at from the latest to the nearest one before the record, as Kafka Streams does: it is the order of updates. */
  take(record: FlowRecord, closeTime: number): void {
    const { key, timestamp } = record
    const difference = this.#difference
    const leftStart = timestamp - difference
    const starts = new Set<number>()
    let right: Held | undefined
    let left: Held | undefined
    let previous: number | undefined
    for (const [start, held] of this.#windows(key, timestamp - 2 * difference, timestamp + 1, true)) {
      starts.add(start)
      if (start > timestamp) continue
      if (start < leftStart) {
        left = held
        previous = held.timestamp
        break
      }
      this.#update(record, start, held, closeTime)
      if (start > leftStart) right ??= held
      // The left window has a record of this very time: there is nothing left to open.
      else if (held.timestamp >= timestamp) return
      else previous = held.timestamp
    }
    if (previous !== undefined) this.#openBehind(previous, record, starts, closeTime)
    if (!starts.has(leftStart)) {
      const filled = left !== undefined && previous !== undefined && leftStart <= previous
      const value = filled ? left!.value : this.#steps.init()
      this.#update(record, leftStart, { value, timestamp }, closeTime, true)
    }
    this.#openRight(record, right, starts)
  }

  /** A record before the difference: its left window is the one from 0. */
  takeEarly(record: FlowRecord, closeTime: number): void {
    const { key, timestamp } = record
    const starts = new Set<number>()
    let right: Held | undefined
    let combined: Held | undefined
    for (const [start, held] of this.#windows(key, 0, timestamp + 1, false)) {
      starts.add(start)
      if (start === 0) combined = held
      else if (start <= timestamp) {
        right = held
        this.#update(record, start, held, closeTime)
      }
    }
    // No window began between them: all of the combined one lies behind this record.
    if (combined !== undefined && combined.timestamp > timestamp) right ??= combined
    this.#openRight(record, right, starts)
    if (combined !== undefined && combined.timestamp < timestamp && !starts.has(combined.timestamp + 1))
      this.#open(record, combined.timestamp + 1, closeTime)
    if (combined === undefined) this.#open(record, 0, closeTime)
    else this.#update(record, 0, combined, closeTime)
  }

  *#windows(key: unknown, from: number, to: number, reverse: boolean): IterableIterator<[number, Held]> {
    const first = Math.max(0, from)
    if (!this.#cached) {
      yield* this.#store.fetchRange(key, first, to, reverse)
      return
    }
    for (const [{ start }, held] of this.#store.keptOf(key, first, to, reverse)) yield [start, held]
  }

  /** The right window of the record before, when this record is the first in it. */
  #openBehind(previous: number, record: FlowRecord, starts: ReadonlySet<number>, closeTime: number): void {
    const start = previous + 1
    if (starts.has(start) || start + this.#difference < record.timestamp) return
    this.#open(record, start, closeTime)
  }

  #open(record: FlowRecord, start: number, closeTime: number): void {
    const held = { value: this.#steps.init(), timestamp: record.timestamp }
    this.#update(record, start, held, closeTime, true)
  }

  /** The record's own right window, when there are records in it: what other windows have of them is its aggregate. */
  #openRight(record: FlowRecord, right: Held | undefined, starts: ReadonlySet<number>): void {
    const { key, timestamp } = record
    const start = timestamp + 1
    if (right === undefined || starts.has(start) || right.timestamp <= timestamp) return
    this.#store.put(key, right.value, start, right.timestamp, record)
    this.#emission.opened(key, start, 0)
    this.#emission.updated(record, start, start + this.#difference, right.value, null, right.timestamp)
  }

  #update(record: FlowRecord, start: number, held: Held, closeTime: number, isNew: boolean = false): void {
    const { key, timestamp } = record
    const end = start + this.#difference
    if (end < closeTime) return this.#late(record)
    const value = this.#steps.add(held.value, record)
    const time = isAbsent(held.value) ? timestamp : Math.max(timestamp, held.timestamp)
    if (isAbsent(value)) this.#store.put(key, null, start, timestamp, record)
    else this.#store.put(key, value, start, time, record)
    if (isNew) this.#emission.opened(key, start, 0)
    this.#emission.updated(record, start, end, value, held.value, time)
  }
}

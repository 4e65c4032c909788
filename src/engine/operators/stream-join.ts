/**
 * join, leftJoin and outerJoin of two streams: records of equal keys whose times are not far apart. Each side keeps its records
 * for a while and looks for partners among those of the other. A result has the later of both times.
 */
import type { BuildProcessor, ProcessorContext } from '../../core/processor.ts'
import { FlowRecord } from '../../core/record.ts'
import type { WindowStore } from '../state/windowed-store.ts'
import type { PartitionedInput, StoreSpec, TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import type { Joiner } from './join.ts'
import { buildSelfJoin } from './self-join.ts'
import { Unmatched, unmatchedKeySerde, unmatchedValuesSerde } from './unmatched.ts'
import type { EmitUnmatched, JoinWindow, UnmatchedStore } from './unmatched.ts'

export type StreamJoinKind = 'join' | 'leftJoin' | 'outerJoin'

export interface StreamJoinParts {
  readonly name: string
  readonly kind: StreamJoinKind
  readonly left: PartitionedInput
  readonly right: PartitionedInput
  readonly window: JoinWindow
  readonly joiner: Joiner
  /** Kept in changelog topics. */
  readonly changelog: boolean
  /** Names of the stores of both sides and of records without a partner; default after the join. */
  readonly stores?: readonly string[]
}

/** One side of a join as its node sees it. */
interface Side {
  readonly left: boolean
  /** Store of the other side's records. */
  readonly others: string
  /** How far before and after a record's time its partners may be, ms. */
  readonly beforeMs: number
  readonly afterMs: number
  /** Records without a partner are joined with null. */
  readonly keepsUnmatched: boolean
  /** Own value first. */
  readonly result: Joiner
  readonly unmatched: ((context: ProcessorContext) => Unmatched) | undefined
  readonly emit: (context: ProcessorContext) => EmitUnmatched
}

/** In the order in which they must be added; the last is the joined stream. */
export function joinStreams(parts: StreamJoinParts): readonly TopologyNode[] {
  const { name, kind, left, right } = parts
  const [keepsLeft, keepsRight] = [kind !== 'join', kind === 'outerJoin']
  const [own, other] = [
    keepsRight ? '-outer-this-join' : '-this-join',
    keepsLeft ? '-outer-other-join' : '-other-join',
  ]
  const [ownStore, otherStore] = [windowStore(parts, own, left, 0), windowStore(parts, other, right, 1)]
  const [ownWindow, otherWindow] = [`${name}-this-windowed`, `${name}-other-windowed`]
  const shared = kind === 'join' ? undefined : sharedStore(parts)
  const sides = sidesOf(parts, ownStore.name, otherStore.name, shared?.name)
  const copartitions = [ownWindow, otherWindow]
  const join = (suffix: string, parent: string, side: Side): TopologyNode => ({
    name: `${name}${suffix}`,
    kind: 'stream-join-side',
    parents: [parent],
    reads: 'both',
    keeps: 'key',
    connects: [side.others, ...(shared === undefined || side.left ? [] : [shared.name])],
    ...(shared !== undefined && side.left ? { stores: [shared] } : {}),
    ...(side.left ? { copartitions } : {}),
    allowsNullKey: kind !== 'join',
    build: buildSide(side),
  })
  const merge = mergeNode(name, kind, [`${name}${own}`, `${name}${other}`])
  return [
    windowNode(ownWindow, left, ownStore),
    windowNode(otherWindow, right, otherStore),
    join(own, ownWindow, sides[0]),
    join(other, otherWindow, sides[1]),
    left.parent === right.parent
      ? { ...merge, selfJoin: selfJoin(parts, ownWindow, ownStore, merge) }
      : merge,
  ]
}

function mergeNode(name: string, kind: string, parents: readonly string[]): TopologyNode {
  return { name, kind, parents, reads: 'nothing', keeps: 'both', build: ({ next }) => ({ process: next }) }
}

function selfJoin(
  { window, joiner }: StreamJoinParts,
  parent: string,
  { name: store }: StoreSpec,
  merge: TopologyNode,
): TopologyNode {
  const build = buildSelfJoin(store, window, joiner)
  return { ...merge, parents: [parent], reads: 'both', keeps: 'key', connects: [store], build }
}

function windowStore(
  { name, window: { beforeMs, afterMs, graceMs }, changelog, stores }: StreamJoinParts,
  suffix: string,
  { key, value }: PartitionedInput,
  side: 0 | 1,
): StoreSpec {
  const windowSizeMs = beforeMs + afterMs
  return {
    name: stores?.[side] ?? `${name}${suffix}-store`,
    kind: 'window',
    key,
    value,
    changelog,
    windowSizeMs,
    retentionMs: windowSizeMs + graceMs,
    retainDuplicates: true,
  }
}

function sharedStore({ name, kind, left, right, changelog, stores }: StreamJoinParts): StoreSpec {
  return {
    name: stores?.[2] ?? `${name}-${kind === 'leftJoin' ? 'left' : 'outer'}-shared-join-store`,
    kind: 'key-value',
    key: unmatchedKeySerde(left.key),
    value: unmatchedValuesSerde(left.value, right.value),
    changelog,
  }
}

/** Passes each record on and keeps it for the other side. */
function windowNode(name: string, input: PartitionedInput, store: StoreSpec): TopologyNode {
  return {
    name,
    kind: 'join-window',
    parents: [input.parent],
    reads: 'both',
    keeps: 'both',
    stores: [store],
    partitioned: [input],
    build: (context) => {
      const { next } = context
      const records = context.store<WindowStore<unknown, unknown>>(store.name)
      return {
        process: (record) => {
          next(record)
          if (!isAbsent(record.key)) records.put(record.key, record.value, record.timestamp, record)
        },
      }
    },
  }
}

function sidesOf(
  { kind, window, joiner }: StreamJoinParts,
  own: string,
  other: string,
  shared: string | undefined,
): readonly [left: Side, right: Side] {
  const { beforeMs, afterMs } = window
  const unmatched = shared === undefined ? undefined : openerOf(shared, window)
  const emit = emitterOf(joiner)
  return [
    {
      left: true,
      others: other,
      beforeMs,
      afterMs,
      keepsUnmatched: kind !== 'join',
      result: joiner,
      unmatched,
      emit,
    },
    {
      left: false,
      others: own,
      beforeMs: afterMs,
      afterMs: beforeMs,
      keepsUnmatched: kind === 'outerJoin',
      result: (value, left, key) => joiner(left, value, key),
      unmatched,
      emit,
    },
  ]
}

/** Both sides of one task get the same: stream time is that of the join, not of a side. */
function openerOf(store: string, window: JoinWindow): (context: ProcessorContext) => Unmatched {
  const opened = new WeakMap<UnmatchedStore, Unmatched>()
  return (context) => {
    const records = context.store<UnmatchedStore>(store)
    const known = opened.get(records)
    if (known !== undefined) return known
    const { wallClock, lookIntervals } = context
    const made = new Unmatched(
      records,
      window,
      context.kept('stream-time'),
      wallClock,
      lookIntervals.unmatched,
    )
    opened.set(records, made)
    return made
  }
}

function emitterOf(joiner: Joiner): (context: ProcessorContext) => EmitUnmatched {
  return ({ next }) =>
    (cause, { key, timestamp }, { left, value }) => {
      const joined = left ? joiner(value, null, key) : joiner(null, value, key)
      next(cause.with(key, joined).withTimestamp(timestamp))
    }
}

function buildSide(side: Side): BuildProcessor {
  const { left, beforeMs, afterMs, keepsUnmatched, result } = side
  return (context) => {
    const { next } = context
    const others = context.store<WindowStore<unknown, unknown>>(side.others)
    const unmatched = side.unmatched?.(context)
    const emit = side.emit(context)
    /** Whether there was any partner. */
    const joinOthers = (record: FlowRecord, to: number): boolean => {
      const { key, value, timestamp } = record
      let found = false
      for (const [time, other] of others.fetchRange(key, Math.max(0, timestamp - beforeMs), to)) {
        found = true
        unmatched?.remove({ timestamp: time, left: !left, key }, record)
        next(joinedRecord(record, result(value, other, key), Math.max(timestamp, time)))
      }
      return found
    }
    return {
      process: (record) => {
        const { key, value, timestamp } = record
        unmatched?.advance(timestamp)
        if (isAbsent(value)) return context.drop(record, 'null value in a join')
        if (isAbsent(key)) {
          if (keepsUnmatched) next(record.withValue(result(value, null, key)))
          else context.drop(record, 'null key in a join')
          return
        }
        if (timestamp === unmatched?.streamTime) unmatched.emitClosed(record, left, emit)
        const to = Math.max(0, timestamp + afterMs)
        if (joinOthers(record, to) || !keepsUnmatched || unmatched === undefined) return
        // Too late to wait for anybody.
        if (to < unmatched.streamTime) next(record.withValue(result(value, null, key)))
        else unmatched.add(record, left)
      },
    }
  }
}

/** As `withValue` and `withTimestamp` in one: this is made for each pair. */
function joinedRecord(record: FlowRecord, value: unknown, timestamp: number): FlowRecord {
  const { key, headers, topic, partition, offset, keyBytes } = record
  return new FlowRecord(key, value, timestamp, headers, topic, partition, offset, keyBytes, undefined)
}

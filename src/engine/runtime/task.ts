/**
 * One task at work: takes records from its buffer, decodes them once, runs them through the graph, delivers outcomes of
 * calls and punctuators. It writes nothing by itself: output and state leave only through a commit of the worker.
 */
import type { Clock } from '../../core/clock.ts'
import type { CommittedOffset, FetchedBatch } from '../../core/broker.ts'
import { isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import type { Counter } from '../../core/metrics.ts'
import type { PunctuationKind } from '../../core/processor.ts'
import { FlowRecord, type TaskId } from '../../core/record.ts'
import type { PlanNode } from '../topology/plan.ts'
import type { PartitionQueue, TaskBuffer } from './buffer.ts'
import { letterOf } from './dead-letter.ts'
import { type ErrorRules, stepOf } from './error-rules.ts'
import { encodeEnvelope } from './envelope.ts'
import { atNode, blamesRecord, NodeFailure, processingError } from './failure.ts'
import type { Graph, SourceEntry } from './graph.ts'
import { rawRecord, SourceReader } from './source-reader.ts'
import type { TaskTimers } from './timers.ts'

/** Records between two looks at the clock: a look costs about as much as a cheap operator. */
const RECORDS_PER_CLOCK_LOOK = 16

export interface TaskParts {
  readonly id: TaskId
  /** Of its sub-topology. */
  readonly nodes: readonly PlanNode[]
  readonly name: string
  readonly graph: Graph
  readonly buffer: TaskBuffer
  readonly timers: TaskTimers
  readonly errors: ErrorRules
  readonly clock: Clock
  readonly processed: Counter
  /** Counts a record that its source leaves out. */
  readonly dropped: (record: FlowRecord, node: string) => void
  /** Event time restored from the last commit. */
  readonly streamTime: StreamTime
  readonly current: CurrentRecord
}

/** The record being processed, for whoever must name the culprit later (a store whose value can't be serialised). */
export interface CurrentRecord {
  record: FlowRecord | undefined
}

/** Shared with the graph, which must read it before the task exists. */
export interface StreamTime {
  value: number
}

export class Task {
  readonly id: TaskId
  readonly name: string
  readonly graph: Graph
  readonly buffer: TaskBuffer
  readonly #parts: TaskParts
  /** By index of the source. */
  readonly #readers: readonly SourceReader[]
  #committed = new Map<PartitionQueue, number>()
  /** Entries of the envelope, as they were committed last and as `offsets` took them last. */
  #committedEntries: ReadonlyMap<string, number>
  #takenEntries: ReadonlyMap<string, number>

  constructor(parts: TaskParts) {
    this.#parts = parts
    this.id = parts.id
    this.name = parts.name
    this.graph = parts.graph
    this.buffer = parts.buffer
    this.#committedEntries = parts.timers.entries()
    this.#takenEntries = this.#committedEntries
    this.#readers = parts.graph.sources.map(({ node }) => new SourceReader(node, parts.nodes))
    for (const queue of parts.buffer.queues) {
      this.#committed.set(queue, queue.position)
      const reader = this.#readers[queue.source]!
      if (reader.extracts) queue.timeOf = (batch, index) => timeOf(reader, batch, index, queue.time)
    }
  }

  /** An operator with calls in flight takes no more. */
  get blocked(): boolean {
    for (const flight of this.graph.inFlight) if (flight.full) return true
    return false
  }

  /** Processes up to `limit` records or until the monotonic clock reaches `deadline`. Returns how many. */
  process(limit: number, deadline: number): number {
    const { clock, buffer, processed, timers } = this.#parts
    const asynchronous = this.graph.inFlight.length > 0
    let done = 0
    while (done < limit) {
      if (asynchronous && this.blocked) break
      const queue = buffer.next(buffer.waits ? clock.monotonic() : 0, done > 0)
      if (queue === undefined) break
      this.#processHead(queue)
      buffer.advance(queue)
      if (timers.onStreamTime) this.punctuate('stream-time')
      done++
      if (done % RECORDS_PER_CLOCK_LOOK === 0 && clock.monotonic() >= deadline) break
    }
    processed.value += done
    return done
  }

  /** Forwards outcomes of calls; returns how many. */
  drainOutcomes(limit: number): number {
    const { current } = this.#parts
    let done = 0
    for (const flight of this.graph.inFlight) {
      if (flight.hasOutcomes) {
        done += flight.drain(limit, current, (error, record) =>
          this.#failed(atNode(error, flight.node, record), record),
        )
      }
    }
    return done
  }

  /** Runs the punctuators that are due, of one kind or of both; returns how many. */
  punctuate(kind?: PunctuationKind): number {
    if (this.#parts.timers.size === 0) return 0
    this.#parts.current.record = undefined
    return this.#parts.timers.run((node, timestamp, run) => {
      try {
        run(timestamp)
      } catch (error) {
        this.#failed(atNode(error, node, undefined), undefined)
      }
    }, kind)
  }

  nextWallClock(): number | undefined {
    return this.#parts.timers.nextWallClock()
  }

  /** Step 2 of a commit; resumable. */
  flush(shouldYield: () => boolean): boolean {
    for (;;) {
      try {
        return this.graph.flush(shouldYield)
      } catch (error) {
        // The emission that failed was taken out by its operator; the rest goes on.
        this.#failed(error, error instanceof NodeFailure ? error.record : undefined)
      }
    }
  }

  /** A value could not be serialised when its generation was sealed: its writer's record follows the policy. */
  sealFailed(error: unknown): void {
    if (!isSluiceError(error) || !blamesRecord(error)) throw error
    const { node = '', recordTopic: topic = '' } = error.details
    const { recordPartition: partition = -1, recordOffset: offset = -1 } = error.details
    const record = new FlowRecord(
      null,
      null,
      0,
      [],
      String(topic),
      Number(partition),
      Number(offset),
      null,
      null,
    )
    this.#failed(new NodeFailure(String(node), record, error), record)
  }

  /** What a commit captures: positions that moved since the last one; all of them when kept numbers moved, or when told so. */
  offsets(all = false): readonly CommittedOffset[] {
    const moved: CommittedOffset[] = []
    // Ticks of stream time belong to the task; they ride with every partition, the latest counts at restore.
    const entries = this.#parts.timers.entries()
    this.#takenEntries = entries
    // Answers of calls move them without any record: what they led to would be committed without them.
    const whole = all || !sameEntries(entries, this.#committedEntries)
    for (const queue of this.buffer.queues) {
      if (whole || queue.position !== this.#committed.get(queue)) {
        const metadata = encodeEnvelope({ partitionTime: queue.time, entries })
        moved.push({ topic: queue.topic, partition: queue.partition, offset: queue.position, metadata })
      }
    }
    return moved
  }

  /** The offsets of the last `offsets()` call are committed. */
  committed(offsets: readonly CommittedOffset[]): void {
    this.#committedEntries = this.#takenEntries
    for (const queue of this.buffer.queues) {
      const own = offsets.find(
        ({ topic, partition }) => topic === queue.topic && partition === queue.partition,
      )
      if (own !== undefined) this.#committed.set(queue, own.offset)
    }
  }

  /** Committed positions of repartition topics, below which records may be deleted. */
  committedInternal(): readonly { topic: string; partition: number; offset: number }[] {
    return [...this.#committed]
      .filter(([queue]) => this.graph.sources[queue.source]!.node.source!.internal === true)
      .map(([{ topic, partition }, offset]) => ({ topic, partition, offset }))
  }

  close(): void {
    this.graph.close()
  }

  #processHead(queue: PartitionQueue): void {
    const batch = queue.batch!
    const index = queue.index
    const record = this.#read(queue, batch, index)
    if (record === undefined) return
    const { streamTime } = this.#parts
    // Both in one place: what a restart takes for stream time must not have seen records that this run skipped.
    if (record.timestamp > queue.time) queue.time = record.timestamp
    if (record.timestamp > streamTime.value) streamTime.value = record.timestamp
    this.#parts.current.record = record
    try {
      this.graph.sources[queue.source]!.next(record)
    } catch (error) {
      const raw = rawRecord(batch, index)
      this.#failed(error, raw)
    }
  }

  #read(queue: PartitionQueue, batch: FetchedBatch, index: number): FlowRecord | undefined {
    const reader = this.#readers[queue.source]!
    try {
      const record = reader.read(batch, index, queue.time)
      if (!reader.extracts || record.timestamp >= 0) return record
      this.#parts.dropped(record, this.graph.sources[queue.source]!.node.name)
      return undefined
    } catch (error) {
      this.#unreadable(batch, index, this.graph.sources[queue.source]!, reader.side, error)
      return undefined
    }
  }

  #unreadable(
    batch: FetchedBatch,
    index: number,
    entry: SourceEntry,
    side: 'key' | 'value',
    cause: unknown,
  ): void {
    const source = entry.node.source!
    const error = sluiceError(
      'SLUICE_DESERIALIZE',
      {
        topic: batch.topic,
        partition: batch.partition,
        offset: batch.offsetAt(index),
        side,
        format: side === 'key' ? source.key.format : source.value.format,
        problem: problemOf(cause),
      },
      cause,
    )
    this.#parts.errors.apply('deserialize', letterOf(rawRecord(batch, index), entry.node.name, 0), error)
  }

  /** A record failed somewhere below: dead letter, or out of here when the policy or the error says so. */
  #failed(error: unknown, record: FlowRecord | undefined): void {
    const blame = processingError(error)
    if (!blamesRecord(error)) throw blame
    const node = error instanceof NodeFailure ? error.node : ''
    this.#parts.errors.apply(stepOf(blame), letterOf(record ?? NO_RECORD, node, 0), blame)
  }
}

function sameEntries(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): boolean {
  if (one.size !== other.size) return false
  for (const [name, value] of one) if (other.get(name) !== value) return false
  return true
}

/** The event time of a record for the choice among queues; one that cannot be read takes its own turn. */
function timeOf(reader: SourceReader, batch: FetchedBatch, index: number, partitionTime: number): number {
  try {
    return reader.read(batch, index, partitionTime).timestamp
  } catch {
    return batch.timestampAt(index)
  }
}

/** A punctuator failed: there is no record, but the letter says where and why. */
const NO_RECORD = new FlowRecord(null, null, 0, [], '', -1, -1, null, null)

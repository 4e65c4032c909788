/**
 * The contract of an operator at run time: built once per task into plain functions that call the next one.
 * Nothing here may be asynchronous; what answers later goes through `context.async`.
 */
import type { AsyncOperatorFactory } from './async-operator.ts'
import type { FlowRecord, Headers, TaskId } from './record.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { Serde } from './serde.ts'

/** The rest of the chain below a node. */
export type Next = (record: FlowRecord) => void

export interface Processor {
  process(record: FlowRecord): void
  /**
   * Emits what coalesced emission holds back. Called at each commit in topological order until it returns true; when
   * `shouldYield()` says so it must return false soon and go on where it stopped at the next call.
   */
  flush?(shouldYield: () => boolean): boolean
  close?(): void
}

/** Builds the processor of a node for one task. Called once per task; may keep `context`. */
export type BuildProcessor = (context: ProcessorContext) => Processor

export type PunctuationKind = 'stream-time' | 'wall-clock'

export interface Cancellable {
  cancel(): void
}

/** What a node of one task may use. */
export interface ProcessorContext {
  readonly application: string
  readonly task: TaskId
  readonly node: string
  readonly log: Logger
  readonly metrics: Metrics
  /** Forwards to all children, in the order in which they were added. Synchronous, depth first. */
  readonly next: Next
  /** Forwards to one child. @throws SLUICE_INTERNAL at build time when there is no such child. */
  nextNamed(child: string): Next
  /** The store of that name as `engine/state` made it. @throws SLUICE_STORE_UNKNOWN */
  store<S>(name: string): S
  /** A writer to a topic (sinks). */
  output(spec: OutputSpec): OutputWriter
  /** Binds an asynchronous operator; the function returned admits records, their outcomes reach `next`. */
  async(factory: AsyncOperatorFactory, codec: LedgerCodec): (record: FlowRecord) => void
  /**
   * Calls `run` with the time that is due. Stream time: first as soon as it is known, then every interval of it; wall
   * clock: first after one interval. Missed ticks collapse into one. Runs on the loop, before commits, never inside `process`.
   */
  schedule(intervalMs: number, kind: PunctuationKind, run: (timestamp: number) => void): Cancellable
  /** Highest event time that reached this node's region; behind an asynchronous operator held back by pending records. -1 before the first record. */
  streamTime(): number
  wallClock(): number
  /**
   * A number of this node that survives a restart: committed with the task's offsets, in Kafka Streams' own commit metadata.
   * For an operator's stream time, so that a restart drops and accepts the same late records as a straight run.
   * @param name short, unique within the node; -1 when it was never set
   */
  kept(name: string): KeptNumber
  /**
   * Least wall-clock time between two looks for results that have become final, ms: looking is costly, results final for a while.
   * `unmatched`: records of stream joins without a partner; `windowClose`: aggregates emitted when their window closes.
   */
  readonly lookIntervals: { readonly unmatched: number; readonly windowClose: number }
  /** Asks for a commit soon. */
  commit(): void
  /** Counts and logs (debug) a record dropped by rule, for instance a null key in a join. */
  drop(record: FlowRecord, reason: string): void
}

/** A safe integer, often an event time in ms. */
export interface KeptNumber {
  value: number
}

/** Serdes of an asynchronous operator's input: what the ledger keeps of it. */
export interface LedgerCodec {
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
}

export interface OutputSpec {
  readonly topic: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** Fixed partition = the task's own (changelogs); otherwise murmur2 of the key as Java, round robin for null keys. */
  readonly samePartition?: boolean
  /**
   * Chooses the partition, from 0 to `partitions - 1`, or several of them, or none (an empty list drops the record);
   * undefined: as without. Called once per record, on the processing path.
   */
  readonly partition?: (record: FlowRecord, partitions: number) => number | readonly number[] | undefined
  /** Chooses the topic, in place of `topic`. Called once per record, on the processing path. */
  readonly topicOf?: (record: FlowRecord) => string
}

/** Serialises and appends to the output of the current generation. Serialisation errors carry SLUICE_SERIALIZE. */
export interface OutputWriter {
  write(record: FlowRecord, headers?: Headers): void
}

/**
 * A topology as data: frozen nodes that a language writes, `compile` completes and the runtime builds per task.
 * Nodes carry their behaviour as a `build` function, so that the runtime never needs to know an operator by name.
 */
import type { BuildProcessor, LedgerCodec, OutputSpec } from '../../core/processor.ts'
import type { Headers } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { TimestampExtractor } from '../../core/topic.ts'

export interface TopologyNode {
  /** Unique within the application; by the user or from content (`names.ts`), never from a counter. */
  readonly name: string
  /** The verb, for descriptions and names: `filter`, `join` … */
  readonly kind: string
  /** Names of the nodes that feed this one. */
  readonly parents: readonly string[]
  readonly source?: SourceSpec
  readonly sink?: SinkSpec
  /** Absent on sources: the runtime feeds their children. */
  readonly build?: BuildProcessor
  /** Takes the place of `build` when nothing is below the node: keeps state, emits nothing (a table that is only joined). */
  readonly buildSilent?: BuildProcessor
  /** Takes the place of `build` when something below needs what a value was before: its changes carry it. */
  readonly buildTracking?: BuildProcessor
  /** Takes the place of `build` when nobody else looks into the node's store or asks what a value was before. */
  readonly buildUnasked?: BuildProcessor
  /**
   * Takes the place of `build`, and the node's stores go, when nobody looks into them or asks what a value was before. Only where
   * names are Kafka Streams', which makes no store then; elsewhere a table keeps its store, for queries.
   */
  readonly buildStoreless?: BuildProcessor
  /** Parents (tables) whose changes must carry what a value was before. */
  readonly needsOldValues?: readonly string[]
  /** Leaves out deletions of what was never there, if its parent can say so without a store made for it. */
  readonly likesOldValues?: boolean
  /**
   * What it takes for this table to say what a value was before. `at-hand` (default): nothing, it has a store with a name or
   * just read the value. `on-demand`: a store that nobody named, read only for who cannot do without. `relayed`: its parents must
   * be able to. `demands`: as `relayed`, and it demands it of them.
   */
  readonly oldValues?: 'at-hand' | 'on-demand' | 'relayed' | 'demands'
  /** Stores this node owns or uses. A store is defined by one node; others name it in `connects`. */
  readonly stores?: readonly StoreSpec[]
  readonly connects?: readonly string[]
  /** Global tables this node reads, by name. Every instance has them whole, so they bind no tasks together. */
  readonly globals?: readonly string[]
  /** What this node reads of a record. A side nobody reads is never deserialised, it passes as bytes. */
  readonly reads: 'nothing' | 'key' | 'value' | 'both'
  /** Whether key and value leave as they came (a filter keeps both, mapValues only the key). */
  readonly keeps: 'nothing' | 'key' | 'value' | 'both'
  /** Sets the repartition-required flag of what follows (selectKey, map, flatMap, groupBy): rule R1. */
  readonly changesKey?: boolean
  /**
   * Input that must be partitioned by key: state by key or a join. `compile` inserts a repartition topic in front when
   * the key may have changed upstream (rule R2). One entry per parent that needs it.
   */
  readonly partitioned?: readonly PartitionedInput[]
  /** Parents that must have equal partition counts and be read by one task. */
  readonly copartitions?: readonly string[]
  /** Has calls in flight: the runtime keeps a ledger store `<name>-ledger` for it. */
  readonly asynchronous?: boolean
  /** Serdes of an asynchronous node's input, as given to `context.async`. */
  readonly ledger?: LedgerCodec
  /**
   * Of a join of a stream with itself: what may take the place of this node, below the first of the windows only, when the
   * records are to be kept once (`shareSelfJoins`).
   */
  readonly selfJoin?: TopologyNode
  /** A left join takes null keys: a repartition somewhere in front of it must not drop them (rule R3). */
  readonly allowsNullKey?: boolean
  /** Serdes known for the output of this node, when the value or key is written somewhere below. */
  readonly keySerde?: Serde<unknown>
  readonly valueSerde?: Serde<unknown>
  /** What `explain` says of the limits of an asynchronous node, a line each. */
  readonly advice?: readonly string[]
  /** One line for `explain`. */
  readonly note?: string
}

export interface PartitionedInput {
  readonly parent: string
  /** Base name of the repartition topic: `<application>-<name>-repartition`. */
  readonly name: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** Nobody gave its name: it may change when the topology does. */
  readonly generated?: true
  /** Fixed partition count; absent: as the sources feeding it. */
  readonly partitions?: number
  /** Repartition even when the key cannot have changed (the verb `repartition`). */
  readonly always?: boolean
  /** As in `OutputSpec`. */
  readonly partition?: OutputSpec['partition']
}

export interface SourceSpec {
  readonly topics: readonly string[]
  /** Reads all topics with such a name; `topics` are those that there are at the start. */
  readonly pattern?: RegExp
  /** As in `Topic`. */
  readonly timestamp?: TimestampExtractor<unknown, unknown>
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** A topic of the application's own: its records are purged after they were committed. */
  readonly internal?: boolean
  /** With `internal`: `compile` puts `<application>-` in front of the topics (internal topics that an operator asks for). */
  readonly scoped?: boolean
}

/** A table that every instance holds whole: all partitions of its topic. */
export interface GlobalSpec {
  /** Of its store. */
  readonly name: string
  readonly topic: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
}

export interface SinkSpec {
  readonly topic: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  readonly internal?: boolean
  /** With `internal`: `compile` puts `<application>-` in front of the topic. */
  readonly scoped?: boolean
  /** As in `OutputSpec`. */
  readonly partition?: OutputSpec['partition']
  /** As in `OutputSpec`; `topic` is `ANY_TOPIC` then. */
  readonly topicOf?: OutputSpec['topicOf']
}

/** Stands for a topic chosen per record; no topic can have this name. */
export const ANY_TOPIC = '*'

export interface StoreSpec {
  readonly name: string
  /**
   * `key-value`: plain values. `timestamped`: each value with the event time of its last update (tables, aggregates).
   * `window`, `timestamped-window`, `session`: by key and window. `versioned`: all values of a key over event time (KIP-889).
   */
  readonly kind: 'key-value' | 'timestamped' | 'window' | 'timestamped-window' | 'session' | 'versioned'
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** False: the store is rebuilt from nothing after a crash. Default true. */
  readonly changelog: boolean
  /** Window, session: how long a window is kept, ms of event time. Versioned: the history retention. */
  readonly retentionMs?: number
  /** Window stores: the size of their windows, which gives the end of a windowed key. Ms; absent for sessions. */
  readonly windowSizeMs?: number
  /** Kind `window`: puts of the same key and start are kept side by side (stream-stream joins). Default false. */
  readonly retainDuplicates?: boolean
  /** Kind `key-value`: keeps this many keys, the least recently used go (LRU). Default no bound. */
  readonly capacity?: number
  /** Nobody gave its name: it may change when the topology does. */
  readonly generated?: boolean
  /**
   * Headers of its changelog's values, deletions have none: some stores of Kafka Streams say the version of their format, others
   * (`record`) keep those of the record that caused the update.
   */
  readonly changelogHeaders?: Headers | 'record'
  /** A source topic that serves as changelog (table read directly from a compacted topic is NOT done by default, as in Kafka without optimisation). */
  readonly sourceChangelog?: string
}

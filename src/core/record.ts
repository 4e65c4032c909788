/**
 * The record as the engine sees it, and the words around it: bytes, headers, partitions, tasks.
 * It must never know a serde or a broker: it only carries what they made.
 */

/** Raw bytes. Adapters hand out Node Buffers (a Uint8Array); nobody may write into bytes received from a port. */
export type Bytes = Uint8Array

/** Serialised key or value: bytes, or text that stands for its UTF-8 bytes (saves one copy on the hot path). */
export type Encoded = Bytes | string

/** One record header; keys may repeat and keep their order. */
export interface Header {
  readonly key: string
  readonly value: Bytes | null
}

export type Headers = readonly Header[]

export const NO_HEADERS: Headers = Object.freeze([])

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The key of a partition in a Map: `topic-partition`, as Kafka prints it. */
export function partitionId(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** A task: one partition of one sub-topology; the unit that moves between instances. */
export interface TaskId {
  readonly subtopology: number
  readonly partition: number
}

/** `<subtopology>_<partition>`, the name of a task in logs, metrics and folders, as in Kafka Streams. */
export function taskName(id: TaskId): string {
  return `${id.subtopology}_${id.partition}`
}

/**
 * One record on its way through the operators. Treat it as immutable: `with…` gives a changed copy that keeps
 * topic, partition, offset (where it came from), timestamp and headers (its context).
 *
 * `keyBytes` and `valueBytes` are the serialised forms as they were read, kept only while the key or value is
 * untouched, so that a record passing through is not serialised again; `undefined` = unknown. They are memos, not
 * data: an operator that changes the key or value must go through `with…`, which forgets them.
 */
export class FlowRecord<K = unknown, V = unknown> {
  readonly key: K
  readonly value: V
  /** Event time in ms since 1970. */
  readonly timestamp: number
  readonly headers: Headers
  /** Source topic; '' for records made by a punctuator. */
  readonly topic: string
  readonly partition: number
  /** Source offset; -1 for records made by a punctuator. */
  readonly offset: number
  keyBytes: Bytes | null | undefined
  valueBytes: Bytes | null | undefined

  constructor(
    key: K,
    value: V,
    timestamp: number,
    headers: Headers,
    topic: string,
    partition: number,
    offset: number,
    keyBytes: Bytes | null | undefined,
    valueBytes: Bytes | null | undefined,
  ) {
    this.key = key
    this.value = value
    this.timestamp = timestamp
    this.headers = headers
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.keyBytes = keyBytes
    this.valueBytes = valueBytes
  }

  withValue<W>(value: W): FlowRecord<K, W> {
    return new FlowRecord(
      this.key,
      value,
      this.timestamp,
      this.headers,
      this.topic,
      this.partition,
      this.offset,
      this.keyBytes,
      undefined,
    )
  }

  withKey<L>(key: L): FlowRecord<L, V> {
    return new FlowRecord(
      key,
      this.value,
      this.timestamp,
      this.headers,
      this.topic,
      this.partition,
      this.offset,
      undefined,
      this.valueBytes,
    )
  }

  with<L, W>(key: L, value: W): FlowRecord<L, W> {
    return new FlowRecord(
      key,
      value,
      this.timestamp,
      this.headers,
      this.topic,
      this.partition,
      this.offset,
      undefined,
      undefined,
    )
  }

  withTimestamp(timestamp: number): FlowRecord<K, V> {
    return new FlowRecord(
      this.key,
      this.value,
      timestamp,
      this.headers,
      this.topic,
      this.partition,
      this.offset,
      this.keyBytes,
      this.valueBytes,
    )
  }

  withHeaders(headers: Headers): FlowRecord<K, V> {
    return new FlowRecord(
      this.key,
      this.value,
      this.timestamp,
      headers,
      this.topic,
      this.partition,
      this.offset,
      this.keyBytes,
      this.valueBytes,
    )
  }
}

/** What travels on the edges of a table: the value before and after an update; `null` = absent. */
export interface Change<V> {
  readonly newValue: V | null
  readonly oldValue: V | null
  /** Of a versioned table: the update is older than the latest version of its key, which stays as it is. Absent = false. */
  readonly late?: boolean
}

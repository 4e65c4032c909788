/**
 * Makes the record of one entry of a fetched batch: each side decoded once, or passed as bytes where nobody reads it.
 * Views of the bytes are made only where somebody may want them again: a view costs as much as a cheap operator.
 */
import type { FetchedBatch } from '../../core/broker.ts'
import { type Bytes, FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { TimestampExtractor } from '../../core/topic.ts'
import type { PlanNode } from '../topology/plan.ts'

/** Of one source node in one task. */
export class SourceReader {
  readonly #key: Serde<unknown>
  readonly #value: Serde<unknown>
  readonly #decodesKey: boolean
  readonly #decodesValue: boolean
  readonly #keepsKey: boolean
  readonly #keepsValue: boolean
  readonly #timestamp: TimestampExtractor<unknown, unknown> | undefined
  /** The side that `read` is at, for the message when its serde throws. */
  side: 'key' | 'value' = 'key'

  /**
   * @param nodes of the source's sub-topology. Value bytes are kept for nodes that write them again and for asynchronous
   *   ones, whose dead letters want them; key bytes always, unless the serde says that it would write the same again.
   */
  constructor(source: PlanNode, nodes: readonly PlanNode[]) {
    const asynchronous = nodes.some((node) => node.asynchronous === true)
    this.#key = source.source!.key
    this.#value = source.source!.value
    this.#timestamp = source.source!.timestamp
    this.#decodesKey = source.decode!.key
    this.#decodesValue = source.decode!.value
    this.#keepsKey = asynchronous || this.#key.reproduces === undefined
    this.#keepsValue = asynchronous || nodes.some((node) => node.reuse?.value === true)
  }

  /** Whether it asks the application when a record happened. */
  get extracts(): boolean {
    return this.#timestamp !== undefined
  }

  /**
   * @param partitionTime for the topic's own extractor of timestamps
   * @throws what the serde of `side`, or the extractor, throws
   */
  read(batch: FetchedBatch, index: number, partitionTime: number = -1): FlowRecord {
    const record = this.#read(batch, index)
    if (this.#timestamp === undefined) return record
    return record.withTimestamp(wholeTime(this.#timestamp(record, partitionTime)))
  }

  #read(batch: FetchedBatch, index: number): FlowRecord {
    this.side = 'key'
    let keyBytes: Bytes | null | undefined
    let key: unknown
    if (this.#keepsKey || !this.#decodesKey || batch.decodeKey === undefined) {
      keyBytes = batch.keyAt(index)
      key = decoded(this.#key, keyBytes, this.#decodesKey)
    } else {
      key = batch.decodeKey(index, this.#key)
      if (key === null) keyBytes = null
      else if (!this.#key.reproduces!(key, batch.keySize!(index))) keyBytes = batch.keyAt(index)
    }
    this.side = 'value'
    let valueBytes: Bytes | null | undefined
    let value: unknown
    if (this.#keepsValue || !this.#decodesValue || batch.decodeValue === undefined) {
      valueBytes = batch.valueAt(index)
      value = decoded(this.#value, valueBytes, this.#decodesValue)
    } else {
      value = batch.decodeValue(index, this.#value)
      if (value === null) valueBytes = null
    }
    return new FlowRecord(
      key,
      value,
      batch.timestampAt(index),
      batch.headersAt(index),
      batch.topic,
      batch.partition,
      batch.offsetAt(index),
      keyBytes,
      valueBytes,
    )
  }
}

/** Times are committed and stored as whole numbers: a fraction would stop the worker at its next commit. */
function wholeTime(said: unknown): number {
  if (Number.isSafeInteger(said)) return said as number
  throw new RangeError(`the extractor of timestamps returned ${String(said)}, expected whole milliseconds`)
}

function decoded(serde: Serde<unknown>, bytes: Bytes | null, decode: boolean): unknown {
  if (bytes === null) return null
  if (decode) return serde.deserialize(bytes)
  serde.check?.(bytes)
  return bytes
}

/** The record as it lies in the topic, for dead letters: both sides bytes. */
export function rawRecord(batch: FetchedBatch, index: number): FlowRecord {
  const key = batch.keyAt(index)
  const value = batch.valueAt(index)
  const { topic, partition } = batch
  return new FlowRecord(
    key,
    value,
    batch.timestampAt(index),
    batch.headersAt(index),
    topic,
    partition,
    batch.offsetAt(index),
    key,
    value,
  )
}

/** Reads what a topic holds now, to its present end, and single records by their offset. */
import type { Broker, FetchedBatch, Fetcher } from '../core/broker.ts'
import type { Bytes, Headers } from '../core/record.ts'
import { partitionId } from '../core/record.ts'
import type { Range } from './folder-broker.ts'

/**
 * Calls `each` with every committed record within the ranges, in offset order per partition.
 * @throws what made reading impossible, for instance SLUICE_CORRUPT_BATCH
 */
export async function readAll(
  broker: Broker,
  topic: string,
  ranges: readonly Range[],
  each: (partition: number, batch: FetchedBatch, index: number) => void,
): Promise<void> {
  const left = new Map(
    ranges.filter(({ start, end }) => start < end).map((range) => [range.partition, range.end]),
  )
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  try {
    for (const { partition, start } of ranges) if (left.has(partition)) fetcher.add(topic, partition, start)
    while (left.size > 0) {
      await fetcher.arrived(1000)
      for (const batch of fetcher.take()) {
        if (batch.kind === 'failed') throw batch.error
        const end = left.get(batch.partition)
        if (end === undefined) continue
        for (let at = 0; at < batch.count; at++)
          if (batch.offsetAt(at) < end) each(batch.partition, batch, at)
        if (batch.nextOffset < end) continue
        left.delete(batch.partition)
        fetcher.remove(topic, batch.partition)
      }
    }
  } finally {
    fetcher.close()
  }
}

/** One record as it lies in the log; its bytes are its own. */
export interface StoredRecord {
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly timestamp: number
  readonly headers: Headers
}

/** Reads single records; one per tool, closed by it. */
export class RecordReader {
  readonly #broker: Broker
  readonly #fetcher: Fetcher

  constructor(broker: Broker) {
    this.#broker = broker
    this.#fetcher = broker.fetcher({ isolation: 'read_committed', maxPartitionBytes: 1 })
  }

  /** The record at exactly this offset; undefined when it was deleted, compacted away, or its topic is gone. */
  async at(topic: string, partition: number, offset: number): Promise<StoredRecord | undefined> {
    const { admin } = this.#broker
    if (!(await this.has(topic, partition))) return undefined
    const start = await admin.listOffset(topic, partition, 'earliest', 'read_committed')
    const end = await admin.listOffset(topic, partition, 'latest', 'read_committed')
    if (offset < start || offset >= end) return undefined
    this.#fetcher.add(topic, partition, offset)
    try {
      return await this.#first(partitionId(topic, partition), offset)
    } finally {
      this.#fetcher.remove(topic, partition)
    }
  }

  async has(topic: string, partition: number): Promise<boolean> {
    const [description] = await this.#broker.admin.describeTopics([topic])
    return description !== undefined && partition < description.partitions
  }

  close(): void {
    this.#fetcher.close()
  }

  async #first(id: string, offset: number): Promise<StoredRecord | undefined> {
    for (;;) {
      for (const batch of this.#fetcher.take()) {
        if (partitionId(batch.topic, batch.partition) !== id) continue
        if (batch.kind === 'failed') throw batch.error
        if (batch.count > 0) return batch.offsetAt(0) === offset ? recordOf(batch) : undefined
        if (batch.nextOffset > offset) return undefined
      }
      await this.#fetcher.arrived(1000)
    }
  }
}

function recordOf(batch: FetchedBatch): StoredRecord {
  return {
    key: ownBytes(batch.keyAt(0)),
    value: ownBytes(batch.valueAt(0)),
    timestamp: batch.timestampAt(0),
    headers: ownHeaders(batch.headersAt(0)),
  }
}

/** Bytes of a batch are gone with it: a copy that stays. */
export function ownBytes(bytes: Bytes | null): Bytes | null {
  return bytes === null ? null : Buffer.from(bytes)
}

export function ownHeaders(headers: Headers): Headers {
  return headers.map(({ key, value }) => ({ key, value: ownBytes(value) }))
}

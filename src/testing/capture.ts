/** The broker's side of a test driver: a producer whose records are at hand as soon as they are appended, in order. */
import type { FetchedBatch, Producer, SendBuffer } from '../core/broker.ts'
import type { Bytes, Headers } from '../core/record.ts'
import { encodedBytes } from '../core/serde.ts'

/** One record as written, still bytes. */
export interface CapturedRecord {
  readonly topic: string
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly timestamp: number
  readonly headers: Headers
}

/** A producer that hands each appended record to `captured`; sending, offsets and transactions are no-ops by nature. */
export function capturingProducer(captured: (record: CapturedRecord) => void): Producer {
  const buffer: SendBuffer = {
    records: 0,
    bytes: 0,
    append(target, key, value, timestamp, headers) {
      captured({
        topic: target.topic,
        key: key === null ? null : encodedBytes(key),
        value: value === null ? null : encodedBytes(value),
        timestamp,
        headers,
      })
    },
  }
  let targets = 0
  return {
    init: () => Promise.resolve(),
    target: (topic, partition) => ({ topic, partition, index: targets++ }),
    buffer: () => buffer,
    send: () => Promise.resolve([]),
    sendOffsets: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    abort: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

/** A record as a fetch would give it. */
export function singleRecord(record: CapturedRecord, offset: number): FetchedBatch {
  return {
    kind: 'records',
    topic: record.topic,
    partition: 0,
    count: 1,
    offsetAt: () => offset,
    timestampAt: () => record.timestamp,
    keyAt: () => record.key,
    valueAt: () => record.value,
    headersAt: () => record.headers,
    bytes: 1,
    nextOffset: offset + 1,
    endOffset: offset + 1,
  }
}

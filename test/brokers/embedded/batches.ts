/** Batches to append to logs in tests, and reading logs back in full. */
import type { PartitionLog } from '../../../src/brokers/embedded/partition-log.ts'
import { readHeader } from '../../../src/brokers/record-batch/header.ts'
import { indexBatches } from '../../../src/brokers/record-batch/reader.ts'
import { BatchWriter, NO_STAMP, controlBatch } from '../../../src/brokers/record-batch/writer.ts'

export type Pair = readonly [key: string | null, value: string | null]

export interface BatchOptions {
  readonly timestamp?: number
  readonly producerId?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
}

export function batchOf(pairs: readonly Pair[], options: BatchOptions = {}): Buffer {
  const writer = new BatchWriter()
  for (const [key, value] of pairs) writer.append(key, value, options.timestamp ?? 1000, [])
  const { producerId, baseSequence = 0, transactional = false } = options
  return writer.finish(
    producerId === undefined ? NO_STAMP : { producerId, producerEpoch: 0, baseSequence, transactional },
  )
}

export function inTransaction(producerId: number, pairs: readonly Pair[]): Buffer {
  return batchOf(pairs, { producerId, transactional: true })
}

export function ended(outcome: 'commit' | 'abort', producerId: number): Buffer {
  return controlBatch(outcome, producerId, 0, 1000)
}

/** `offset:key=value` of everything a reader of this isolation sees. */
export async function contentOf(
  log: PartitionLog,
  isolation: 'read_committed' | 'read_uncommitted' = 'read_committed',
  maxBytes = 300,
): Promise<string[]> {
  const seen: string[] = []
  const committed = isolation === 'read_committed'
  const end = committed ? log.stableOffset : log.highWatermark
  for (let offset = log.startOffset; offset < end;) {
    const parts = await log.read(offset, maxBytes, end)
    const aborted = committed ? { aborted: log.aborted(offset, end) } : {}
    const place = { topic: log.topic, partition: log.partition }
    const index = indexBatches(parts, { ...place, from: offset, endOffset: end, ...aborted })
    for (let i = 0; i < index.count; i++) {
      seen.push(`${index.offsetAt(i)}:${textOf(index.keyAt(i))}=${textOf(index.valueAt(i))}`)
    }
    if (index.nextOffset <= offset) throw new Error(`reading stands still at ${offset} of ${end}`)
    offset = index.nextOffset
  }
  return seen
}

function textOf(bytes: Uint8Array | null): string {
  return bytes === null ? '' : String(bytes)
}

export function batchesIn(bytes: Uint8Array): { readonly at: number; readonly end: number }[] {
  const found: { at: number; end: number }[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + readHeader(bytes, at).size
    found.push({ at, end })
    at = end
  }
  return found
}

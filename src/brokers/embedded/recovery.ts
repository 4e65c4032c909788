/**
 * Brings a cluster back after a stop or a crash: transactions whose owners are dead are ended as was decided (prepared ones
 * committed, all others aborted), then committed offsets are read back. No client may be served before it resolved.
 */
import type { Bytes } from '../../core/record.ts'
import type { FetchedBatch } from '../../core/broker.ts'
import { readHeader } from '../record-batch/header.ts'
import { indexBatches } from '../record-batch/reader.ts'
import { controlBatch } from '../record-batch/writer.ts'
import type { Offsets } from './offsets.ts'
import type { Partition } from './partition.ts'
import { allFlushed } from './partition.ts'
import type { Topics } from './topics.ts'
import type { Transactions } from './transactions.ts'

const READ_BYTES = 1024 * 1024

/** 1. What was decided. 2. End what is open. 3. Committed offsets. */
export async function recover(
  parts: {
    readonly topics: Topics
    readonly offsets: Offsets
    readonly offsetsLog: Partition
    readonly transactions: Transactions
    readonly transactionsLog: Partition
  },
  now: number,
): Promise<void> {
  const { topics, offsets, offsetsLog, transactions, transactionsLog } = parts
  await eachRecord(transactionsLog, (batch, i) => transactions.replay(batch.keyAt(i)!, batch.valueAt(i)))
  const touched = new Set<Partition>()
  for (const partition of topics.all()) {
    for (const [producerId, epoch] of await openTransactions(partition)) {
      partition.appendOwn(controlBatch(transactions.fate(producerId, epoch), producerId, epoch, now))
      touched.add(partition)
    }
  }
  await allFlushed(touched)
  transactions.recovered()
  // Every transaction has its marker now, so committed ones count and others are hidden: no pending offsets.
  await eachRecord(offsetsLog, (batch, i) =>
    offsets.replay(batch.offsetAt(i), batch.keyAt(i)!, batch.valueAt(i)),
  )
  // A crash may have come between the end of a topic and that of its offsets.
  for (const topic of offsets.topics())
    if (topics.partitionCount(topic) === undefined) await offsets.forgetTopic(topic)
}

/** Producer id and epoch of every transaction without a marker. */
async function openTransactions(partition: Partition): Promise<ReadonlyMap<number, number>> {
  const { log } = partition
  const open = new Map<number, number>()
  let offset = Math.max(log.stableOffset, log.startOffset)
  while (offset < log.nextOffset) {
    const from = offset
    for (const part of await log.read(offset, READ_BYTES, log.nextOffset)) {
      for (let at = 0; at < part.length;) {
        const header = readHeader(part, at)
        if (header.control) open.delete(header.producerId)
        else if (header.transactional) open.set(header.producerId, header.producerEpoch)
        offset = Math.max(offset, header.lastOffset + 1)
        at += header.size
      }
    }
    if (offset === from) break
  }
  return open
}

/** Every committed record of a log of the broker. */
async function eachRecord(
  partition: Partition,
  visit: (batch: FetchedBatch, index: number) => void,
): Promise<void> {
  const { log, topic, index } = partition
  for (let from = log.startOffset; from < log.stableOffset;) {
    const limit = log.stableOffset
    const parts: readonly Bytes[] = await log.read(from, READ_BYTES, limit)
    const batch = indexBatches(parts, {
      topic,
      partition: index,
      from,
      endOffset: limit,
      aborted: log.aborted(from, limit),
    })
    for (let i = 0; i < batch.count; i++) visit(batch, i)
    if (batch.nextOffset <= from) break
    from = batch.nextOffset
  }
}

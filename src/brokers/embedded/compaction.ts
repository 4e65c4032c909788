/**
 * Compaction of closed segments: the last value per key stays, everything else goes; offsets stay as they are. Segments
 * are rewritten oldest first, so that a crash in between never leaves a marker's absence with data that still needs it.
 */
import type { Bytes } from '../../core/record.ts'
import type { AbortedTransaction } from '../record-batch/aborted.ts'
import type { BatchHeader } from '../record-batch/header.ts'
import { readHeader } from '../record-batch/header.ts'
import { indexBatches } from '../record-batch/reader.ts'
import { keepRecords } from '../record-batch/rewrite.ts'
import type { Segment } from './segment.ts'

const READ_BYTES = 1024 * 1024

export interface CompactionJob {
  readonly topic: string
  readonly partition: number
  /** Closed neighbours from the beginning of the log on, all decided. */
  readonly segments: readonly Segment[]
  /** The log's start: what is before may go whatever it is. */
  readonly from: number
  /** Neighbours are merged up to this size. */
  readonly segmentBytes: number
  /** Tombstones below this offset have been kept long enough. */
  readonly dropTombstonesBelow: number
  aborted(from: number, to: number): readonly AbortedTransaction[]
  replace(old: readonly Segment[], batches: readonly Bytes[]): Promise<void>
}

/** What the first pass found. */
interface Survey {
  /** Offset of the last record of each key (Latin-1 of its bytes: one character a byte). */
  readonly lastOfKey: Map<string, number>
  /** Last batch of each producer: it stays, if need be empty, since it carries the producer's sequence. */
  readonly lastOfProducer: Map<number, number>
}

/** @returns the offset below which tombstones were kept; 0 = there are none */
export async function compact(job: CompactionJob): Promise<{ readonly keptTombstonesBelow: number }> {
  const survey: Survey = { lastOfKey: new Map(), lastOfProducer: new Map() }
  for (const segment of job.segments)
    await eachBatch(segment, (batch, header) => look(job, survey, batch, header))
  const end = job.segments.at(-1)?.nextOffset ?? 0
  let keptTombstonesBelow = 0
  let group = newGroup()
  for (const segment of job.segments) {
    const batches: Bytes[] = []
    let changed = false
    await eachBatch(segment, (batch, header) => {
      const result = rewritten(job, survey, batch, header, end)
      if (result.batch !== undefined) batches.push(result.batch)
      if (result.batch !== batch) changed = true
      if (result.tombstones) keptTombstonesBelow = header.lastOffset + 1
    })
    const bytes = batches.reduce((sum, batch) => sum + batch.length, 0)
    if (group.segments.length > 0 && group.bytes + bytes > job.segmentBytes) {
      await replaceGroup(job, group)
      group = newGroup()
    }
    group.segments.push(segment)
    group.batches.push(...batches)
    group.bytes += bytes
    group.changed ||= changed
  }
  await replaceGroup(job, group)
  return { keptTombstonesBelow }
}

/** Neighbours that become one segment. */
interface Group {
  readonly segments: Segment[]
  readonly batches: Bytes[]
  bytes: number
  changed: boolean
}

function newGroup(): Group {
  return { segments: [], batches: [], bytes: 0, changed: false }
}

async function replaceGroup(job: CompactionJob, group: Group): Promise<void> {
  if (group.changed || group.segments.length > 1) await job.replace(group.segments, group.batches)
}

async function eachBatch(
  segment: Segment,
  visit: (batch: Bytes, header: BatchHeader) => void,
): Promise<void> {
  for (let offset = segment.baseOffset; offset < segment.nextOffset;) {
    const parts = await segment.read(offset, READ_BYTES, segment.nextOffset)
    if (parts.length === 0) return
    for (const part of parts) {
      for (let at = 0; at < part.length;) {
        const header = readHeader(part, at)
        visit(part.subarray(at, at + header.size), header)
        at += header.size
        offset = header.lastOffset + 1
      }
    }
  }
}

function look(job: CompactionJob, survey: Survey, batch: Bytes, header: BatchHeader): void {
  if (header.producerId >= 0 && !header.control)
    survey.lastOfProducer.set(header.producerId, header.baseOffset)
  const index = visible(job, batch, header)
  for (let i = 0; i < index.count; i++) {
    const key = index.keyAt(i)
    if (key !== null) survey.lastOfKey.set(nameOf(key), index.offsetAt(i))
  }
}

function visible(job: CompactionJob, batch: Bytes, header: BatchHeader): ReturnType<typeof indexBatches> {
  const { topic, partition, from } = job
  const aborted = job.aborted(header.baseOffset, header.lastOffset + 1)
  return indexBatches([batch], { topic, partition, from, endOffset: 0, aborted })
}

/** The batch as it stays; undefined: nothing of it stays. The same object: it stays as it is. */
function rewritten(
  job: CompactionJob,
  survey: Survey,
  batch: Bytes,
  header: BatchHeader,
  end: number,
): { readonly batch: Bytes | undefined; readonly tombstones: boolean } {
  const keep = new Set<number>()
  let tombstones = false
  const index = visible(job, batch, header)
  for (let i = 0; i < index.count; i++) {
    const key = index.keyAt(i)
    const offset = index.offsetAt(i)
    // A record without key can never be replaced, and a compacted topic cannot use it.
    if (key === null || survey.lastOfKey.get(nameOf(key)) !== offset) continue
    const tombstone = index.valueAt(i) === null
    if (tombstone && offset < job.dropTombstonesBelow) continue
    tombstones ||= tombstone
    keep.add(offset)
  }
  const needed = survey.lastOfProducer.get(header.producerId) === header.baseOffset
  // The last batch marks how far this part of the log goes: a reader behind it must find its way to the end.
  if (keep.size === 0 && !needed && header.lastOffset + 1 !== end) return { batch: undefined, tombstones }
  if (keep.size === header.count && !header.transactional) return { batch, tombstones }
  return { batch: keepRecords(batch, header, keep), tombstones }
}

function nameOf(key: Bytes): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

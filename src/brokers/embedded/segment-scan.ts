/**
 * Reads segment files when a log is opened: rebuilds what is indexed in memory, finds the torn tail a crash left, and
 * refuses everything else that does not fit. It writes nothing.
 */
import type { Disk, DiskFile } from '../../core/disk.ts'
import type { Bytes } from '../../core/record.ts'
import { HEADER_BYTES, batchProblem, crcFits, headerProblem, readHeader } from '../record-batch/header.ts'
import type { BatchHeader } from '../record-batch/header.ts'
import type { WriteGroup } from './write-group.ts'
import { groupAfter, groupOf } from './write-group.ts'

const CHUNK = 256 * 1024

export interface SegmentScan {
  /** Bytes of whole batches from the beginning on. */
  readonly intact: number
  readonly size: number
  /** What is wrong at `intact`, if that is not the end of the file. */
  readonly problem: string | undefined
  readonly lastGroup: WriteGroup | undefined
}

export interface ScanOptions {
  /** No batch may begin before this offset. */
  readonly from: number
  /** Offsets have no gaps: each batch begins where the one before ends. False for a compacted log. */
  readonly gapless: boolean
  /** Look at every checksum, not only at headers. */
  readonly checkCrc: boolean
  /** Called for each batch; `bytes` has the whole batch at `at` if it is a control batch. */
  visit(header: BatchHeader, bytes: Bytes, at: number): void
}

/** Goes through a segment from its first byte until its end or the first thing that does not fit. */
export async function scanSegment(file: DiskFile, options: ScanOptions): Promise<SegmentScan> {
  const size = file.size()
  let position = 0
  let from = options.from
  let lastGroup: WriteGroup | undefined
  let want = CHUNK
  while (position < size) {
    const chunk = await file.read(position, want)
    want = CHUNK
    let at = 0
    let problem: string | undefined
    while (problem === undefined && chunk.length - at >= HEADER_BYTES) {
      problem = headerProblem(chunk, at)
      if (problem !== undefined) break
      const header = readHeader(chunk, at)
      const whole = header.size <= chunk.length - at
      const needsAll = options.checkCrc || header.control
      const misplaced = options.gapless ? header.baseOffset !== from : header.baseOffset < from
      if (misplaced) problem = `it has offset ${header.baseOffset} where ${from} was next`
      else if (position + at + header.size > size) problem = 'its end is missing'
      else if (!whole && needsAll) want = Math.max(CHUNK, header.size)
      else if (options.checkCrc && !crcFits(chunk, at)) problem = 'its checksum is wrong'
      if (problem !== undefined || (!whole && needsAll)) break
      options.visit(header, chunk, at)
      lastGroup = groupOf(header.leaderEpoch)
      from = header.lastOffset + 1
      at += header.size
    }
    position += at
    if (problem === undefined && at === 0 && want === CHUNK && chunk.length < HEADER_BYTES) {
      problem = `${size - position} bytes are less than a header`
    }
    if (problem !== undefined) return { intact: position, size, problem, lastGroup }
  }
  return { intact: position, size, problem: undefined, lastGroup }
}

/**
 * Whether what follows the intact part is what a crash leaves behind: nothing valid, or only batches of the very group
 * that was never acknowledged.
 */
export async function isTornTail(file: DiskFile, scan: SegmentScan, nextOffset: number): Promise<boolean> {
  const rest = await file.read(scan.intact, scan.size - scan.intact)
  const unacknowledged = groupAfter(scan.lastGroup)
  for (let at = 0; at + HEADER_BYTES <= rest.length; at++) {
    if (rest[at + 16] !== 2 || batchProblem(rest, at) !== undefined) continue
    const header = readHeader(rest, at)
    // A batch out of order is whole, so it is damage and no tear.
    if (header.baseOffset < nextOffset || groupOf(header.leaderEpoch).number !== unacknowledged) return false
    at += header.size - 1
  }
  return true
}

/** Opens a file for the time of `use`. */
export async function withFile<T>(disk: Disk, path: string, use: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(path)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

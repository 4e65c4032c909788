/**
 * A partition's log in a folder: `<base offset>.log` files in Kafka's format, `checkpoint.json`. Opening it cuts the torn
 * tail of a crash; anything else that does not fit is SLUICE_SEGMENT_BROKEN, never silently dropped.
 */
import type { Disk } from '../../core/disk.ts'
import type { Bytes } from '../../core/record.ts'
import type { Logger } from '../../core/log.ts'
import { SILENT } from '../../core/log.ts'
import { sluiceError } from '../../core/errors.ts'
import { markerOf } from '../record-batch/aborted.ts'
import type { BatchHeader } from '../record-batch/header.ts'
import type { SavedCheckpoint } from './checkpoint.ts'
import { loadCheckpoint } from './checkpoint.ts'
import { FileSegment, offsetInName } from './file-segment.ts'
import { FolderStore } from './folder-store.ts'
import { logConfig } from './log-config.ts'
import { ProducerHistories } from './producer-history.ts'
import type { SegmentScan } from './segment-scan.ts'
import { isTornTail, scanSegment, withFile } from './segment-scan.ts'
import { recoverSwap } from './segment-swap.ts'
import { SegmentedLog } from './segmented-log.ts'
import { TailBudget } from './tail-cache.ts'
import { TransactionIndex } from './transaction-index.ts'
import { groupAfter } from './write-group.ts'

export interface FolderLogOptions {
  readonly disk: Disk
  /** The folder of this partition alone; made when absent. */
  readonly folder: string
  readonly topic: string
  readonly partition: number
  /** Kafka's topic configs. */
  readonly config?: Readonly<Record<string, string>>
  readonly logger?: Logger
  /** Memory for recent batches, shared by logs. Default: one for the whole process, 16 MiB a log, 128 MiB in total. */
  readonly tailBudget?: TailBudget
}

const processBudget: TailBudget = new TailBudget()

export class FolderLog extends SegmentedLog {
  /** @throws SLUICE_DISK, SLUICE_SEGMENT_BROKEN, SLUICE_CONFIG_INVALID */
  static async open(options: FolderLogOptions): Promise<FolderLog> {
    const { disk, folder, topic, partition } = options
    const config = logConfig(topic, options.config ?? {})
    await disk.makeFolder(folder)
    await recoverSwap(disk, folder)
    const checkpoint = await loadCheckpoint(disk, folder)
    const found = await openSegments(options, checkpoint, !config.compacts)
    const store = new FolderStore({
      disk,
      folder,
      checkpoint,
      budget: options.tailBudget ?? processBudget,
      active: found.segments.at(-1),
      durable: found.end,
      nextGroup: found.nextGroup,
    })
    const { startOffset, tombstones } = checkpoint
    return new FolderLog({ topic, partition, config, store, startOffset, tombstones, ...found })
  }
}

interface Found {
  readonly segments: readonly FileSegment[]
  readonly end: number
  readonly nextGroup: number
  readonly transactions: TransactionIndex
  readonly producers: ReturnType<ProducerHistories['list']>
}

/** Segments from the start of the log on, the torn tail cut. */
async function openSegments(
  options: FolderLogOptions,
  checkpoint: SavedCheckpoint,
  gapless: boolean,
): Promise<Found> {
  const { disk, folder } = options
  const names = await disk.list(folder)
  const bases = names.map(offsetInName).filter((base) => base !== undefined)
  const indexes = { transactions: new TransactionIndex(), producers: new ProducerHistories() }
  const segments: FileSegment[] = []
  let nextGroup = 0
  for (const [i, base] of bases.entries()) {
    const segment = new FileSegment(disk, folder, base)
    const before = segments.at(-1)?.nextOffset ?? base
    // A gap below the start is a removal that a power cut kept half of.
    if (gapless && base > before && base > checkpoint.startOffset)
      throw broken(segment, 0, `offsets ${before} to ${base - 1} are missing before it`)
    const from = Math.max(base, before)
    const isLast = i === bases.length - 1
    nextGroup = await openSegment(options, segment, { from, gapless, isLast, checkpoint, ...indexes })
    segments.push(segment)
  }
  const last = segments.at(-1)
  const end = Math.max(checkpoint.startOffset, last?.nextOffset ?? 0)
  if (end < checkpoint.end) {
    const problem = `the log reached offset ${checkpoint.end} before, it ends at ${end} now`
    throw broken(last ?? { path: folder }, last?.bytes ?? 0, problem)
  }
  await removeBefore(disk, folder, segments, checkpoint.startOffset)
  indexes.transactions.forgetBelow(checkpoint.startOffset)
  return { segments, end, nextGroup, transactions: indexes.transactions, producers: indexes.producers.list() }
}

interface OpeningSegment {
  readonly from: number
  readonly gapless: boolean
  readonly isLast: boolean
  readonly checkpoint: SavedCheckpoint
  readonly transactions: TransactionIndex
  readonly producers: ProducerHistories
}

/** Indexes one segment. @returns the write group that comes next in it */
async function openSegment(
  options: FolderLogOptions,
  segment: FileSegment,
  opening: OpeningSegment,
): Promise<number> {
  const { from, gapless, isLast, checkpoint, transactions, producers } = opening
  const visit = (header: BatchHeader, bytes: Bytes, at: number): void => {
    segment.add(header)
    producers.add(header)
    // A transaction of which all records were deleted gets no marker any more: it must not hold readers back for ever.
    if (header.transactional && header.lastOffset >= checkpoint.startOffset)
      transactions.add(header, markerOf(header, bytes, at))
  }
  return withFile(options.disk, segment.path, async (file) => {
    const scan = await scanSegment(file, { from, gapless, checkCrc: isLast, visit })
    if (scan.problem !== undefined) {
      const torn = isLast && (await isTornTail(file, scan, segment.nextOffset))
      // Looked at before anything is cut: an acknowledged record that is missing must not go unseen.
      if (!torn || Math.max(segment.nextOffset, checkpoint.startOffset) < checkpoint.end) {
        throw broken(segment, scan.intact, scan.problem)
      }
      await file.truncate(scan.intact)
      sayCut(options, segment, scan)
    }
    // After a process kill the end may be with the operating system only, and it is shown to readers from now on.
    if (isLast) await file.sync()
    segment.madeDurable(segment.bytes)
    return groupAfter(scan.lastGroup)
  })
}

/** Segments wholly before the start: a crash came between the checkpoint and their removal. The last one stays. */
async function removeBefore(
  disk: Disk,
  folder: string,
  segments: FileSegment[],
  startOffset: number,
): Promise<void> {
  let removed = 0
  while (removed < segments.length - 1 && segments[removed + 1]!.baseOffset <= startOffset) {
    await disk.remove(segments[removed++]!.path)
  }
  segments.splice(0, removed)
  if (removed > 0) await disk.syncFolder(folder)
}

function sayCut(
  { topic, partition, logger }: FolderLogOptions,
  segment: FileSegment,
  scan: SegmentScan,
): void {
  const fields = {
    topic,
    partition,
    file: segment.path,
    position: scan.intact,
    bytes: scan.size - scan.intact,
  }
  const log = logger ?? SILENT
  log.warn(fields, `the end that a crash left unfinished was cut off: ${scan.problem ?? ''}`)
}

function broken(segment: { readonly path: string }, position: number, problem: string): Error {
  return sluiceError('SLUICE_SEGMENT_BROKEN', { file: segment.path, position, problem })
}

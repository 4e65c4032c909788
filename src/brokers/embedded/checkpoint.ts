/** The small file beside the segments: where the log starts, how far it was durable, which tombstones wait. */
import type { Disk } from '../../core/disk.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Checkpoint } from './segment.ts'

export interface SavedCheckpoint extends Checkpoint {
  /** The log reached at least here, durably: if it ends earlier on open, acknowledged records are missing. */
  readonly end: number
}

const NAME = 'checkpoint.json'

export async function saveCheckpoint(disk: Disk, folder: string, checkpoint: SavedCheckpoint): Promise<void> {
  await disk.replaceFile(`${folder}/${NAME}`, Buffer.from(JSON.stringify(checkpoint), 'utf8'))
}

/** @throws SLUICE_SEGMENT_BROKEN */
export async function loadCheckpoint(disk: Disk, folder: string): Promise<SavedCheckpoint> {
  const file = `${folder}/${NAME}`
  const bytes = await disk.readFile(file)
  if (bytes === undefined) return { startOffset: 0, end: 0, tombstones: [] }
  try {
    const content: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (isCheckpoint(content)) return content
  } catch (error) {
    throw sluiceError('SLUICE_SEGMENT_BROKEN', { file, position: 0, problem: 'it is no JSON' }, error)
  }
  throw sluiceError('SLUICE_SEGMENT_BROKEN', { file, position: 0, problem: 'it is no checkpoint' })
}

function isCheckpoint(content: unknown): content is SavedCheckpoint {
  const { startOffset, end, tombstones } = (content ?? {}) as Partial<Record<keyof SavedCheckpoint, unknown>>
  return Number.isSafeInteger(startOffset) && Number.isSafeInteger(end) && Array.isArray(tombstones)
}

/**
 * Replaces closed segments by one, safe at each step: 1. the new one is written aside and synced; 2. a file says what is to
 * be exchanged; 3. renamed into place, the others removed; 4. the file of step 2 is removed. Before 2 a crash leaves the old
 * segments, from 2 on opening the log finishes the exchange.
 */
import type { Disk } from '../../core/disk.ts'
import type { Bytes } from '../../core/record.ts'
import { sluiceError } from '../../core/errors.ts'
import { segmentName } from './file-segment.ts'
import { withFile } from './segment-scan.ts'

const ASIDE = '.cleaned'

export interface Swap {
  /** Base offset of the new segment, which is that of the first old one. */
  readonly into: number
  readonly from: readonly number[]
}

/** Steps 1 and 2. */
export async function prepareSwap(
  disk: Disk,
  folder: string,
  swap: Swap,
  batches: readonly Bytes[],
): Promise<void> {
  const aside = asidePath(folder, swap)
  await disk.remove(aside)
  await withFile(disk, aside, async (file) => {
    await file.write(batches, 0)
    await file.sync()
  })
  await disk.syncFolder(folder)
  await disk.replaceFile(`${folder}/swap.json`, Buffer.from(JSON.stringify(swap), 'utf8'))
}

/** Steps 3 and 4; repeating it is harmless. */
export async function finishSwap(disk: Disk, folder: string, swap: Swap): Promise<void> {
  const names = await disk.list(folder)
  const aside = segmentName(swap.into) + ASIDE
  if (names.includes(aside)) await disk.rename(`${folder}/${aside}`, `${folder}/${segmentName(swap.into)}`)
  // First the new name, then the old ones' end: a crash in between must find the records.
  await disk.syncFolder(folder)
  for (const base of swap.from) if (base !== swap.into) await disk.remove(`${folder}/${segmentName(base)}`)
  await disk.syncFolder(folder)
  await disk.remove(`${folder}/swap.json`)
  await disk.syncFolder(folder)
}

/** When a log is opened: finishes an exchange that was decided, forgets one that was not. */
export async function recoverSwap(disk: Disk, folder: string): Promise<void> {
  const path = `${folder}/swap.json`
  const bytes = await disk.readFile(path)
  if (bytes !== undefined) await finishSwap(disk, folder, parse(path, bytes))
  for (const name of await disk.list(folder)) if (name.endsWith(ASIDE)) await disk.remove(`${folder}/${name}`)
}

function parse(file: string, bytes: Bytes): Swap {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Swap
  } catch (error) {
    throw sluiceError('SLUICE_SEGMENT_BROKEN', { file, position: 0, problem: 'it is no JSON' }, error)
  }
}

function asidePath(folder: string, swap: Swap): string {
  return `${folder}/${segmentName(swap.into)}${ASIDE}`
}

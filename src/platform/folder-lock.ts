/**
 * The exclusive lock of a folder: a file named `lock` with the owner's pid. A lock whose owner is dead is taken over, so
 * that a killed process needs no cleaning up; the lock of a live one is never touched.
 */
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FolderLock } from '../core/disk.ts'
import { sluiceError } from '../core/errors.ts'
import { bootId, sameBoot, startOf } from './boot.ts'

interface Owner {
  readonly pid: number
  /** Tells the owner from a later process with the same pid; absent where the system does not say. */
  readonly start?: string
  readonly boot: string
  readonly note: string
  /** Tells the locks of one process apart. */
  readonly number: number
}

const ATTEMPTS = 20
let locks = 0

/** @throws SLUICE_FOLDER_LOCKED */
export async function lockFolder(folder: string, note: string): Promise<FolderLock> {
  const path = join(folder, 'lock')
  const start = startOf(process.pid)
  const me: Owner = {
    pid: process.pid,
    boot: bootId(),
    note,
    number: ++locks,
    ...(start === undefined ? {} : { start }),
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await create(path, me)) return { release: () => release(path, me) }
    const owner = await read(path)
    if (owner !== undefined && isAlive(owner)) {
      throw sluiceError('SLUICE_FOLDER_LOCKED', { folder, pid: owner.pid, note: owner.note })
    }
    if (owner !== undefined) await takeAway(path, owner, me)
  }
  throw sluiceError('SLUICE_FOLDER_LOCKED', {
    folder,
    pid: '?',
    note: 'others are taking the lock all the time',
  })
}

/** The file appears with its whole content or not at all: written under another name, then linked (fails if it exists). */
async function create(path: string, me: Owner): Promise<boolean> {
  const aside = `${path}.${me.pid}.${me.number}`
  const handle = await open(aside, 'w')
  try {
    await handle.writeFile(JSON.stringify(me))
  } finally {
    await handle.close()
  }
  try {
    await link(aside, path)
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(aside, { force: true })
  }
}

/** Undefined: nobody has it (any more). What cannot be read belongs to nobody alive: locks appear whole. */
async function read(path: string): Promise<Owner | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text) as Owner
  } catch {
    return { pid: 0, boot: '', note: 'unreadable', number: 0 }
  }
}

function isAlive(owner: Owner): boolean {
  if (!sameBoot(owner.boot, bootId()) || owner.pid <= 0) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    // EPERM: it lives, under another user.
    if ((error as { code?: unknown }).code !== 'EPERM') return false
  }
  const start = startOf(owner.pid)
  return owner.start === undefined || start === undefined || owner.start === start
}

/** Moves the dead owner's file away. Two may try at once: whoever got hold of a live lock instead puts it back. */
async function takeAway(path: string, dead: Owner, me: Owner): Promise<void> {
  const grave = `${path}.dead.${me.pid}.${me.number}`
  try {
    await rename(path, grave)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return
    throw error
  }
  const got = await read(grave)
  const isOther =
    got !== undefined && (got.pid !== dead.pid || got.number !== dead.number || got.start !== dead.start)
  if (isOther) await link(grave, path).catch(() => undefined)
  await rm(grave, { force: true })
}

async function release(path: string, me: Owner): Promise<void> {
  const owner = await read(path)
  if (owner?.pid === me.pid && owner.number === me.number) await rm(path, { force: true })
}

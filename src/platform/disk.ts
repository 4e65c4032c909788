/** The real file system behind core/disk.ts. Every failure is SLUICE_DISK with path, operation and the system's code. */
import { open, mkdir, readFile, readdir, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Disk, DiskFile } from '../core/disk.ts'
import type { Bytes } from '../core/record.ts'
import { problemOf, sluiceError } from '../core/errors.ts'
import { bootId } from './boot.ts'
import { lockFolder } from './folder-lock.ts'

export const systemDisk: Disk = {
  makeFolder: (path) => guarded(path, 'make folder', () => makeFolder(path)),
  list: (path) => guarded(path, 'list', () => list(path)),
  open: (path) => guarded(path, 'open', async () => new SystemFile(path, await openOrCreate(path))),
  readFile: (path) => guarded(path, 'read', () => absentIs(undefined, readFile(path))),
  replaceFile: (path, content) => guarded(path, 'replace', () => replaceFile(path, content)),
  remove: (path) => guarded(path, 'remove', () => rm(path, { recursive: true, force: true })),
  rename: (from, to) => guarded(from, 'rename', () => rename(from, to)),
  syncFolder: (path) => guarded(path, 'sync folder', () => syncFolder(path)),
  lock: (folder, note) => guarded(folder, 'lock', () => lockFolder(folder, note)),
  bootId,
}

class SystemFile implements DiskFile {
  readonly #path: string
  readonly #handle: FileHandle
  #size: number

  constructor(path: string, opened: { readonly handle: FileHandle; readonly size: number }) {
    this.#path = path
    this.#handle = opened.handle
    this.#size = opened.size
  }

  size(): number {
    return this.#size
  }

  write(parts: readonly Bytes[], position: number): Promise<void> {
    return guarded(this.#path, 'write', async () => {
      let at = position
      for (const some of slices(parts)) {
        at += await writeAll(this.#handle, some, at)
        this.#size = Math.max(this.#size, at)
      }
    })
  }

  read(position: number, length: number): Promise<Bytes> {
    return guarded(this.#path, 'read', async () => {
      const buffer = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, this.#size - position)))
      let filled = 0
      while (filled < buffer.length) {
        const { bytesRead } = await this.#handle.read(
          buffer,
          filled,
          buffer.length - filled,
          position + filled,
        )
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return buffer.subarray(0, filled)
    })
  }

  truncate(size: number): Promise<void> {
    return guarded(this.#path, 'truncate', async () => {
      await this.#handle.truncate(size)
      this.#size = size
    })
  }

  sync(): Promise<void> {
    return guarded(this.#path, 'sync', () => this.#handle.datasync())
  }

  close(): Promise<void> {
    return guarded(this.#path, 'close', () => this.#handle.close())
  }
}

/** The most buffers one system call takes (IOV_MAX is 1,024 on every system we know). */
const MOST_PARTS = 1024

function* slices(parts: readonly Bytes[]): Generator<readonly Bytes[]> {
  for (let from = 0; from < parts.length; from += MOST_PARTS) yield parts.slice(from, from + MOST_PARTS)
}

/** Writes everything, also when the system takes only a part at a time. @returns the bytes written */
async function writeAll(handle: FileHandle, parts: readonly Bytes[], position: number): Promise<number> {
  const total = parts.reduce((sum, { length }) => sum + length, 0)
  const { bytesWritten } = await handle.writev([...parts], position)
  if (bytesWritten === total) return total
  const rest = Buffer.concat(parts).subarray(bytesWritten)
  for (let done = 0; done < rest.length;) {
    const at = position + bytesWritten + done
    done += (await handle.write(rest, done, rest.length - done, at)).bytesWritten
  }
  return total
}

async function openOrCreate(path: string): Promise<{ handle: FileHandle; size: number }> {
  const handle = await absentIs(undefined, open(path, 'r+')).then((found) => found ?? open(path, 'wx+'))
  try {
    return { handle, size: (await handle.stat()).size }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Parents that were made are synced too: the folder must not vanish in a power cut after files in it were synced. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  // A relative path ends in `.`, which is its own parent.
  for (let made = path; made.length >= first.length && made !== dirname(made); made = dirname(made))
    await syncFolder(dirname(made))
}

async function list(path: string): Promise<readonly string[]> {
  return (await absentIs([], readdir(path))).sort()
}

async function replaceFile(path: string, content: Bytes): Promise<void> {
  const aside = `${path}.new`
  const handle = await open(aside, 'w')
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(aside, path)
  await syncFolder(dirname(path))
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot sync a folder, and keeps names durable by itself.
  if (process.platform === 'win32') return
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function absentIs<T>(absent: T, found: Promise<T>): Promise<T> {
  try {
    return await found
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return absent
    throw error
  }
}

async function guarded<T>(path: string, operation: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const code = codeOf(error)
    if (code === undefined) throw error
    const problem = code === 'ENOSPC' ? 'no space is left on the disk' : problemOf(error)
    throw sluiceError('SLUICE_DISK', { path, operation, code, problem }, error)
  }
}

/** The system's code, for instance ENOSPC; undefined for errors that are not the system's. */
function codeOf(error: unknown): string | undefined {
  const { code, syscall } = (error ?? {}) as { readonly code?: unknown; readonly syscall?: unknown }
  return typeof code === 'string' && syscall !== undefined ? code : undefined
}

/**
 * A disk in memory that keeps what a power cut would: synced bytes of files whose names were synced. It can stand still at
 * a chosen moment, as for a process that was killed there, and run out of space.
 */
import type { Disk, DiskFile, FolderLock } from '../../../src/core/disk.ts'
import type { Bytes } from '../../../src/core/record.ts'
import { sluiceError } from '../../../src/core/errors.ts'

interface Content {
  now: Buffer
  synced: Buffer
}

export class LossyDisk implements Disk {
  #files = new Map<string, Content>()
  /** Names as of the last sync of their folder. */
  #durable = new Map<string, Content>()
  #frozen = false
  /** Asked before every operation; true: this one and all later ones never end. */
  freezeAt: (operation: string, path: string) => boolean = () => false
  /** Asked before every operation; true: this one never ends, others go on. */
  stallAt: (operation: string, path: string) => boolean = () => false
  /** Asked before every write and sync; true: it fails with ENOSPC. */
  fullAt: (operation: string, path: string) => boolean = () => false

  /** What another process finds after a power cut (or, keeping what the system had, after a kill). */
  afterCrash(loss: 'power' | 'kill'): LossyDisk {
    this.#frozen = true
    const next = new LossyDisk()
    const names = loss === 'power' ? this.#durable : this.#files
    for (const [path, { now, synced }] of names) {
      const bytes = Buffer.from(loss === 'power' ? synced : now)
      next.#files.set(path, { now: bytes, synced: bytes })
    }
    next.#durable = new Map(next.#files)
    return next
  }

  async makeFolder(path: string): Promise<void> {
    await this.#gate('makeFolder', path)
  }

  async list(path: string): Promise<readonly string[]> {
    await this.#gate('list', path)
    const names = [...this.#files.keys()].filter((file) => file.startsWith(`${path}/`))
    return [...new Set(names.map((file) => file.slice(path.length + 1).split('/')[0]!))].toSorted()
  }

  async open(path: string): Promise<DiskFile> {
    await this.#gate('open', path)
    let content = this.#files.get(path)
    if (content === undefined)
      this.#files.set(path, (content = { now: Buffer.alloc(0), synced: Buffer.alloc(0) }))
    return this.#file(path, content)
  }

  async readFile(path: string): Promise<Bytes | undefined> {
    await this.#gate('readFile', path)
    return this.#files.get(path)?.now
  }

  async replaceFile(path: string, content: Bytes): Promise<void> {
    await this.#gate('replaceFile', path)
    const bytes = Buffer.from(content)
    this.#files.set(path, { now: bytes, synced: bytes })
    this.#durable.set(path, this.#files.get(path)!)
  }

  async remove(path: string): Promise<void> {
    await this.#gate('remove', path)
    for (const file of this.#files.keys())
      if (file === path || file.startsWith(`${path}/`)) this.#files.delete(file)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#gate('rename', from)
    this.#files.set(to, this.#files.get(from)!)
    this.#files.delete(from)
  }

  async syncFolder(path: string): Promise<void> {
    await this.#gate('syncFolder', path)
    const inside = (file: string): boolean => file.slice(0, file.lastIndexOf('/')) === path
    for (const file of this.#durable.keys()) if (inside(file)) this.#durable.delete(file)
    for (const [file, content] of this.#files) if (inside(file)) this.#durable.set(file, content)
  }

  async lock(folder: string): Promise<FolderLock> {
    await this.#gate('lock', folder)
    return { release: async () => undefined }
  }

  bootId(): string {
    return 'boot'
  }

  #file(path: string, content: Content): DiskFile {
    return {
      size: () => content.now.length,
      write: async (parts, position) => {
        await this.#gate('write', path)
        const bytes = Buffer.concat(parts)
        const size = Math.max(content.now.length, position + bytes.length)
        const next = Buffer.alloc(size)
        content.now.copy(next)
        bytes.copy(next, position)
        content.now = next
      },
      read: async (position, length) => {
        await this.#gate('read', path)
        return content.now.subarray(position, position + length)
      },
      truncate: async (size) => {
        await this.#gate('truncate', path)
        content.now = Buffer.from(content.now.subarray(0, size))
      },
      sync: async () => {
        const upTo = Buffer.from(content.now)
        await this.#gate('sync', path)
        content.synced = upTo
      },
      close: async () => this.#gate('close', path),
    }
  }

  async #gate(operation: string, path: string): Promise<void> {
    if (this.freezeAt(operation, path)) this.#frozen = true
    if (this.#frozen || this.stallAt(operation, path)) await new Promise<never>(() => undefined)
    // As on a real disk, the answer comes in a later turn.
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#frozen) await new Promise<never>(() => undefined)
    if (!this.fullAt(operation, path)) return
    throw sluiceError('SLUICE_DISK', { path, operation, code: 'ENOSPC', problem: 'no space left on device' })
  }
}

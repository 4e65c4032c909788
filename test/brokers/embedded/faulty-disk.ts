/**
 * A small disk in memory for tests of logs: at a power cut everything not synced is lost, and the last write may be torn.
 * `list`, renames and removals count from `syncFolder` on. `crashAfter` kills the disk in the middle of an operation.
 */
import type { Disk, DiskFile, FolderLock } from '../../../src/core/disk.ts'
import type { Bytes } from '../../../src/core/record.ts'
import { sluiceError } from '../../../src/core/errors.ts'

class Content {
  bytes: Buffer = Buffer.alloc(0)
  durable: Buffer = Buffer.alloc(0)
}

/** What becomes of bytes that were written and not synced. */
export type Tear = (durable: Buffer, written: Buffer) => Buffer

export const loseAll: Tear = (durable) => durable
/** As at a process kill: the operating system still has everything. */
export const keepAll: Tear = (_, written) => written

export class FaultyDisk implements Disk {
  #files = new Map<string, Content>()
  #durable = new Map<string, Content>()
  #left = Infinity
  operations = 0
  opened = 0

  /** From now on only so many changing operations succeed; later ones never happen and reject. */
  crashAfter(operations: number): void {
    this.#left = operations
  }

  /** The next one to fail with a code of the system, for instance ENOSPC. */
  failing: string | undefined

  /** The power goes and comes back. */
  powerCut(tear: Tear): void {
    this.#left = Infinity
    this.#files = new Map()
    for (const [path, content] of this.#durable) {
      const after = new Content()
      after.durable = after.bytes = Buffer.from(tear(content.durable, content.bytes))
      this.#files.set(path, after)
    }
    this.#durable = new Map(this.#files)
  }

  bytesOf(path: string): Buffer | undefined {
    return this.#files.get(path)?.bytes
  }

  names(): readonly string[] {
    return [...this.#files.keys()].sort()
  }

  put(path: string, bytes: Buffer): void {
    const content = new Content()
    content.bytes = content.durable = bytes
    this.#files.set(path, content)
    this.#durable.set(path, content)
  }

  async makeFolder(): Promise<void> {}

  async list(path: string): Promise<readonly string[]> {
    const inside = this.names().filter((name) => name.startsWith(`${path}/`))
    return [...new Set(inside.map((name) => name.slice(path.length + 1).split('/')[0]!))]
  }

  async open(path: string): Promise<DiskFile> {
    if (!this.#files.has(path)) {
      this.#step(path)
      this.#files.set(path, new Content())
    }
    this.opened++
    return this.#file(path, this.#files.get(path)!)
  }

  async readFile(path: string): Promise<Bytes | undefined> {
    return this.#files.get(path)?.bytes
  }

  async replaceFile(path: string, content: Bytes): Promise<void> {
    this.#step(path)
    this.put(path, Buffer.from(content))
  }

  async remove(path: string): Promise<void> {
    this.#step(path)
    for (const name of this.names())
      if (name === path || name.startsWith(`${path}/`)) this.#files.delete(name)
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step(from)
    this.#files.set(to, this.#files.get(from)!)
    this.#files.delete(from)
  }

  async syncFolder(path: string): Promise<void> {
    this.#step(path)
    const inside = (name: string): boolean => name.startsWith(`${path}/`)
    for (const name of this.#durable.keys())
      if (inside(name) && !this.#files.has(name)) this.#durable.delete(name)
    for (const [name, content] of this.#files) if (inside(name)) this.#durable.set(name, content)
  }

  async lock(): Promise<FolderLock> {
    return { release: async () => undefined }
  }

  bootId(): string {
    return 'boot'
  }

  #step(path: string): void {
    const code = this.failing
    if (code !== undefined) {
      throw sluiceError('SLUICE_DISK', { path, operation: 'write', code, problem: 'planted' })
    }
    if (this.#left <= 0) throw new Error('the power is off')
    this.#left--
    this.operations++
  }

  #file(path: string, content: Content): DiskFile {
    return {
      size: () => content.bytes.length,
      write: async (parts, position) => {
        await Promise.resolve()
        this.#step(path)
        const written = Buffer.concat(parts)
        const bytes = Buffer.alloc(Math.max(content.bytes.length, position + written.length))
        bytes.set(content.bytes)
        bytes.set(written, position)
        content.bytes = bytes
      },
      read: async (position, length) => Buffer.from(content.bytes.subarray(position, position + length)),
      truncate: async (size) => {
        this.#step(path)
        content.bytes = Buffer.from(content.bytes.subarray(0, size))
      },
      sync: async () => {
        await Promise.resolve()
        this.#step(path)
        content.durable = content.bytes
      },
      close: async () => {
        this.opened--
      },
    }
  }
}

/**
 * Port of the file system, as small as durability needs: what is written is lost at a power cut until `sync` resolved;
 * what was created or renamed is lost until `syncFolder` resolved. A process kill loses nothing that was written.
 * Errors carry SLUICE_DISK (with the system's code in `details.code`, for instance ENOSPC).
 */
import type { Bytes } from './record.ts'

export interface Disk {
  /** Creates a folder and its parents; existing is fine. */
  makeFolder(path: string): Promise<void>
  /** Names in a folder, sorted; an absent folder is empty. */
  list(path: string): Promise<readonly string[]>
  /** Opens for reading and writing, creates when absent. */
  open(path: string): Promise<DiskFile>
  /** The whole file, or undefined when absent. */
  readFile(path: string): Promise<Bytes | undefined>
  /** Replaces a whole small file durably: write aside, sync, rename, sync the folder. Old or new content after any crash. */
  replaceFile(path: string, content: Bytes): Promise<void>
  /** Removes a file or a whole folder; absent is fine. */
  remove(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  syncFolder(path: string): Promise<void>
  /**
   * Takes the exclusive lock of a folder for this process; released by `release` or by the death of the process.
   * @throws SLUICE_FOLDER_LOCKED with pid and `note` of the owner.
   */
  lock(folder: string, note: string): Promise<FolderLock>
  /** Changes at every boot of the machine: tells an unclean power cut from a process kill. */
  bootId(): string
}

export interface DiskFile {
  size(): number
  /** Writes all parts one after the other at `position`; resolves when the operating system has them. */
  write(parts: readonly Bytes[], position: number): Promise<void>
  /** Up to `length` bytes from `position`; shorter at the end of the file. */
  read(position: number, length: number): Promise<Bytes>
  truncate(size: number): Promise<void>
  /** Resolves when everything written so far survives a power cut. */
  sync(): Promise<void>
  close(): Promise<void>
}

export interface FolderLock {
  release(): Promise<void>
}

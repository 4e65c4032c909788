/** A file that belongs to somebody else: opened read-only, may grow while it is read. Never a place of our own data. */
import { open } from 'node:fs/promises'
import { sluiceError, problemOf } from '../core/errors.ts'
import type { Bytes } from '../core/record.ts'

export interface InputFile {
  /** Up to `length` bytes from `position`; shorter, possibly empty, at its present end. */
  read(position: number, length: number): Promise<Bytes>
  close(): Promise<void>
}

/** Undefined when there is no such file. @throws SLUICE_DISK */
export async function openInputFile(path: string): Promise<InputFile | undefined> {
  try {
    const handle = await open(path, 'r')
    return {
      async read(position, length) {
        const { buffer, bytesRead } = await handle
          .read(Buffer.allocUnsafe(length), 0, length, position)
          .catch((error: unknown) => Promise.reject(failed(path, 'read', error)))
        return buffer.subarray(0, bytesRead)
      },
      close: () => handle.close(),
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw failed(path, 'open', error)
  }
}

function failed(path: string, operation: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return sluiceError('SLUICE_DISK', { path, operation, code, problem: problemOf(error) }, error)
}

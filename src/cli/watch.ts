/** Tells when one of a set of files changed, once per burst of events. Folders are watched: editors replace files when they save. */
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** A save is several events within a few milliseconds. */
const QUIET_MS = 60

export class Watcher {
  readonly #folders = new Map<string, FSWatcher>()
  #files: ReadonlySet<string> = new Set()
  /** Any source file of the folders counts: a missing import may just have been written. */
  #any = false
  #changed: string | undefined
  #quiet: NodeJS.Timeout | undefined
  #tell: ((file: string) => void) | undefined

  /** From now on these files count; with `any`, every source file beside them too. */
  look(files: ReadonlySet<string>, any: boolean): void {
    this.#files = files
    this.#any = any
    const wanted = new Set([...files].map(dirname))
    for (const [folder, watcher] of this.#folders) {
      if (wanted.has(folder)) continue
      watcher.close()
      this.#folders.delete(folder)
    }
    for (const folder of wanted) {
      if (this.#folders.has(folder)) continue
      const watcher = watch(folder, (_, name) => this.#event(folder, name))
      // The folder was deleted: the next save elsewhere, or Ctrl-C, ends the wait.
      watcher.on('error', () => this.#folders.delete(folder))
      this.#folders.set(folder, watcher)
    }
  }

  /** Resolves with the name of a changed file; at once for a change since the last call. */
  async change(stop: AbortSignal): Promise<string | undefined> {
    if (stop.aborted) return undefined
    const waiting = Promise.withResolvers<string | undefined>()
    const stopped = (): void => waiting.resolve(undefined)
    stop.addEventListener('abort', stopped, { once: true })
    this.#tell = waiting.resolve
    if (this.#changed !== undefined && this.#quiet === undefined) this.#done()
    const name = await waiting.promise
    stop.removeEventListener('abort', stopped)
    return name
  }

  close(): void {
    clearTimeout(this.#quiet)
    for (const watcher of this.#folders.values()) watcher.close()
  }

  #event(folder: string, name: string | null): void {
    if (name === null) return
    const file = join(folder, name)
    if (!this.#files.has(file) && !(this.#any && /\.(?:[cm]?[jt]s|json)$/.test(name))) return
    this.#changed = basename(file)
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined
      if (this.#tell !== undefined) this.#done()
    }, QUIET_MS)
  }

  #done(): void {
    const name = this.#changed!
    this.#changed = undefined
    this.#tell?.(name)
    this.#tell = undefined
  }
}

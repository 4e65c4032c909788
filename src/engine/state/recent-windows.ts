/**
 * The uncommitted windows of each key in the order of their times: a fetch of one key finds them without serialising and
 * without an overlay over all keys. Windows that were committed since may stay for a while, which is harmless: what is here
 * is never older than the storage.
 */
import type { Entry } from './entry.ts'
import type { WindowKey } from './window-keys.ts'

/** Committed windows of a key that are let stand before its list is cleared of them. */
const LEFT_STANDING = 16

type Window<K, H> = Entry<WindowKey<K>, H>

interface KeyWindows<K, H> {
  windows: Window<K, H>[]
  /** How many were committed since the list was last cleared of them. */
  committed: number
}

export class RecentWindows<K, H> {
  readonly #byKey = new Map<string, KeyWindows<K, H>>()

  /** An entry for the same window takes the place of an older one. */
  add(id: string, entry: Window<K, H>): void {
    const known = this.#byKey.get(id)
    if (known === undefined) {
      this.#byKey.set(id, { windows: [entry], committed: 0 })
      return
    }
    const { windows } = known
    const { time, minor } = entry.key
    const at = firstAt(windows, time, minor)
    const there = windows[at]?.key
    if (there === undefined) windows.push(entry)
    else windows.splice(at, there.time === time && there.minor === minor ? 1 : 0, entry)
  }

  remove(id: string, entry: Window<K, H>): void {
    const known = this.#byKey.get(id)
    const at = known?.windows.indexOf(entry) ?? -1
    if (at < 0) return
    known!.windows.splice(at, 1)
    if (known!.windows.length === 0) this.#byKey.delete(id)
  }

  /** One window of the key was committed: clears the list when about half of it was. */
  committed(id: string, isUncommitted: (entry: Window<K, H>) => boolean): void {
    const known = this.#byKey.get(id)
    if (known === undefined) return
    known.committed++
    const { length } = known.windows
    if (known.committed < length && (known.committed < LEFT_STANDING || known.committed * 2 < length)) return
    known.windows = known.windows.filter(isUncommitted)
    known.committed = 0
    if (known.windows.length === 0) this.#byKey.delete(id)
  }

  clear(): void {
    this.#byKey.clear()
  }

  /** Those with from <= time <= to; an empty list costs nothing. */
  between(id: string, from: number, to: number): readonly Window<K, H>[] {
    const windows = this.#byKey.get(id)?.windows
    if (windows === undefined) return NONE
    const begin = firstAt(windows, from, -Infinity)
    let end = begin
    while (end < windows.length && windows[end]!.key.time <= to) end++
    return begin === end ? NONE : windows.slice(begin, end)
  }
}

const NONE: readonly never[] = Object.freeze([])

/** Index of the first window that is not before (time, minor). Most come in order: the end is tried first. */
function firstAt(windows: readonly Window<unknown, unknown>[], time: number, minor: number): number {
  let high = windows.length
  if (high === 0 || isBefore(windows[high - 1]!.key, time, minor)) return high
  let low = 0
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(windows[middle]!.key, time, minor)) low = middle + 1
    else high = middle
  }
  return low
}

function isBefore(key: WindowKey<unknown>, time: number, minor: number): boolean {
  return key.time < time || (key.time === time && key.minor < minor)
}

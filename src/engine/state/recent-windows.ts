/**
 * The windows of each key in memory, in the order of their times, so that a fetch of one key neither serialises nor makes an
 * overlay over all keys: always the uncommitted ones, and all from some time on for keys that were fetched, as long as there is
 * room. What is here is never older than the storage; what was committed or has expired may stay for a while.
 */
import type { Entry } from './entry.ts'
import type { WindowKey } from './window-keys.ts'

/** Committed windows of a key that are let stand before its list is weeded. */
const LEFT_STANDING = 16

type Window<K, H> = Entry<WindowKey<K>, H>

class KeyWindows<K, H> {
  windows: Window<K, H>[] = []
  /** Estimated. */
  bytes = 0
  /** How many were committed since the list was last weeded. */
  committed = 0
  /** From this time on the list has all windows of the key, not only uncommitted ones. */
  completeFrom = Infinity
}

/** What is in memory of one key in a time, and whether the storage may have more of it. */
export interface InMemory<K, H> {
  readonly windows: readonly Window<K, H>[]
  readonly complete: boolean
}

export class RecentWindows<K, H> {
  readonly #byKey = new Map<string, KeyWindows<K, H>>()
  readonly #maxBytes: number
  #bytes = 0

  /** @param maxBytes of committed windows, about */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** An entry for the same window takes the place of an older one. */
  add(id: string, entry: Window<K, H>): void {
    const known = this.#of(id)
    const { windows } = known
    this.#count(known, entry.bytes)
    const { time, minor } = entry.key
    const at = firstAt(windows, time, minor)
    const there = windows[at]?.key
    if (there === undefined) windows.push(entry)
    else windows.splice(at, there.time === time && there.minor === minor ? 1 : 0, entry)
  }

  /** The storage may have an older value of it. */
  remove(id: string, entry: Window<K, H>): void {
    const known = this.#byKey.get(id)
    if (known !== undefined) this.#keep(id, known, Infinity, (other) => other !== entry)
  }

  /**
   * One window of the key was committed: weeds the list when about half of it was.
   * @param shownFrom windows before are not asked for any more
   */
  committed(id: string, shownFrom: number, isUncommitted: (entry: Window<K, H>) => boolean): void {
    const known = this.#byKey.get(id)
    if (known === undefined) return
    known.committed++
    const { length } = known.windows
    if (known.committed < length && (known.committed < LEFT_STANDING || known.committed * 2 < length)) return
    const complete = known.completeFrom !== Infinity
    this.#keep(id, known, Math.max(known.completeFrom, shownFrom), (entry) => {
      const shown = complete && entry.held !== undefined && entry.key.time >= shownFrom
      return shown || isUncommitted(entry)
    })
  }

  /** Takes in what the storage has of a key from a time on; what is in memory already is newer. */
  complete(id: string, from: number, stored: readonly Window<K, H>[]): void {
    const known = this.#of(id)
    known.windows = merged(stored, known.windows)
    known.completeFrom = from
    this.#count(known, bytesOf(known.windows) - known.bytes)
  }

  between(id: string, from: number, to: number): InMemory<K, H> {
    const known = this.#byKey.get(id)
    if (known === undefined) return NOTHING
    const { windows } = known
    const begin = firstAt(windows, from, -Infinity)
    let end = begin
    while (end < windows.length && windows[end]!.key.time <= to) end++
    return { windows: windows.slice(begin, end), complete: known.completeFrom <= from }
  }

  /** Lets go of committed windows, of the keys first that were fetched first, until there is room. */
  makeRoom(isUncommitted: (entry: Window<K, H>) => boolean): void {
    if (this.#bytes <= this.#maxBytes) return
    for (const [id, known] of this.#byKey) {
      if (this.#bytes <= this.#maxBytes / 2) return
      if (known.completeFrom !== Infinity) this.#keep(id, known, Infinity, isUncommitted)
    }
  }

  clear(): void {
    this.#byKey.clear()
    this.#bytes = 0
  }

  #of(id: string): KeyWindows<K, H> {
    const known = this.#byKey.get(id) ?? new KeyWindows<K, H>()
    if (known.windows.length === 0) this.#byKey.set(id, known)
    return known
  }

  #keep(
    id: string,
    known: KeyWindows<K, H>,
    completeFrom: number,
    keeps: (entry: Window<K, H>) => boolean,
  ): void {
    known.windows = known.windows.filter(keeps)
    known.completeFrom = completeFrom
    known.committed = 0
    this.#count(known, bytesOf(known.windows) - known.bytes)
    if (known.windows.length === 0) this.#byKey.delete(id)
  }

  #count(known: KeyWindows<K, H>, bytes: number): void {
    known.bytes += bytes
    this.#bytes += bytes
  }
}

const NOTHING: InMemory<never, never> = Object.freeze({ windows: Object.freeze([]), complete: false })

function bytesOf(windows: readonly Window<unknown, unknown>[]): number {
  return windows.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Two lists in order as one; of the same window the recent entry stays. */
function merged<K, H>(stored: readonly Window<K, H>[], recent: readonly Window<K, H>[]): Window<K, H>[] {
  const all: Window<K, H>[] = []
  let at = 0
  for (const entry of recent) {
    const { time, minor } = entry.key
    while (at < stored.length && isBefore(stored[at]!.key, time, minor)) all.push(stored[at++]!)
    const same = stored[at]?.key
    if (same?.time === time && same.minor === minor) at++
    all.push(entry)
  }
  while (at < stored.length) all.push(stored[at++]!)
  return all
}

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

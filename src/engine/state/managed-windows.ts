/** What window and session stores have in common: the runtime's side of them, and changes by window. */
import type { FetchedBatch } from '../../core/broker.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { StoreEntry } from '../../core/store.ts'
import type { Windowed } from '../../core/windowed.ts'
import type { LogUpdate, ManagedStore } from './managed.ts'
import type { WindowKey } from './window-keys.ts'
import type { ClosingWindows, OnWindowChange, WindowChangeTracking } from './windowed-store.ts'
import type { Windows } from './windows.ts'

/** `H` is what is held of a window, `V` the value in it. */
export abstract class ManagedWindows<K, H, V>
  implements ManagedStore, WindowChangeTracking<K, V>, ClosingWindows<K, H>
{
  readonly name: string
  protected readonly windows: Windows<K, H>

  constructor(windows: Windows<K, H>) {
    this.name = windows.name
    this.windows = windows
  }

  protected abstract windowOf(key: WindowKey<K>): Windowed<K>

  protected abstract valueOf(held: H): V

  get dirtyBytes(): number {
    return this.windows.dirtyBytes
  }

  count(): number {
    return this.windows.count()
  }

  trackChanges(options?: { readonly keepOld?: boolean }): void {
    this.windows.trackChanges(options)
  }

  drainChanges(shouldYield: () => boolean, forEach: OnWindowChange<K, V>): boolean {
    return this.windows.drainWindows(shouldYield, ({ key, held, old, timestamp, record }) =>
      forEach(
        this.windowOf(key),
        held === undefined ? undefined : this.valueOf(held),
        old === undefined ? undefined : this.valueOf(old),
        timestamp,
        record,
      ),
    )
  }

  get goneBefore(): number {
    return this.windows.goneBefore
  }

  kept(key: K, time: number, minor: number): H | undefined {
    return this.windows.get(this.windows.keys.of(key, time, minor))
  }

  *keptOf(key: K, from: number, to: number, reverse: boolean = false): IterableIterator<[Windowed<K>, H]> {
    const found = this.windows.ofKey(this.windows.keys.wellFormed(key), from, to, 0)
    if (reverse) found.reverse()
    for (const [window, held] of found) yield [this.windowOf(window), held]
  }

  forgetWindow(key: K, time: number, minor: number, record?: FlowRecord): void {
    this.windows.forgetWindow(this.windows.keys.of(key, time, minor), record)
  }

  get observed(): number {
    return this.windows.observed
  }

  shownFrom(observed: number = this.windows.observed): number {
    return this.windows.shownFrom(observed)
  }

  allKept(): IterableIterator<WindowKey<K>> {
    return this.windows.allKept()
  }

  seal(log: LogUpdate, shouldYield: () => boolean): boolean {
    return this.windows.seal(log, shouldYield)
  }

  takeCommitted(limit: number): readonly StoreEntry[] {
    return this.windows.takeCommitted(limit)
  }

  written(): void {
    this.windows.written()
  }

  forget(): void {
    this.windows.forget()
  }

  restored(batch: FetchedBatch): readonly StoreEntry[] {
    return this.windows.restored(batch)
  }
}

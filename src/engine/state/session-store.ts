/** Session stores over `Windows`: by key, end and start. */
import type { FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { TaskStorage } from '../../core/store.ts'
import type { Windowed } from '../../core/windowed.ts'
import { plainCodec } from './codec.ts'
import type { ManagedStore } from './managed.ts'
import { ManagedWindows } from './managed-windows.ts'
import type { StateOptions } from './options.ts'
import { expectKind } from './spec.ts'
import type { StateSpec } from './spec.ts'
import type { WindowKey } from './window-keys.ts'
import type { SessionStore, WindowChangeTracking } from './windowed-store.ts'
import { Windows } from './windows.ts'

export type ManagedSessionStore<K, V> = SessionStore<K, V> & WindowChangeTracking<K, V> & ManagedStore

/** A store of kind `session` over a task's storage. */
export function createSessionStore<K, V>(
  spec: StateSpec,
  storage: TaskStorage,
  options: StateOptions = {},
): ManagedSessionStore<K, V> {
  expectKind(spec, 'session')
  return new Sessions(new Windows<K, V>(spec, plainCodec(spec.value as Serde<V>), storage, options))
}

class Sessions<K, V> extends ManagedWindows<K, V, V> implements SessionStore<K, V> {
  fetchSession(key: K, start: number, end: number): V | undefined {
    return this.windows.find(this.#keyOf(key, start, end))
  }

  *findSessions(
    key: K,
    earliestEnd: number,
    latestStart: number,
    reverse: boolean = false,
  ): IterableIterator<[Windowed<K>, V]> {
    const own = this.windows.keys.wellFormed(key)
    const found = this.windows.ofKey(own, earliestEnd, Number.MAX_SAFE_INTEGER)
    if (reverse) found.reverse()
    for (const [session, value] of found) {
      if (session.minor <= latestStart) yield [this.windowOf(session), value]
    }
  }

  *findSessionsOfKeys(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    earliestEnd: number,
    latestStart: number,
    reverse: boolean = false,
  ): IterableIterator<[Windowed<K>, V]> {
    const found = this.windows.ofKeys(keyFrom, keyTo, earliestEnd, Number.MAX_SAFE_INTEGER, reverse)
    for (const [session, value] of found) {
      if (session.minor <= latestStart) yield [this.windowOf(session), value]
    }
  }

  *findSessionsEnding(from: number, to: number): IterableIterator<[Windowed<K>, V]> {
    for (const [session, value] of this.windows.ofKeys(undefined, undefined, from, to, false)) {
      yield [this.windowOf(session), value]
    }
  }

  put({ key, start, end }: Windowed<K>, value: V | null | undefined, record?: FlowRecord): void {
    this.windows.set(this.#keyOf(key, start, end), value ?? undefined, undefined, record)
  }

  remove(session: Windowed<K>, record?: FlowRecord): void {
    this.put(session, undefined, record)
  }

  all(reverse: boolean = false): IterableIterator<[Windowed<K>, V]> {
    return this.findSessionsOfKeys(undefined, undefined, 0, Number.MAX_SAFE_INTEGER, reverse)
  }

  protected windowOf({ key, time, minor }: WindowKey<K>): Windowed<K> {
    return { key, start: minor, end: time }
  }

  protected valueOf(held: V): V {
    return held
  }

  #keyOf(key: K, start: number, end: number): WindowKey<K> {
    return this.windows.keys.of(key, end, start)
  }
}

/** Window stores over `Windows`: plain values, or values with the event time of their last update. */
import type { FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { TaskStorage } from '../../core/store.ts'
import type { Windowed } from '../../core/windowed.ts'
import { plainCodec, timestampedCodec } from './codec.ts'
import type { Timestamped } from './codec.ts'
import type { ManagedStore } from './managed.ts'
import { ManagedWindows } from './managed-windows.ts'
import type { StateOptions } from './options.ts'
import { expectKind } from './spec.ts'
import type { StateSpec } from './spec.ts'
import type { WindowKey } from './window-keys.ts'
import type {
  ReadableWindowStore,
  TimestampedWindowStore,
  WindowChangeTracking,
  WindowStore,
} from './windowed-store.ts'
import { Windows } from './windows.ts'

export type ManagedWindowStore<K, V> = WindowStore<K, V> & WindowChangeTracking<K, V> & ManagedStore
export type ManagedTimestampedWindowStore<K, V> = TimestampedWindowStore<K, V> &
  WindowChangeTracking<K, V> &
  ManagedStore

/** A store of kind `window` over a task's storage. */
export function createWindowStore<K, V>(
  spec: StateSpec,
  storage: TaskStorage,
  options: StateOptions = {},
): ManagedWindowStore<K, V> {
  expectKind(spec, 'window')
  return new PlainWindows(spec, new Windows<K, V>(spec, plainCodec(spec.value as Serde<V>), storage, options))
}

/** A store of kind `timestamped-window` over a task's storage. */
export function createTimestampedWindowStore<K, V>(
  spec: StateSpec,
  storage: TaskStorage,
  options: StateOptions = {},
): ManagedTimestampedWindowStore<K, V> {
  expectKind(spec, 'timestamped-window')
  const codec = timestampedCodec(spec.value as Serde<V>)
  return new TimedWindows(spec, new Windows<K, Timestamped<V>>(spec, codec, storage, options))
}

abstract class TimeWindows<K, H, V> extends ManagedWindows<K, H, V> implements ReadableWindowStore<K, H> {
  readonly #size: number
  protected readonly duplicates: boolean

  constructor(spec: StateSpec, windows: Windows<K, H>) {
    super(windows)
    this.#size = spec.windowSizeMs ?? 0
    this.duplicates = spec.retainDuplicates === true
  }

  fetch(key: K, start: number): H | undefined {
    if (this.duplicates) return this.windows.ofKey(this.windows.keys.wellFormed(key), start, start)[0]?.[1]
    return this.windows.find(this.windows.keys.of(key, start, 0))
  }

  *fetchRange(key: K, from: number, to: number, reverse: boolean = false): IterableIterator<[number, H]> {
    const found = this.windows.ofKey(this.windows.keys.wellFormed(key), from, to)
    if (reverse) found.reverse()
    for (const [{ time }, held] of found) yield [time, held]
  }

  *fetchKeys(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    from: number,
    to: number,
    reverse: boolean = false,
  ): IterableIterator<[Windowed<K>, H]> {
    for (const [key, held] of this.windows.ofKeys(keyFrom, keyTo, from, to, reverse)) {
      yield [this.windowOf(key), held]
    }
  }

  all(reverse: boolean = false): IterableIterator<[Windowed<K>, H]> {
    return this.fetchKeys(undefined, undefined, 0, Number.MAX_SAFE_INTEGER, reverse)
  }

  protected windowOf({ key, time }: WindowKey<K>): Windowed<K> {
    return { key, start: time, end: Math.min(time + this.#size, Number.MAX_SAFE_INTEGER) }
  }
}

class PlainWindows<K, V> extends TimeWindows<K, V, V> implements WindowStore<K, V> {
  put(key: K, value: V | null | undefined, start: number, record?: FlowRecord): void {
    const held = value ?? undefined
    const minor = this.duplicates ? this.windows.nextSequence() : 0
    // It has used up a number, as in Kafka Streams: later keys are the same bytes.
    if (this.duplicates && held === undefined) return
    const own = this.windows.keys.wellFormed(key)
    this.windows.set({ key: own, time: start, minor }, held, undefined, record)
  }

  protected valueOf(held: V): V {
    return held
  }
}

class TimedWindows<K, V> extends TimeWindows<K, Timestamped<V>, V> implements TimestampedWindowStore<K, V> {
  put(key: K, value: V | null | undefined, start: number, timestamp: number, record?: FlowRecord): void {
    const held = value === null || value === undefined ? undefined : { value, timestamp }
    this.windows.set(this.windows.keys.of(key, start, 0), held, timestamp, record)
  }

  protected valueOf({ value }: Timestamped<V>): V {
    return value
  }
}

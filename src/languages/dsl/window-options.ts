/** The options of windowed aggregations, cogroups and suppress as types. No code. */
import type { Duration } from '../../core/duration.ts'
import type { Serde } from '../../core/serde.ts'
import type { Emit } from '../../engine/operators/emit.ts'
import type { WindowEmit } from '../../engine/operators/window-parts.ts'
import type { SessionWindow, UnlimitedWindow } from '../../engine/operators/windows.ts'
import type { AggregateOptions, StoreNamed } from './verb-options.ts'

/** Of an aggregation in windows of the type `W`. */
export interface WindowedOptions<W> extends StoreNamed {
  /**
   * `every`: each update goes on at once. `coalesced`: the last of each window per commit. `final`: one result per window, when no
   * record can change it any more (Kafka's onWindowClose); looked for once a second, see the setting `windowCloseInterval`.
   * Default `coalesced`.
   */
  readonly emit?: W extends UnlimitedWindow ? Emit : WindowEmit
  /**
   * Finds windows behind the retention as long as they are there, as Kafka Streams does in its record cache. False: as Kafka Streams
   * without cache, where a jump of event time can close a window and leave it without a final result (counted as
   * `window-results-lost-total`). Default true, with `emit: 'every'` false.
   */
  readonly cached?: boolean
  /** How long a window is kept, by event time. Default, and least: until it closes. */
  readonly retention?: Duration
  /** Kept in a changelog topic, so that it survives the machine. Default true. */
  readonly changelog?: boolean
}

/** How two sessions become one. Other windows never do. */
export type Merging<W, K, A> = W extends SessionWindow
  ? { readonly merge: (one: A, other: A, key: K) => A }
  : { readonly merge?: never }

export type WindowedAggregateOptions<K, V, A> = Pick<AggregateOptions<K, V, A>, 'init' | 'add' | 'value'>

export interface CogroupOptions<A> {
  readonly init: () => A
  /** Serde of the aggregate. Default JSON. */
  readonly value?: Serde<A>
}

/** How many updates may be held back. */
export interface BufferOptions {
  /** Default: no bound. */
  readonly maxRecords?: number
  /** Bytes as Kafka Streams counts them: key, values and where the update came from. Default: no bound. */
  readonly maxBytes?: number
}

/** Made by `untilWindowCloses` and `untilTimeLimit`; `K` are the keys of the tables it is for. */
export interface Suppression<in K> {
  readonly until: 'window-closes' | 'time-limit'
  readonly waitMs: number
  readonly maxRecords: number
  readonly maxBytes: number
  readonly whenFull: 'emit-early' | 'shut-down'
  /** Never called: it ties the keys to the type. */
  readonly keys?: (key: K) => void
}

/** What state needs to know of a store; the stores of a plan (`topology/`) are of this shape, which state may not import. */
import { sluiceError } from '../../core/errors.ts'
import type { Serde } from '../../core/serde.ts'

export interface StateSpec {
  readonly name: string
  /** `timestamped`: each value with the event time of its last update. */
  readonly kind: StoreKind
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
  /** Window, session: how long a window is kept, ms of event time. Versioned: the history retention. */
  readonly retentionMs?: number
  /** Window stores: the size of their windows, which gives the end of a windowed key. Ms; absent for sessions. */
  readonly windowSizeMs?: number
  /** Kind `window`: puts of the same key and start are kept side by side (stream-stream joins). Default false. */
  readonly retainDuplicates?: boolean
  /** Kind `key-value`: keeps this many keys, the least recently used go (LRU). Default no bound. */
  readonly capacity?: number
}

export type StoreKind =
  | 'key-value'
  | 'timestamped'
  | 'window'
  | 'timestamped-window'
  | 'session'
  | 'versioned'

export interface TaskStoreSpec extends StateSpec {
  /** Full name; absent: the store is rebuilt from nothing after a crash. */
  readonly changelogTopic?: string
}

/** @throws SLUICE_INTERNAL when a store of another kind was asked for */
export function expectKind(spec: StateSpec, kind: StateSpec['kind']): void {
  if (spec.kind === kind) return
  throw sluiceError('SLUICE_INTERNAL', {
    place: `store ${spec.name}`,
    problem: `is ${spec.kind}, not ${kind}`,
  })
}

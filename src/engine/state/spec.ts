/** What state needs to know of a store; the stores of a plan (`topology/`) are of this shape, which state may not import. */
import type { Serde } from '../../core/serde.ts'

export interface StateSpec {
  readonly name: string
  /** `timestamped`: each value with the event time of its last update. */
  readonly kind: 'key-value' | 'timestamped'
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
}

export interface TaskStoreSpec extends StateSpec {
  /** Full name; absent: the store is rebuilt from nothing after a crash. */
  readonly changelogTopic?: string
}

/** store(…): a store for `process`, of any kind the engine has. */
import { milliseconds } from '../../core/duration.ts'
import type { Duration } from '../../core/duration.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Serde } from '../../core/serde.ts'
import { checkName } from '../../engine/topology/names.ts'
import type { StoreSpec } from '../../engine/topology/node.ts'

/** How a store of `process` keeps its values. */
export type StoreOptions<K, V> = CommonOptions<K, V> & KindOptions

interface CommonOptions<K, V> {
  readonly key: Serde<K>
  readonly value: Serde<V>
  /** Kept in a changelog topic, so that it survives the machine. Default true. */
  readonly changelog?: boolean
}

/**
 * Read with `context.store<…>(name)` as: `KeyValueStore` (`key-value`, `lru`), `TimestampedStore`, `WindowStore`,
 * `TimestampedWindowStore`, `SessionStore`, `VersionedStore`. Default `key-value`.
 */
type KindOptions =
  | { readonly kind?: 'key-value' | 'timestamped' }
  /** Keeps that many keys; a put beyond deletes the key used least recently. */
  | { readonly kind: 'lru'; readonly capacity: number }
  | {
      readonly kind: 'window' | 'timestamped-window'
      /** Size of the windows: gives the end of a windowed key. */
      readonly size: Duration
      /** How long a window is kept after its start, by event time. At least the size. */
      readonly retention: Duration
      /** Kind `window`: puts of the same key and start are kept side by side. Default false. */
      readonly retainDuplicates?: boolean
    }
  /** How long a session is kept after its end, by event time. */
  | { readonly kind: 'session'; readonly retention: Duration }
  /** How far back the past is known, and late versions are taken, by event time. */
  | { readonly kind: 'versioned'; readonly retention: Duration }

/**
 * A store for `process` and `processValues`.
 * @example const seen = store('seen', { key: string, value: int64 })
 * @throws SLUICE_CONFIG_INVALID
 */
export function store<K, V>(name: string, options: StoreOptions<K, V>): StoreSpec {
  const { key, value, changelog = true } = options
  const common = { name: checkName(name, 'store'), key, value, changelog }
  return Object.freeze({ ...common, ...kindOf(options, `store ${name}`) })
}

function kindOf(
  options: KindOptions,
  place: string,
): Omit<StoreSpec, 'name' | 'key' | 'value' | 'changelog'> {
  switch (options.kind) {
    case undefined:
    case 'key-value':
      return { kind: 'key-value' }
    case 'timestamped':
      return { kind: 'timestamped' }
    case 'lru':
      return { kind: 'key-value', capacity: capacityOf(options.capacity, place) }
    case 'window':
    case 'timestamped-window': {
      const { kind, retainDuplicates = false } = options
      const windowSizeMs = milliseconds(options.size, `${place}: size`)
      const retentionMs = milliseconds(options.retention, `${place}: retention`)
      if (retentionMs < windowSizeMs) {
        throw invalid(
          `${place}: retention`,
          `at least the size of its windows (${windowSizeMs} ms)`,
          retentionMs,
        )
      }
      return { kind, windowSizeMs, retentionMs, retainDuplicates }
    }
    case 'session':
    case 'versioned':
      return { kind: options.kind, retentionMs: milliseconds(options.retention, `${place}: retention`) }
    default:
      throw invalid(`${place}: kind`, 'a kind of store', options)
  }
}

function capacityOf(capacity: number, place: string): number {
  if (Number.isInteger(capacity) && capacity > 0) return capacity
  throw invalid(`${place}: capacity`, 'a whole number above 0', capacity)
}

function invalid(place: string, expected: string, came: unknown): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', { place, expected, came: JSON.stringify(came) ?? String(came) })
}

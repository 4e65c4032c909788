/**
 * What lies over the storage in a range scan: uncommitted keys in byte order, merged with the storage's own range.
 * Deletions in the overlay hide what the storage has.
 */
import type { Bytes } from '../../core/record.ts'
import { latin1Of } from '../../core/ordered-map.ts'

/** One uncommitted key: `held` as an object (undefined = deleted), or `stored` bytes of the sealed generation (null = deleted). */
export interface Overlaid<K, H> {
  readonly key: K
  readonly held: H | undefined
  readonly stored?: Bytes | null
}

export interface EntryReader<K, H> {
  key(bytes: Bytes): K
  held(stored: Bytes): H
}

/** Sorts behind every continuation of a text whose chars stand for bytes. */
export const BEYOND_BYTES = '\u0100'

/** A bound of a range as the overlay compares it. */
export function boundText(bound: Bytes | undefined): string | undefined {
  return bound === undefined ? undefined : latin1Of(bound)
}

type StoredEntries = IterableIterator<[Bytes, Bytes]>
/** Keys as latin1 text of their bytes. */
type OverlaidEntries<K, H> = IterableIterator<[string, Overlaid<K, H>]>

/** Both layers, of the same bounds and direction, as one. */
export function mergedRange<K, H>(
  stored: StoredEntries,
  above: OverlaidEntries<K, H> | undefined,
  reverse: boolean,
  read: EntryReader<K, H>,
): IterableIterator<[K, H]> {
  return above === undefined ? storedOnly(stored, read) : merge(stored, above, reverse, read)
}

/** The leading entries whose keys start with `prefix`. */
export function* startingWith(entries: StoredEntries, prefix: Bytes): StoredEntries {
  for (const entry of entries) {
    if (Buffer.compare(entry[0].subarray(0, prefix.length), prefix) !== 0) return
    yield entry
  }
}

function* storedOnly<K, H>(stored: StoredEntries, read: EntryReader<K, H>): IterableIterator<[K, H]> {
  for (const [key, value] of stored) yield [read.key(key), read.held(value)]
}

function* merge<K, H>(
  stored: StoredEntries,
  above: OverlaidEntries<K, H>,
  reverse: boolean,
  read: EntryReader<K, H>,
): IterableIterator<[K, H]> {
  let below = stored.next()
  let over = above.next()
  try {
    while (below.done !== true || over.done !== true) {
      const order = compare(below, over, reverse)
      if (order < 0) {
        const [key, value] = below.value as [Bytes, Bytes]
        yield [read.key(key), read.held(value)]
      } else {
        const [, overlaid] = over.value as [string, Overlaid<K, H>]
        const held = heldOf(overlaid, read)
        if (held !== undefined) yield [overlaid.key, held]
        over = above.next()
      }
      if (order <= 0) below = stored.next()
    }
  } finally {
    stored.return?.()
  }
}

/** Below zero: the storage's entry comes first; zero: same key; above: the overlay's. */
function compare(
  below: IteratorResult<[Bytes, Bytes]>,
  over: IteratorResult<[string, unknown]>,
  reverse: boolean,
): number {
  if (below.done === true) return 1
  if (over.done === true) return -1
  const text = latin1Of(below.value[0])
  if (text === over.value[0]) return 0
  return text < over.value[0] === reverse ? 1 : -1
}

function heldOf<K, H>(overlaid: Overlaid<K, H>, read: EntryReader<K, H>): H | undefined {
  if (overlaid.stored === undefined) return overlaid.held
  return overlaid.stored === null ? undefined : read.held(overlaid.stored)
}

/** What a put changes in the timeline of one key: every version is true until the next one, or the next deletion, begins. */
import type { Version, VersionKey } from './version-keys.ts'

/** The rows of a versioned store. */
export interface Timelines<K, V> {
  latest(key: K): Version<V> | undefined
  /** Past versions and deletions of a key with time >= from, by time. */
  past(key: K, from: number): IterableIterator<[VersionKey<K>, Version<V>]>
  /** Writes or (undefined) removes a row. */
  set(kind: VersionKey<K>['kind'], key: K, time: number, version: Version<V> | undefined): void
}

/**
 * @param isNewest nothing in the store begins at its time or later: the past need not be read
 * @returns until when it is true; undefined: it is the latest
 */
export function putVersion<K, V>(
  rows: Timelines<K, V>,
  key: K,
  version: Version<V>,
  isNewest: boolean,
): number | undefined {
  const at = version.validFrom
  const latest = rows.latest(key)
  if (latest !== undefined && latest.validFrom <= at) {
    if (latest.validFrom < at) rows.set('past', key, at, latest)
    putLast(rows, key, version)
    return undefined
  }
  const place = isNewest ? { deletedAt: false, next: undefined } : placeOf(rows, key, at, latest)
  if (place.deletedAt && version.value !== undefined) rows.set('deleted', key, at, undefined)
  if (place.within !== undefined && place.within.validFrom < at) rows.set('past', key, at, place.within)
  if (place.next === undefined) putLast(rows, key, version)
  else putBefore(rows, key, version, place.next, place.within !== undefined)
  return place.next
}

interface Place<V> {
  /** A deletion stands at this very time. */
  readonly deletedAt: boolean
  /** The version that is true at the time, to be cut short there. */
  readonly within?: Version<V>
  /** When the next version or deletion begins. */
  readonly next: number | undefined
}

function placeOf<K, V>(rows: Timelines<K, V>, key: K, at: number, latest: Version<V> | undefined): Place<V> {
  let deletedAt = false
  for (const [{ kind, time }, version] of rows.past(key, at)) {
    if (time === at) deletedAt ||= kind === 'deleted'
    else if (kind === 'deleted') return { deletedAt, next: time }
    else if (version.validFrom <= at) return { deletedAt, within: version, next: time }
    else return { deletedAt, next: version.validFrom }
  }
  return { deletedAt, next: latest?.validFrom }
}

function putLast<K, V>(rows: Timelines<K, V>, key: K, version: Version<V>): void {
  const isDeletion = version.value === undefined
  rows.set('latest', key, 0, isDeletion ? undefined : version)
  if (isDeletion) rows.set('deleted', key, version.validFrom, version)
}

function putBefore<K, V>(
  rows: Timelines<K, V>,
  key: K,
  version: Version<V>,
  next: number,
  replaces: boolean,
): void {
  if (version.value !== undefined) return rows.set('past', key, next, version)
  if (replaces) rows.set('past', key, next, undefined)
  rows.set('deleted', key, version.validFrom, version)
}

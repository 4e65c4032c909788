/** Compares what the stores hold at the end of a case with what Kafka Streams' held. */
import type { Driver } from '../../src/testing/driver.ts'
import type { StoreContents } from '../../src/testing/store-contents.ts'
import type { GoldenStore } from './case.ts'
import type { Difference } from './compare-topology.ts'

export type Stores = ReadonlyMap<string, StoreContents>

/** Kinds of stores with comparable content, as the cases call them. */
const KINDS: Readonly<Record<string, StoreContents['kind']>> = {
  keyValue: 'key-value',
  timestampedKeyValue: 'timestamped',
  versioned: 'versioned',
  window: 'window',
  timestampedWindow: 'timestamped-window',
  session: 'session',
}

export function storesOf(driver: Driver): Stores {
  return new Map(driver.storeNames().map((name) => [name, driver.contents(name)]))
}

export function storeDifferences(
  wanted: Readonly<Record<string, GoldenStore>>,
  stores: Stores,
): readonly Difference[] {
  return Object.entries(wanted).flatMap(([name, golden]): readonly Difference[] => {
    const kind = KINDS[golden.type]
    if (kind === undefined) return []
    const store = stores.get(name)
    if (store === undefined) return [difference(`store ${name}: not there`)]
    const wantedEntries = (golden.entries ?? []).filter((entry) => !mayBeGone(entry, store))
    // Of an empty store the reference could not tell what it would hold.
    if (wantedEntries.length === 0 && store.entries.length === 0) return []
    if (store.kind !== kind) return [difference(`store ${name}: expected ${kind}, came ${store.kind}`)]
    const entries = store.entries.map(({ key, value, timestamp: ts }) => ({ key, value, ts }))
    return entryDifferences(name, sorted(wantedEntries), sorted(entries))
  })
}

function difference(text: string): Difference {
  return { aspect: 'stores', text }
}

/** Behind the retention the reference still shows what its record cache has, and time-ordered stores one more millisecond. */
function mayBeGone({ key }: Entry, { kind, shownFrom = 0 }: StoreContents): boolean {
  if (typeof key !== 'object' || key === null || !('start' in key)) return false
  const { start, end } = key as { readonly start: number; readonly end: number }
  return (kind === 'session' ? end : start) < shownFrom
}

interface Entry {
  readonly key: unknown
  readonly value: unknown
  readonly ts?: number | undefined
}

function entryDifferences(
  name: string,
  wanted: readonly string[],
  came: readonly string[],
): readonly Difference[] {
  const at = Array.from({ length: Math.max(wanted.length, came.length) }, (_, index) => index).find(
    (index) => wanted[index] !== came[index],
  )
  if (at === undefined) return []
  const place = `store ${name}, entry ${at} of ${wanted.length}`
  return [difference(`${place}: expected ${wanted[at] ?? 'none'}, came ${came[at] ?? 'none'}`)]
}

/** By key, start and end; entries of the same window stay in their order. */
function sorted(entries: readonly Entry[]): readonly string[] {
  return entries
    .map((entry) => ({ entry, by: keyText(entry.key) }))
    .toSorted((a, b) => (a.by < b.by ? -1 : a.by > b.by ? 1 : 0))
    .map(({ entry: { value, ts }, by }) => JSON.stringify({ key: by, value, ts }))
}

function keyText(key: unknown): string {
  if (typeof key !== 'object' || key === null) return String(key)
  const {
    key: inner,
    start,
    end,
  } = key as { readonly key: unknown; readonly start: number; readonly end: number }
  // An unlimited window ends at Long.MAX_VALUE there, at the largest safe integer here.
  return `${keyText(inner)} ${pad(start)} ${pad(Math.min(end, Number.MAX_SAFE_INTEGER))}`
}

function pad(time: number): string {
  return String(time).padStart(16, '0')
}

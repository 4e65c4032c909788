/**
 * Compares the records of internal topics byte for byte with those that Kafka Streams wrote. A changelog of ours has the last value of
 * each key per commit, where Kafka Streams without a cache writes every one: there the last of each key and step count.
 */
import type { CapturedRecord } from '../../src/testing/capture.ts'
import type { InternalTopic } from '../../src/engine/topology/plan.ts'
import type { Case, Golden, InternalRecord } from './case.ts'
import type { Difference } from './compare-topology.ts'

/** By topic. */
export type InternalRecords = Readonly<Record<string, readonly InternalRecord[]>>

export function internalRecord(
  step: number,
  { key, value, timestamp: ts, headers }: CapturedRecord,
): InternalRecord {
  const pairs = headers.map((header) => [header.key, hex(header.value)] as const)
  return { step, key: hex(key), value: hex(value), ts, ...(pairs.length > 0 ? { headers: pairs } : {}) }
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex')
}

export function internalDifferences(
  one: Case,
  { internal }: Golden,
  came: InternalRecords,
  topics: readonly InternalTopic[],
): readonly Difference[] {
  if (internal === undefined) return []
  const changelogs = new Set(topics.filter(({ role }) => role === 'changelog').map(({ name }) => name))
  const texts = [...new Set([...Object.keys(internal), ...Object.keys(came)])].flatMap((topic) => {
    const [wanted, found] = [internal[topic] ?? [], came[topic] ?? []]
    if (changelogs.has(topic)) return unordered(topic, effective(lastOf(wanted)), effective(lastOf(found)))
    return one.loopedTopics === undefined ? ordered(topic, wanted, found) : unordered(topic, wanted, found)
  })
  return texts.map((text) => ({ aspect: 'internal', text }))
}

/** The last of each key and step. */
function lastOf(records: readonly InternalRecord[]): readonly InternalRecord[] {
  return [...new Map(records.map((record) => [`${record.step} ${record.key}`, record])).values()]
}

function unordered(
  topic: string,
  wanted: readonly InternalRecord[],
  came: readonly InternalRecord[],
): readonly string[] {
  const sorted = (records: readonly InternalRecord[]): readonly InternalRecord[] =>
    records.toSorted((a, b) => a.step - b.step || (String(a.key) < String(b.key) ? -1 : 1))
  const [first, second] = [sorted(wanted), sorted(came)]
  return ordered(topic, first, timed(second, first))
}

function ordered(
  topic: string,
  wanted: readonly InternalRecord[],
  came: readonly InternalRecord[],
): readonly string[] {
  const at = Array.from({ length: Math.max(wanted.length, came.length) }, (_, index) => index).find(
    (index) => shown(wanted[index]) !== shown(came[index]),
  )
  if (at === undefined) return []
  return [
    `${topic}, record ${at} of ${wanted.length}: expected ${shown(wanted[at])}, came ${shown(came[at])}`,
  ]
}

function shown(record: InternalRecord | undefined): string {
  if (record === undefined) return 'none'
  const { step, key, value, ts, headers = [] } = record
  return JSON.stringify([step, key, value, ts, headers])
}

/** Some changelogs of Kafka Streams leave the time to the producer, and that of a deletion says nothing: then any will do. */
function timed(
  came: readonly InternalRecord[],
  wanted: readonly InternalRecord[],
): readonly InternalRecord[] {
  return came.map((record, index) => {
    const ts = wanted[index]?.ts
    const any = ts === null || (record.value === null && wanted[index]?.value === null)
    return any && ts !== undefined ? { ...record, ts } : record
  })
}

/** Without deletions of what is not there: they say nothing, and whether they are written hangs on caches. */
function effective(records: readonly InternalRecord[]): readonly InternalRecord[] {
  const there = new Set<string | null>()
  return records.filter(({ key, value }) => {
    if (value !== null) there.add(key)
    return value !== null || there.delete(key)
  })
}

/** Committed records of a topic as JSON, from a place on: a page of them, or all that come. Joins no group, commits nothing. */
import type { Broker, FetchedBatch } from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import type { Observed } from './observed.ts'

export interface ShownRecord {
  readonly partition: number
  readonly offset: number
  /** Event time, ms since 1970. */
  readonly timestamp: number
  readonly key: unknown
  readonly value: unknown
  readonly headers: Readonly<Record<string, string | null>>
}

/** Where reading begins: the beginning, the end, an offset, or a time in ms since 1970. */
export type Place = 'earliest' | 'latest' | { readonly offset: number } | { readonly time: number }

/** @throws SLUICE_TOPIC_MISSING */
export async function partitionsOf(broker: Broker, topic: string): Promise<number> {
  const [found] = await broker.admin.describeTopics([topic])
  if (found !== undefined) return found.partitions
  const existing = (await broker.admin.describeTopics()).map(({ name }) => name).join(', ') || 'none'
  throw sluiceError('SLUICE_TOPIC_MISSING', { topic, place: '', existing })
}

/** Up to `limit` records by time, oldest first; from `latest`: the last ones there are. */
export async function pageOf(
  observed: Observed,
  topic: string,
  from: Place,
  limit: number,
): Promise<readonly ShownRecord[]> {
  const { broker } = observed
  const ends = await positions(broker, topic, 'latest')
  if (from !== 'latest') {
    const starts = await positions(broker, topic, from)
    return (await read(observed, topic, { starts, ends, limit })).slice(0, limit)
  }
  const begins = await positions(broker, topic, 'earliest')
  // Marks of transactions and compacted records have offsets too: how far back `limit` records lie is only known by looking.
  for (let back = 4 * limit; ; back *= 8) {
    const starts = ends.map((end, at) => Math.max(begins[at]!, end - back))
    const all = await read(observed, topic, { starts, ends, limit: Infinity })
    if (all.length >= limit || starts.every((start, at) => start === begins[at])) return all.slice(-limit)
  }
}

interface Range {
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  /** Most records of one partition. */
  readonly limit: number
}

async function read(
  observed: Observed,
  topic: string,
  { starts, ends, limit }: Range,
): Promise<readonly ShownRecord[]> {
  const next = [...starts]
  const given = starts.map(() => 0)
  const enough = (): boolean => next.every((offset, at) => offset >= ends[at]! || given[at]! >= limit)
  const all: ShownRecord[] = []
  if (enough()) return all
  for await (const batch of fetchedFrom(observed.broker, topic, starts, new AbortController().signal)) {
    const { partition } = batch
    for (let at = 0; at < batch.count && given[partition]! < limit; at++, given[partition]!++)
      if (batch.offsetAt(at) < ends[partition]!) all.push(shown(observed, topic, batch, at))
    next[partition] = batch.nextOffset
    if (enough()) break
  }
  return all.toSorted((a, b) => a.timestamp - b.timestamp)
}

/** Every record from a place on, until `signal`. */
export async function* recordsFrom(
  observed: Observed,
  topic: string,
  from: Place,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  const starts = await positions(observed.broker, topic, from)
  for await (const batch of fetchedFrom(observed.broker, topic, starts, signal)) {
    for (let at = 0; at < batch.count; at++) yield shown(observed, topic, batch, at)
  }
}

async function positions(broker: Broker, topic: string, from: Place): Promise<readonly number[]> {
  const count = await partitionsOf(broker, topic)
  const list = (at: 'earliest' | 'latest' | number): Promise<readonly number[]> =>
    Promise.all(
      Array.from({ length: count }, (_, partition) =>
        broker.admin.listOffset(topic, partition, at, 'read_committed'),
      ),
    )
  if (typeof from === 'string') return list(from)
  if ('time' in from) return list(from.time)
  const [starts, ends] = await Promise.all([list('earliest'), list('latest')])
  // Outside the log there is nothing: below it reading starts at its beginning, beyond it at its end.
  return starts.map((start, at) => Math.min(Math.max(start, from.offset), ends[at]!))
}

async function* fetchedFrom(
  broker: Broker,
  topic: string,
  starts: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<FetchedBatch> {
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  const wake = (): void => fetcher.wake()
  signal.addEventListener('abort', wake)
  try {
    starts.forEach((offset, partition) => fetcher.add(topic, partition, offset))
    while (!signal.aborted) {
      for (const batch of fetcher.take()) {
        if (batch.kind === 'failed') throw batch.error
        yield batch
      }
      await fetcher.arrived(1000)
    }
  } finally {
    signal.removeEventListener('abort', wake)
    fetcher.close()
  }
}

function shown({ show }: Observed, topic: string, batch: FetchedBatch, at: number): ShownRecord {
  const [key, value] = [batch.keyAt(at), batch.valueAt(at)]
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
  return {
    partition: batch.partition,
    offset: batch.offsetAt(at),
    timestamp: batch.timestampAt(at),
    key: key === null ? null : show(topic, 'key', key),
    value: value === null ? null : show(topic, 'value', value),
    headers: Object.fromEntries(
      batch.headersAt(at).map(({ key: name, value: bytes }) => [name, bytes === null ? null : text(bytes)]),
    ),
  }
}

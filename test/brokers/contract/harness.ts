/** What every broker under contract must offer to the suite, and the few verbs in which the suite speaks. */
import { expect, onTestFinished } from 'vitest'
import type {
  AssignmentChange,
  Broker,
  CommittedOffset,
  FetchFailure,
  Fetched,
  FetchedBatch,
  Fetcher,
  GroupMember,
  GroupTopology,
  Isolation,
  JoinOptions,
  Producer,
} from '../../../src/core/broker.ts'
import type { ErrorCode } from '../../../src/core/errors.ts'
import { isSluiceError } from '../../../src/core/errors.ts'
import type { Encoded, Headers } from '../../../src/core/record.ts'
import { NO_HEADERS } from '../../../src/core/record.ts'

export interface ClusterUnderTest {
  /** A client of its own. */
  connect(): Promise<ClientUnderTest>
  /** Lets that much time pass for cluster and clients (virtually, where that is possible). */
  elapse(ms: number): Promise<void>
  /** Time as it passes for cluster and clients; only differences mean something. */
  now(): number
  /** Retention and compaction now; absent: it cannot be asked for. */
  clean?(): Promise<void>
  close(): Promise<void>
}

export interface ClientUnderTest {
  readonly broker: Broker
  /** From now on the client is silent, as a process that was killed. */
  stop(): void
}

export type MakeCluster = () => Promise<ClusterUnderTest>

/** A cluster that is closed after the test. */
export async function opened(make: MakeCluster): Promise<ClusterUnderTest> {
  const cluster = await make()
  onTestFinished(() => cluster.close())
  return cluster
}

export interface Read {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
  readonly headers: Headers
}

export async function rejection(promise: Promise<unknown>, code: ErrorCode): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(isSluiceError(error, code), `expected ${code}, came ${String(error)}`).toBe(true)
  return String(error)
}

/** Sends one record per value to one partition. */
export async function sendValues(
  producer: Producer,
  topic: string,
  partition: number,
  values: readonly (Encoded | null)[],
): Promise<number> {
  const target = producer.target(topic, partition)
  const buffer = producer.buffer()
  values.forEach((value, i) => buffer.append(target, `k${i}`, value, 1000 + i, NO_HEADERS))
  const [sent] = await producer.send(buffer)
  return sent!.lastOffset
}

export async function readyProducer(
  broker: Broker,
  transactionalId?: string,
  timeoutMs = 60_000,
): Promise<Producer> {
  const producer = broker.producer(
    transactionalId === undefined ? {} : { transactionalId, transactionTimeoutMs: timeoutMs },
  )
  await producer.init()
  return producer
}

/** Takes until `done` says so; after five seconds the test fails with what was there. */
export async function takeUntil(
  fetcher: Fetcher,
  done: (taken: readonly Fetched[]) => boolean,
): Promise<Fetched[]> {
  const taken: Fetched[] = []
  const ends = performance.now() + 5000
  for (;;) {
    taken.push(...fetcher.take())
    if (done(taken)) return taken
    if (performance.now() > ends) {
      const failures = failuresOf(taken).map(({ topic, error }) => `${topic}: ${error.message}`)
      throw new Error(`waited in vain; there were ${JSON.stringify([valuesOf(taken), failures])}`)
    }
    await fetcher.arrived(50)
  }
}

/** All records of a partition from `from` up to the end that the isolation level shows now. */
export async function readAll(
  broker: Broker,
  topic: string,
  partition: number,
  isolation: 'read_committed' | 'read_uncommitted' = 'read_committed',
  from = 0,
  maxPartitionBytes?: number,
): Promise<Read[]> {
  const end = await broker.admin.listOffset(topic, partition, 'latest', isolation)
  const fetcher = broker.fetcher({
    isolation,
    ...(maxPartitionBytes === undefined ? {} : { maxPartitionBytes }),
  })
  fetcher.add(topic, partition, from)
  const taken = await takeUntil(
    fetcher,
    (all) => from >= end || (batchesOf(all).at(-1)?.nextOffset ?? -1) >= end,
  )
  fetcher.close()
  return recordsOf(taken)
}

export async function readValues(...args: Parameters<typeof readAll>): Promise<(string | null)[]> {
  return (await readAll(...args)).map(({ value }) => value)
}

export function batchesOf(taken: readonly Fetched[]): FetchedBatch[] {
  return taken.filter((fetched) => fetched.kind === 'records')
}

export function failuresOf(taken: readonly Fetched[]): FetchFailure[] {
  return taken.filter((fetched) => fetched.kind === 'failed')
}

export function recordsOf(taken: readonly Fetched[]): Read[] {
  return batchesOf(taken).flatMap((batch) =>
    Array.from({ length: batch.count }, (_, i) => ({
      offset: batch.offsetAt(i),
      key: text(batch.keyAt(i)),
      value: text(batch.valueAt(i)),
      timestamp: batch.timestampAt(i),
      headers: batch.headersAt(i),
    })),
  )
}

export function valuesOf(taken: readonly Fetched[]): (string | null)[] {
  return recordsOf(taken).map(({ value }) => value)
}

/**
 * Waits until no transaction is open in the partition. A commit or abort is decided before readers see it: Kafka writes
 * the markers after it has answered.
 */
export async function settled(broker: Broker, topic: string, partition: number): Promise<void> {
  const end = (isolation: Isolation): Promise<number> =>
    broker.admin.listOffset(topic, partition, 'latest', isolation)
  const ends = performance.now() + 5000
  while ((await end('read_committed')) < (await end('read_uncommitted'))) {
    if (performance.now() > ends) throw new Error(`a transaction stays open in ${topic}-${partition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8')
}

export const ONE_SUBTOPOLOGY: GroupTopology = {
  subtopologies: [{ id: 0, sourceTopics: ['in'], changelogTopics: [] }],
}

export function joinOptions(processId: string, options: Partial<JoinOptions> = {}): JoinOptions {
  return {
    group: 'app',
    topology: ONE_SUBTOPOLOGY,
    processId,
    sessionTimeoutMs: 10_000,
    heartbeatIntervalMs: 1000,
    ...options,
  }
}

/** Waits until `look` gives something; after five seconds the test fails. */
export async function eventually<T>(look: () => T | undefined | false, what: string): Promise<T> {
  const ends = performance.now() + 5000
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > ends) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

export function nextChange(member: GroupMember): Promise<AssignmentChange> {
  return eventually(() => member.change, `a change of member ${member.memberId}`)
}

/** Acknowledges the next change and returns it. */
export async function settle(member: GroupMember): Promise<AssignmentChange> {
  const change = await nextChange(member)
  await member.acknowledge(change)
  return change
}

export function committed(topic: string, partition: number, offset: number, metadata = ''): CommittedOffset {
  return { topic, partition, offset, metadata }
}

/** Long enough for anything that would happen by itself to have happened. */
export function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 30))
}

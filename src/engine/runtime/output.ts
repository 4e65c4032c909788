/**
 * Everything a worker writes, by generation: sinks, repartition topics, changelogs and dead letters all go into one buffer.
 * The buffer of g+1 is filled while g is being committed and is never sent before g ended, or it would ride in g's transaction.
 */
import type { Producer, ProduceTarget, SendBuffer, SentPartition } from '../../core/broker.ts'
import { asError, isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import type { Counter } from '../../core/metrics.ts'
import { partitionOf } from '../../core/partitioner.ts'
import type { OutputSpec, OutputWriter } from '../../core/processor.ts'
import { type Bytes, type Encoded, type Headers, NO_HEADERS, partitionId } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import type { LogUpdate } from '../state/managed.ts'

/** Positions after the last acknowledged record, by `topic-partition`. */
export type Acknowledged = Map<string, number>

/** The output of a closed generation. */
export interface ClosedOutput {
  /** Nothing was written in it, neither sent early nor waiting. */
  readonly empty: boolean
  /** Sends what is left and resolves when all of the generation is acknowledged. */
  finish(): Promise<Acknowledged>
}

export interface Reuse {
  readonly key: boolean
  readonly value: boolean
}

export class Output {
  readonly #producer: Producer
  readonly #counts: ReadonlyMap<string, number>
  readonly #sendBytes: number
  readonly #lost: () => Error | undefined
  readonly #targets = new Map<string, readonly ProduceTarget[]>()
  #buffer: SendBuffer
  /** What must not be in the log before all of `#buffer` is. */
  #late: SendBuffer
  #acknowledged: Acknowledged = new Map()
  #sending: Promise<void> | undefined
  #sentEarly = false
  /** A closed generation is being sent or committed: nothing of the open one may leave. */
  #held = false
  /** Why an early send failed; the worker aborts when it sees it. */
  failure: Error | undefined

  /** @param lost why nothing may be written any more: the worker's tasks belong to another one */
  constructor(
    producer: Producer,
    counts: ReadonlyMap<string, number>,
    sendBytes: number,
    lost: () => Error | undefined = () => undefined,
  ) {
    this.#producer = producer
    this.#lost = lost
    this.#counts = counts
    this.#sendBytes = sendBytes
    this.#buffer = producer.buffer()
    this.#late = producer.buffer()
  }

  /** Bytes of the open generation not yet sent. */
  get unsentBytes(): number {
    return this.#buffer.bytes
  }

  /** The writer of a sink. Unknown topics are SLUICE_TOPIC_MISSING now, not at the first record. */
  writer(
    spec: OutputSpec,
    node: string,
    reuse: Reuse,
    taskPartition: number,
    produced: Counter = { value: 0 },
  ): OutputWriter {
    const { topic, topicOf } = spec
    const fixed = topicOf === undefined ? this.#targetsOf(topic, node) : []
    let roundRobin = taskPartition
    return {
      write: (record, headers = record.headers) => {
        const { keyBytes, valueBytes } = record
        const key = encoded(spec.key, record.key, reuse.key ? keyBytes : undefined, 'key', node, topic)
        const value = encoded(
          spec.value,
          record.value,
          reuse.value ? valueBytes : undefined,
          'value',
          node,
          topic,
        )
        const targets = topicOf === undefined ? fixed : this.#chosenTargets(topicOf(record), node)
        const chosen =
          spec.partition?.(record, targets.length) ??
          (key === null ? roundRobin++ % targets.length : choose(key, targets.length, spec.key.windowBytes))
        if (typeof chosen === 'number') this.#append(targets, chosen, key, value, record.timestamp, headers)
        else for (const one of chosen) this.#append(targets, one, key, value, record.timestamp, headers)
        produced.value++
      },
    }
  }

  /** Appends raw records, for dead letters. */
  raw(
    topic: string,
    node: string,
  ): (key: Encoded | null, value: Encoded | null, timestamp: number, headers: Headers) => void {
    const targets = this.#targetsOf(topic, node)
    return (key, value, timestamp, headers) => {
      const partition = key === null ? 0 : choose(key, targets.length)
      this.#buffer.append(targets[partition]!, key, value, timestamp, headers)
    }
  }

  /** The changelog of a store: same partition as the task. @param headers of its values; deletions have none */
  changelog(topic: string, partition: number, headers: Headers | 'record'): LogUpdate {
    const target = this.#targetsOf(topic, topic)[partition]!
    if (headers === 'record')
      return (key, value, timestamp, record) =>
        this.#buffer.append(target, key, value, timestamp, record?.headers ?? NO_HEADERS)
    return (key, value, timestamp) =>
      this.#buffer.append(target, key, value, timestamp, value === null ? NO_HEADERS : headers)
  }

  /**
   * A changelog whose deletions are written only when everything else of the generation is acknowledged. Without a transaction a
   * send may arrive in part: a ledger entry deleted beside an output that never arrived would be a lost record.
   */
  changelogDeletingLate(topic: string, partition: number, headers: Headers): LogUpdate {
    const target = this.#targetsOf(topic, topic)[partition]!
    return (key, value, timestamp) =>
      (value === null ? this.#late : this.#buffer).append(target, key, value, timestamp, headers)
  }

  /** Sends what has gathered when it is worth it and allowed now. Called by the loop after each slice. */
  sendEarly(): void {
    if (this.#held || this.#sending !== undefined || this.#buffer.records === 0) return
    if (this.#buffer.bytes < this.#sendBytes) return
    const buffer = this.#buffer
    this.#buffer = this.#producer.buffer()
    this.#sentEarly = true
    this.#sending = this.#send(buffer, this.#acknowledged).then(
      () => {
        this.#sending = undefined
      },
      (error: unknown) => {
        this.#sending = undefined
        this.failure = asError(error)
      },
    )
  }

  /** Step 1 of a commit: later writes belong to the next generation, held back until `release`. */
  close(): ClosedOutput {
    const buffer = this.#buffer
    const late = this.#late
    const acknowledged = this.#acknowledged
    const sending = this.#sending
    const empty = buffer.records === 0 && late.records === 0 && !this.#sentEarly
    this.#buffer = this.#producer.buffer()
    this.#late = this.#producer.buffer()
    this.#acknowledged = new Map()
    this.#sentEarly = false
    this.#held = true
    return {
      empty,
      finish: async () => {
        await sending
        if (this.failure !== undefined) throw this.failure
        if (buffer.records > 0) await this.#send(buffer, acknowledged)
        if (late.records > 0) await this.#send(late, acknowledged)
        return acknowledged
      },
    }
  }

  /** Resolves when no send is under way, whatever became of it. */
  async idle(): Promise<void> {
    await this.#sending
  }

  /** The closed generation ended. */
  release(): void {
    this.#held = false
  }

  async #send(buffer: SendBuffer, acknowledged: Acknowledged): Promise<void> {
    // Transactions are fenced by the broker; without them this look is all that keeps a paused worker from writing over its successor.
    const lost = this.#lost()
    if (lost !== undefined) throw lost
    const sent: readonly SentPartition[] = await this.#producer.send(buffer)
    for (const { topic, partition, lastOffset } of sent)
      acknowledged.set(partitionId(topic, partition), lastOffset + 1)
  }

  #append(
    targets: readonly ProduceTarget[],
    partition: number,
    key: Encoded | null,
    value: Encoded | null,
    timestamp: number,
    headers: Headers,
  ): void {
    const target = targets[partition]
    if (target === undefined) throw noPartition(partition, targets)
    this.#buffer.append(target, key, value, timestamp, headers)
  }

  /** Of a topic chosen for one record: its absence is the record's fault, not the application's. */
  #chosenTargets(topic: string, node: string): readonly ProduceTarget[] {
    if (this.#counts.get(topic) !== undefined) return this.#targetsOf(topic, node)
    throw new RangeError(`the topic "${topic}" was chosen, which was not there when the application started`)
  }

  #targetsOf(topic: string, node: string): readonly ProduceTarget[] {
    const known = this.#targets.get(topic)
    if (known !== undefined) return known
    const count = this.#counts.get(topic)
    if (count === undefined) {
      throw sluiceError('SLUICE_TOPIC_MISSING', { topic, place: ` (written by ${node})`, existing: '' })
    }
    const targets = Array.from({ length: count }, (_, partition) => this.#producer.target(topic, partition))
    this.#targets.set(topic, targets)
    return targets
  }
}

/** The user's partitioner is to blame, with the record it was given: no error of the table, so that it follows the error policy. */
function noPartition(partition: number, targets: readonly ProduceTarget[]): Error {
  const [topic, last] = [targets[0]?.topic, targets.length - 1]
  return new RangeError(`the partitioner chose partition ${partition} of "${topic}", which has 0 to ${last}`)
}

function choose(key: Encoded, partitions: number, windowBytes?: number): number {
  return partitions === 1 ? 0 : partitionOf(key, partitions, windowBytes)
}

/** @param bytes what the content was read from, where they may be written again */
function encoded(
  serde: Serde<unknown>,
  content: unknown,
  bytes: Bytes | null | undefined,
  side: 'key' | 'value',
  node: string,
  topic: string,
): Encoded | null {
  if (content === null || content === undefined) return null
  return bytes ?? serialize(serde, content, side, node, topic)
}

/** @throws SLUICE_SERIALIZE with the node and what the serde said */
export function serialize(
  serde: Serde<unknown>,
  content: unknown,
  side: 'key' | 'value',
  node: string,
  topic: string,
): Encoded {
  try {
    return serde.serialize(content)
  } catch (error) {
    if (isSluiceError(error, 'SLUICE_SERIALIZE')) throw error
    const problem = problemOf(error)
    throw sluiceError('SLUICE_SERIALIZE', { node, side, topic, format: serde.format, problem }, error)
  }
}

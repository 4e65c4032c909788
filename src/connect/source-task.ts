/**
 * Runs one source: polls it and writes its records together with its new position in one transaction, so that after any
 * crash it goes on behind exactly what is visible in the topics. It must never hold a position anywhere else.
 *
 *   1. Take over: fence a predecessor, end its transaction.  2. Read the committed position.  3. Open the source there.
 *   4. Poll.  5. Send records and position.  6. Commit; back to 4.  Anything that fails in 4 to 6 aborts and goes to 1.
 */
import type { Broker, Producer, ProduceTarget, SendBuffer, TopicDescription } from '../core/broker.ts'
import type { Clock } from '../core/clock.ts'
import { sleep } from '../core/clock.ts'
import { isSluiceError, problemOf, sluiceError } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import { partitionOf } from '../core/partitioner.ts'
import { NO_HEADERS } from '../core/record.ts'
import { encodedBytes } from '../core/serde.ts'
import type { RecordSource, SourceBatch, SourceReader, SourceRecord } from '../core/source.ts'
import { checkTopicName } from '../core/topic.ts'
import { encodePosition, positionsTopic, readPosition } from './positions.ts'

export interface SourceTaskOptions {
  /** Identity of the source: names its position and its producer. Two running sources must not share one. */
  readonly name: string
  readonly source: RecordSource
  /** Partitions of topics that have to be created. Default 4. */
  readonly partitions?: number
  /** How long to wait after a poll that reached the end, ms. Default 200. */
  readonly pollIntervalMs?: number
  /** Most records in one transaction. Default 1,000. */
  readonly batchRecords?: number
}

export interface SourcePorts {
  readonly broker: Broker
  readonly clock: Clock
  readonly log: Logger
}

export interface SourceTask {
  readonly name: string
  /** Records written and committed since the start. */
  readonly written: number
  /** True when the last poll reached the end and all of it is committed. */
  readonly atEnd: boolean
  /** Resolves when `atEnd` becomes true for the first time; rejects with what stopped the task before. */
  readonly reachedEnd: Promise<void>
  /** Resolves when closed; rejects with the error that stopped it. */
  readonly ended: Promise<void>
  /** Finishes the transaction under way and stops. Idempotent. */
  close(): Promise<void>
}

/**
 * Creates missing topics, opens the source where it stopped last time and keeps copying.
 * @throws SLUICE_TOPIC_INVALID, SLUICE_CONFIG_INVALID, SLUICE_SOURCE_FAILED
 */
export async function startSource(options: SourceTaskOptions, ports: SourcePorts): Promise<SourceTask> {
  const { name, source, partitions = 4 } = options
  const topics = await prepareTopics(checkTopicName(name), source, partitions, ports.broker)
  const producer = ports.broker.producer({ transactionalId: `${name}-source` })
  const task = new Task(options, ports, new TopicWriter(name, topics, producer, ports.clock))
  await task.start()
  return task
}

const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 10_000

class Task implements SourceTask {
  readonly name: string
  readonly ended: Promise<void>
  readonly reachedEnd: Promise<void>
  written = 0
  atEnd = false
  readonly #options: SourceTaskOptions
  readonly #ports: SourcePorts
  readonly #writer: TopicWriter
  readonly #stop = new AbortController()
  readonly #outcome = Promise.withResolvers<void>()
  readonly #first = Promise.withResolvers<void>()

  constructor(options: SourceTaskOptions, ports: SourcePorts, writer: TopicWriter) {
    this.name = options.name
    this.#options = options
    this.#ports = ports
    this.#writer = writer
    this.ended = this.#outcome.promise
    this.reachedEnd = this.#first.promise
    // Whoever wants the outcome awaits these; a failure nobody listens to must not kill the host process.
    this.ended.catch(() => {})
    this.reachedEnd.catch(() => {})
  }

  /** Opens once before returning, so that a wrong table or file is an error of the start, not a log line later. */
  async start(): Promise<void> {
    const reader = await this.#open().catch(async (error: unknown) => {
      await this.#writer.close()
      throw error
    })
    this.#run(reader).then(this.#outcome.resolve, (error: unknown) => {
      this.#first.reject(error)
      this.#outcome.reject(error)
    })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.ended.catch(() => {})
  }

  async #open(): Promise<SourceReader> {
    const { broker, clock } = this.#ports
    await this.#writer.init()
    const position = await readPosition(broker, clock, this.name)
    return this.#options.source.open(position)
  }

  async #run(first: SourceReader): Promise<void> {
    let reader: SourceReader | undefined = first
    let backoff = FIRST_BACKOFF_MS
    try {
      while (!this.#stop.signal.aborted) {
        try {
          reader ??= await this.#open()
          await this.#copy(reader)
          backoff = FIRST_BACKOFF_MS
        } catch (error) {
          await this.#recover(reader, error, backoff)
          reader = undefined
          backoff = Math.min(2 * backoff, LONGEST_BACKOFF_MS)
        }
      }
    } finally {
      await reader?.close()
      await this.#writer.close()
    }
  }

  /** Steps 4 to 6 once, then waits if there was nothing more. */
  async #copy(reader: SourceReader): Promise<void> {
    const { batchRecords = 1000, pollIntervalMs = 200 } = this.#options
    const batch = await reader.poll(batchRecords)
    if (batch.records.length > 0) {
      await this.#writer.write(batch)
      this.written += batch.records.length
    }
    this.atEnd = batch.atEnd
    if (batch.atEnd) this.#first.resolve()
    if (batch.atEnd || batch.records.length === 0) {
      await sleep(this.#ports.clock, pollIntervalMs, this.#stop.signal)
    }
  }

  /** @throws what repeating cannot help */
  async #recover(reader: SourceReader | undefined, error: unknown, backoff: number): Promise<void> {
    await reader?.close().catch(() => {})
    if (!isSluiceError(error)) {
      const source = this.#options.source.label
      throw sluiceError('SLUICE_SOURCE_FAILED', { source, problem: problemOf(error) }, error)
    }
    // Somebody else runs under this name now: going on would fence him in turn, for ever.
    if (error.retry === 'never' || error.code === 'SLUICE_PRODUCER_FENCED') throw error
    this.#ports.log.warn({ source: this.name, code: error.code, retryInMs: backoff }, error.message)
    await sleep(this.#ports.clock, backoff, this.#stop.signal)
  }
}

/** The transactional producer of one source, with the targets of its topics. */
class TopicWriter {
  readonly #name: string
  readonly #producer: Producer
  readonly #clock: Clock
  readonly #targets: ReadonlyMap<string, readonly ProduceTarget[]>
  readonly #positions: ProduceTarget
  #roundRobin = 0

  constructor(name: string, topics: readonly TopicDescription[], producer: Producer, clock: Clock) {
    this.#name = name
    this.#producer = producer
    this.#clock = clock
    this.#positions = producer.target(positionsTopic(name), 0)
    this.#targets = new Map(
      topics.map((topic) => [
        topic.name,
        Array.from({ length: topic.partitions }, (_, at) => producer.target(topic.name, at)),
      ]),
    )
  }

  init(): Promise<void> {
    return this.#producer.init()
  }

  close(): Promise<void> {
    return this.#producer.close()
  }

  /** Records and position become visible together, or not at all: a failure is left to the next `init`, which aborts. */
  async write(batch: SourceBatch): Promise<void> {
    const buffer = this.#producer.buffer()
    const now = this.#clock.now()
    for (const record of batch.records) this.#append(buffer, record, now)
    buffer.append(this.#positions, this.#name, encodePosition(batch.position), now, NO_HEADERS)
    await this.#producer.send(buffer)
    await this.#producer.commit()
  }

  #append(buffer: SendBuffer, record: SourceRecord, now: number): void {
    const targets = this.#targets.get(record.topic)
    if (targets === undefined) {
      throw sluiceError('SLUICE_INTERNAL', {
        place: `source ${this.#name}`,
        problem: `a record for topic ${record.topic}, which the source did not declare`,
      })
    }
    const { key, value, timestamp = now, headers = NO_HEADERS } = record
    const at =
      key === null ? this.#roundRobin++ % targets.length : partitionOf(encodedBytes(key), targets.length)
    buffer.append(targets[at]!, key, value, timestamp, headers)
  }
}

/** Creates what is missing and answers with the source's topics as they are. */
async function prepareTopics(
  name: string,
  source: RecordSource,
  partitions: number,
  broker: Broker,
): Promise<readonly TopicDescription[]> {
  const compact = { 'cleanup.policy': 'compact' }
  const wanted = [
    ...source.topics.map((topic) => {
      return { name: checkTopicName(topic.name), partitions, config: topic.compacted ? compact : {} }
    }),
    { name: positionsTopic(name), partitions: 1, config: compact },
  ]
  const names = wanted.map((topic) => topic.name)
  const existing = new Set((await broker.admin.describeTopics(names)).map((topic) => topic.name))
  for (const topic of wanted) {
    if (existing.has(topic.name)) continue
    try {
      await broker.admin.createTopic(topic)
    } catch (error) {
      // Another process may create the same topic at the same time; that is fine.
      if (!isSluiceError(error, 'SLUICE_TOPIC_EXISTS')) throw error
    }
  }
  return broker.admin.describeTopics(source.topics.map((topic) => topic.name))
}

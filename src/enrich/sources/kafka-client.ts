/**
 * One connection's requests and replies: writes requests in batches, reads all partitions of the reply topic, and hands each
 * reply to whoever waits for its id. It must never hand a reply to two calls, nor drop one that is waited for.
 */
import type { Broker, FetchedBatch, Fetcher, Producer, ProduceTarget } from '../../core/broker.ts'
import { asError, problemOf, sluiceError } from '../../core/errors.ts'
import { partitionOf } from '../../core/partitioner.ts'
import type { Headers } from '../../core/record.ts'
import type { Topic } from '../../core/topic.ts'
import { CallError } from '../call-error.ts'
import { abortReason } from './abortable.ts'

export interface ReplyChannel {
  readonly requests: Topic<unknown, unknown>
  readonly replies: Topic<unknown, unknown>
  readonly lookBackMs: number
  readonly maxEarly: number
  readonly correlationHeader: string
  readonly replyTopicHeader: string
  readonly errorHeader: string
}

/** What is sent for a record, besides its headers. */
export interface KafkaRequest {
  readonly key: unknown
  readonly value: unknown
}

/** A reply as it lies in the topic, copied out of its batch. */
interface Reply {
  readonly value: Uint8Array | null
  readonly refusal: string | undefined
}

interface Waiter {
  answered(reply: Reply): void
  failed(error: Error): void
}

interface Queued {
  readonly id: string
  readonly waiter: Waiter
  readonly request: KafkaRequest
  readonly traceHeaders: Readonly<Record<string, string>> | undefined
}

/** Longest pause of the reading loop, ms; replies and `close` end it at once. */
const IDLE_MS = 60_000

export class ReplyClient {
  readonly #channel: ReplyChannel
  readonly #now: () => number
  readonly #producer: Producer
  readonly #fetcher: Fetcher
  readonly #targets: readonly ProduceTarget[]
  /** By partition: where replies end that were there when this client opened, and how far they are read. */
  readonly #ends: Map<number, number>
  readonly #positions = new Map<number, number>()
  readonly #pending = new Map<string, Set<Waiter>>()
  readonly #early = new Map<string, Reply>()
  readonly #caughtUp: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #queue: Queued[] = []
  readonly #reading: Promise<void>
  #sending: Promise<void> | undefined
  #caught = false
  #closed = false
  /** Set once it can't go on: every call under way was told. */
  failed: Error | undefined

  private constructor(
    channel: ReplyChannel,
    now: () => number,
    producer: Producer,
    fetcher: Fetcher,
    targets: readonly ProduceTarget[],
    ends: Map<number, number>,
  ) {
    this.#channel = channel
    this.#now = now
    this.#producer = producer
    this.#fetcher = fetcher
    this.#targets = targets
    this.#ends = ends
    this.#reading = this.#read().catch((error: unknown) => this.#fail(asError(error)))
  }

  /** Begins to read replies of the last `lookBackMs`. @throws SLUICE_TOPIC_MISSING and what the broker throws */
  static async open(broker: Broker, channel: ReplyChannel, now: () => number): Promise<ReplyClient> {
    const requests = await partitionsOf(broker, channel.requests.name)
    const replies = await partitionsOf(broker, channel.replies.name)
    const topic = channel.replies.name
    const fetcher = broker.fetcher({ isolation: 'read_committed' })
    const producer = broker.producer({})
    try {
      await producer.init()
      const ends = new Map<number, number>()
      const since = now() - channel.lookBackMs
      for (let partition = 0; partition < replies; partition++) {
        const from = await broker.admin.listOffset(topic, partition, since, 'read_committed')
        const end = await broker.admin.listOffset(topic, partition, 'latest', 'read_committed')
        if (from < end) ends.set(partition, end)
        fetcher.add(topic, partition, from)
      }
      const targets = Array.from({ length: requests }, (_, partition) =>
        producer.target(channel.requests.name, partition),
      )
      return new ReplyClient(channel, now, producer, fetcher, targets, ends)
    } catch (error) {
      fetcher.close()
      await producer.close()
      throw error
    }
  }

  /** The reply to a request; asks unless the reply has come already. */
  async ask(
    id: string,
    request: KafkaRequest,
    traceHeaders: Readonly<Record<string, string>> | undefined,
    signal: AbortSignal,
  ): Promise<unknown> {
    const reply = await new Promise<Reply>((resolve, reject) => {
      const abort = (): void => {
        this.#forget(id, waiter)
        reject(abortReason(signal))
      }
      const over = (): void => signal.removeEventListener('abort', abort)
      const waiter: Waiter = {
        answered: (came) => {
          over()
          resolve(came)
        },
        failed: (error) => {
          over()
          reject(error)
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
      else this.#await(id, waiter, request, traceHeaders)
    })
    return this.#answer(reply)
  }

  async close(): Promise<void> {
    this.#fail(sluiceError('SLUICE_CLOSED', { what: `the source over ${this.#channel.requests.name}` }))
    await this.#reading
    await this.#sending
    this.#fetcher.close()
    await this.#producer.close()
  }

  #await(
    id: string,
    waiter: Waiter,
    request: KafkaRequest,
    traceHeaders: Readonly<Record<string, string>> | undefined,
  ): void {
    const waiters = this.#pending.get(id)
    if (waiters === undefined) this.#pending.set(id, new Set([waiter]))
    else waiters.add(waiter)
    // Replies to calls of before a restart come first: what was answered is not asked again.
    this.#caughtUp.promise.then(
      () => this.#start({ id, waiter, request, traceHeaders }),
      (error: unknown) => waiter.failed(asError(error)),
    )
  }

  #start(queued: Queued): void {
    const { id, waiter } = queued
    if (this.#pending.get(id)?.has(waiter) !== true) return
    const early = this.#early.get(id)
    if (early !== undefined) {
      this.#early.delete(id)
      this.#deliver(id, early)
      return
    }
    this.#queue.push(queued)
    this.#sending ??= this.#send()
      .catch((error: unknown) => this.#fail(asError(error)))
      .finally(() => {
        this.#sending = undefined
      })
  }

  /** What comes while a batch is written goes with the next one. */
  async #send(): Promise<void> {
    await Promise.resolve()
    while (this.#queue.length > 0 && !this.#closed) {
      const buffer = this.#producer.buffer()
      for (const queued of this.#queue.splice(0)) {
        if (this.#pending.get(queued.id)?.has(queued.waiter) !== true) continue
        try {
          this.#append(buffer, queued)
        } catch (error) {
          this.#forget(queued.id, queued.waiter)
          queued.waiter.failed(new CallError(problemOf(error), { retriable: false, cause: error }))
        }
      }
      if (buffer.records > 0) await this.#producer.send(buffer)
    }
  }

  #append(buffer: ReturnType<Producer['buffer']>, { id, request, traceHeaders }: Queued): void {
    const { requests, replies, correlationHeader, replyTopicHeader } = this.#channel
    const key = request.key === null || request.key === undefined ? null : requests.key.serialize(request.key)
    const value = request.value === null ? null : requests.value.serialize(request.value)
    const partition = partitionOf(key ?? id, this.#targets.length, requests.key.windowBytes)
    const headers: Headers = Object.entries({
      [correlationHeader]: id,
      [replyTopicHeader]: replies.name,
      ...traceHeaders,
    }).map(([name, text]) => ({ key: name, value: Buffer.from(text) }))
    buffer.append(this.#targets[partition]!, key, value, this.#now(), headers)
  }

  /** Until it is closed: takes what has come, then waits for more. */
  async #read(): Promise<void> {
    this.#checkCaughtUp()
    while (!this.#closed) {
      for (const fetched of this.#fetcher.take()) {
        if (fetched.kind === 'failed') throw fetched.error
        this.#batch(fetched)
      }
      await this.#fetcher.arrived(IDLE_MS)
    }
  }

  #batch(batch: FetchedBatch): void {
    const { correlationHeader, errorHeader } = this.#channel
    for (let at = 0; at < batch.count; at++) {
      let id: string | undefined
      let refusal: string | undefined
      for (const { key, value } of batch.headersAt(at)) {
        if (key === correlationHeader) id = textOf(value)
        else if (key === errorHeader) refusal = textOf(value)
      }
      if (id === undefined) continue
      const bytes = batch.valueAt(at)
      this.#deliver(id, { value: bytes === null ? null : Uint8Array.from(bytes), refusal })
    }
    this.#positions.set(batch.partition, batch.nextOffset)
    this.#checkCaughtUp()
  }

  #deliver(id: string, reply: Reply): void {
    const waiters = this.#caught ? this.#pending.get(id) : undefined
    if (waiters === undefined) {
      this.#early.set(id, reply)
      if (this.#early.size > this.#channel.maxEarly) this.#early.delete(this.#early.keys().next().value!)
      return
    }
    this.#pending.delete(id)
    for (const waiter of waiters) waiter.answered(reply)
  }

  #checkCaughtUp(): void {
    if (this.#caught) return
    for (const [partition, end] of this.#ends) if ((this.#positions.get(partition) ?? 0) < end) return
    this.#caught = true
    this.#caughtUp.resolve()
  }

  #forget(id: string, waiter: Waiter): void {
    const waiters = this.#pending.get(id)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#pending.delete(id)
  }

  #answer({ value, refusal }: Reply): unknown {
    if (refusal !== undefined) throw new CallError(refusal, { retriable: false })
    if (value === null) return null
    try {
      return this.#channel.replies.value.deserialize(value)
    } catch (error) {
      const { replies, requests } = this.#channel
      const place = { source: requests.name, code: replies.value.format, problem: problemOf(error) }
      const cause = sluiceError('SLUICE_CALL_REFUSED', place, error)
      throw new CallError(cause.message, { retriable: false, cause })
    }
  }

  #fail(error: Error): void {
    if (this.#closed) return
    this.#closed = true
    this.failed = error
    this.#fetcher.wake()
    this.#caughtUp.resolve()
    const all = [...this.#pending.values()]
    this.#pending.clear()
    for (const waiters of all) for (const waiter of waiters) waiter.failed(error)
  }
}

async function partitionsOf(broker: Broker, topic: string): Promise<number> {
  const [found] = await broker.admin.describeTopics([topic])
  if (found !== undefined) return found.partitions
  const all = await broker.admin.describeTopics()
  const existing = all.map(({ name }) => name).join(', ') || 'none'
  throw sluiceError('SLUICE_TOPIC_MISSING', { topic, place: '', existing })
}

function textOf(value: Uint8Array | null): string | undefined {
  return value === null ? undefined : Buffer.from(value).toString()
}

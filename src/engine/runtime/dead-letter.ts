/**
 * Dead letters: what could not be read or processed, with its cause, written in the same transaction as everything else of
 * the record. Headers follow KIP-1034 (`__streams.errors.…`), ours add code, node and attempts. Nothing may vanish here.
 */
import type { Logger } from '../../core/log.ts'
import type { Counter, Metrics } from '../../core/metrics.ts'
import { isSluiceError, problemOf } from '../../core/errors.ts'
import type { Bytes, Encoded, FlowRecord, Header, Headers } from '../../core/record.ts'
import type { Output } from './output.ts'

export interface DeadLetter {
  readonly key: Encoded | null
  readonly value: Encoded | null
  readonly timestamp: number
  readonly headers: Headers
  /** Where the record came from. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The node at which it failed. */
  readonly node: string
  readonly attempts: number
}

export class DeadLetters {
  readonly #write: (key: Encoded | null, value: Encoded | null, timestamp: number, headers: Headers) => void
  readonly #log: Logger
  readonly #count: Counter

  constructor(output: Output, topic: string, log: Logger, metrics: Metrics, task: string) {
    this.#write = output.raw(topic, 'dead letters')
    this.#log = log
    this.#count = metrics.counter('dead-letter-records-total', { task })
  }

  /**
   * A letter too large for its topic goes without its content, one too far in the future at the latest time the topic takes: a
   * record that stopped the worker would stop it at every start.
   */
  #append(letter: DeadLetter, causes: readonly Header[]): void {
    const { key, value, timestamp, headers } = letter
    try {
      this.#write(key, value, timestamp, [...headers, ...causes])
    } catch (error) {
      const latest = isSluiceError(error, 'SLUICE_RECORD_REFUSED') ? error.details.latest : undefined
      if (typeof latest === 'number') {
        const time = header('sluice.errors.timestamp', String(timestamp))
        return this.#append({ ...letter, timestamp: latest }, [...causes, time])
      }
      if (!isSluiceError(error, 'SLUICE_RECORD_TOO_LARGE')) throw error
      const short = causes.map((cause) => ({ key: cause.key, value: cause.value!.subarray(0, SHORT_BYTES) }))
      const omitted = header('sluice.errors.omitted', `key, value, headers: ${error.message}`)
      this.#write(null, null, timestamp, [...short, omitted])
    }
  }

  write(letter: DeadLetter, error: unknown): void {
    this.#count.value++
    this.#append(letter, causeHeaders(letter, error))
    const { topic, partition, offset, node, attempts } = letter
    const code = isSluiceError(error) ? error.code : 'SLUICE_PROCESSING'
    this.#log.warn({ topic, partition, offset, node, attempts, code }, `dead letter: ${problemOf(error)}`)
  }
}

/** Also of what has no headers of its own and may be large: messages of foreign errors. */
const SHORT_BYTES = 4_096

/** A letter from the record that reached a node: its bytes where known, else text of its value. */
export function letterOf(record: FlowRecord, node: string, attempts: number): DeadLetter {
  return {
    key: side(record.key, record.keyBytes),
    value: side(record.value, record.valueBytes),
    timestamp: Math.max(0, record.timestamp),
    headers: record.headers,
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    node,
    attempts,
  }
}

function side(content: unknown, bytes: Bytes | null | undefined): Encoded | null {
  if (bytes !== undefined) return bytes
  if (content === null || content === undefined) return null
  if (typeof content === 'string' || content instanceof Uint8Array) return content
  try {
    return JSON.stringify(content) ?? describe(content)
  } catch {
    // Not even JSON (a cycle, a bigint): the coordinates in the headers still lead to the source record.
    return describe(content)
  }
}

function describe(content: unknown): string {
  return typeof content === 'bigint' ? content.toString() : Object.prototype.toString.call(content)
}

function causeHeaders(letter: DeadLetter, error: unknown): readonly Header[] {
  const kind = error instanceof Error ? error.name : typeof error
  return [
    header('__streams.errors.exception', isSluiceError(error) ? error.code : kind),
    header('__streams.errors.message', problemOf(error)),
    header('__streams.errors.stacktrace', stackOf(error)),
    header('__streams.errors.topic', letter.topic),
    header('__streams.errors.partition', String(letter.partition)),
    header('__streams.errors.offset', String(letter.offset)),
    header('sluice.errors.node', letter.node),
    header('sluice.errors.attempts', String(letter.attempts)),
  ]
}

/** With the cause, whose first line is the place in the user's own function. */
function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const cause = error.cause instanceof Error ? `\nCaused by: ${error.cause.stack ?? ''}` : ''
  return `${error.stack ?? ''}${cause}`
}

function header(key: string, text: string): Header {
  return { key, value: Buffer.from(text, 'utf8') }
}

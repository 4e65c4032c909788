/** What a call sees of its attempt. The signal is made when first read: most functions never look at it. */
import type { Ticket } from '../core/async-operator.ts'
import { sluiceError } from '../core/errors.ts'
import type { HttpClient } from '../core/http.ts'
import type { Span } from '../core/trace.ts'
import type { CallContext } from './sources/source.ts'
import type { BranchTools } from './tools.ts'

export class Attempt implements CallContext {
  readonly #tools: BranchTools
  readonly #ticket: Ticket
  readonly #identity: string | undefined
  readonly attempt: number
  readonly span: Span | undefined
  #controller: AbortController | undefined
  #aborted: Error | undefined

  constructor(
    tools: BranchTools,
    ticket: Ticket,
    identity: string | undefined,
    attempt: number,
    span?: Span,
  ) {
    this.#tools = tools
    this.#ticket = ticket
    this.#identity = identity
    this.attempt = attempt
    this.span = span
  }

  get traceHeaders(): Readonly<Record<string, string>> | undefined {
    return this.span?.headers
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted)
    }
    return this.#controller.signal
  }

  /**
   * Made of what is the same after a crash: node, source, the record's place in its topic, its key and the request
   * (one source record may have become several). The admission sequence is not: it may change when a record is read
   * again; only records of punctuators, which have no place in a topic, use it, with their time.
   */
  get idempotencyKey(): string {
    const { record, sequence, orderKey } = this.#ticket
    const { place, task } = this.#tools
    const request = fingerprint(`${orderKey ?? ''} ${this.#identity ?? ''}`)
    if (record.offset < 0) return `${place}/${task}/${record.timestamp}/${sequence}/${request}`
    return `${place}/${record.topic}-${record.partition}/${record.offset}/${request}`
  }

  get http(): HttpClient {
    if (this.#tools.http !== undefined) return this.#tools.http
    throw sluiceError('SLUICE_UNSUPPORTED', {
      what: this.#tools.place,
      problem: 'it uses HTTP, and this application was started without an HTTP client',
      remedy: 'Start it with an HTTP client.',
    })
  }

  now(): number {
    return this.#tools.clock.now()
  }

  abort(reason: Error): void {
    this.#aborted = reason
    this.#controller?.abort(reason)
  }

  /** The attempt is over by itself; its signal stays as it is. */
  end(): void {
    this.#controller = undefined
  }
}

/** 64 bits of FNV-1a in two halves, as text. */
function fingerprint(text: string): string {
  let high = 0x811c9dc5
  let low = 0xc9dc5118
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    high = Math.imul(high ^ code, 0x01000193)
    low = Math.imul(low ^ (code + at), 0x01000193)
  }
  return (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0')
}

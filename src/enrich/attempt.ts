/**
 * What a call sees of its attempt. The signal is made when first read: most functions never look at it. How the attempt
 * is made is for `trip.ts`, which extends it, so that an attempt is one object; `hedge.ts` makes a second call of it.
 */
import type { Ticket } from '../core/async-operator.ts'
import type { Broker } from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import type { HttpClient } from '../core/http.ts'
import type { Span } from '../core/trace.ts'
import type { Quota } from './rate-limiter.ts'
import type { CallContext } from './sources/source.ts'
import type { BranchTools, Rider } from './tools.ts'

export class Attempt implements CallContext {
  readonly #tools: BranchTools
  readonly #lead: Rider
  readonly attempt: number
  /** Of the attempt, where traces are collected. */
  protected span: Span | undefined
  #controller: AbortController | undefined
  #aborted: Error | undefined

  constructor(tools: BranchTools, lead: Rider) {
    this.#tools = tools
    this.#lead = lead
    this.attempt = lead.attempt
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

  get idempotencyKey(): string {
    return idempotencyKeyOf(this.#tools, this.#lead)
  }

  /** What limits the rate of an endpoint is for attempts on their way. */
  get quota(): ((quota: Quota) => void) | undefined {
    return undefined
  }

  get http(): HttpClient {
    if (this.#tools.http !== undefined) return this.#tools.http
    throw sluiceError('SLUICE_UNSUPPORTED', {
      what: this.#tools.place,
      problem: 'it uses HTTP, and this application was started without an HTTP client',
      remedy: 'Start it with an HTTP client.',
    })
  }

  get broker(): Broker {
    if (this.#tools.broker !== undefined) return this.#tools.broker
    throw sluiceError('SLUICE_UNSUPPORTED', {
      what: this.#tools.place,
      problem: 'it asks over topics, and there is no broker',
      remedy: 'Run it on a cluster, or give the test another source.',
    })
  }

  now(): number {
    return this.#tools.clock.now()
  }

  protected abort(reason: Error): void {
    this.#aborted = reason
    this.#controller?.abort(reason)
  }

  /** The attempt is over by itself; its signal stays as it is. */
  protected end(): void {
    this.#controller = undefined
  }
}

/**
 * Made of what is the same after a crash: node, source, the record's place in its topic, its key and the request
 * (one source record may have become several). The admission sequence is not: it may change when a record is read
 * again; only records of punctuators, which have no place in a topic, use it, with their time.
 */
export function idempotencyKeyOf(
  { place, task }: BranchTools,
  { leader, identity }: { readonly leader: Ticket; readonly identity: string | undefined },
): string {
  const { record, sequence, orderKey } = leader
  const request = fingerprint(`${orderKey ?? ''} ${identity ?? ''}`)
  if (record.offset < 0) return `${place}/${task}/${record.timestamp}/${sequence}/${request}`
  return `${place}/${record.topic}-${record.partition}/${record.offset}/${request}`
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

/**
 * The real HTTP client: one undici Pool per origin (24 µs of CPU a call, where the global fetch takes 166 µs).
 * It must never retry: that is decided, counted and timed in `enrich`.
 */
import { Pool } from 'undici'
import type { Dispatcher } from 'undici'
import type { HttpClient, HttpRequest, HttpResponse } from '../core/http.ts'
import { sluiceError } from '../core/errors.ts'

type IncomingHttpHeaders = Dispatcher.ResponseData['headers']

export interface HttpClientOptions {
  /** Most connections to one origin; default: as many as there are calls under way, which the operators limit. */
  readonly connections?: number
  /** Milliseconds to connect, 10,000 by default. */
  readonly connectTimeoutMs?: number
  /** Largest answer in bytes, 64 MiB by default; a larger one rejects. */
  readonly maxResponseBytes?: number
}

/** Makes a client that keeps connections alive between requests; close it when its users are closed. */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const pools = new Map<string, Pool>()
  let closed = false
  const poolOptions: Pool.Options = {
    connections: options.connections ?? null,
    // HTTP/1.1 only: an aborted call must close its own socket and no other's.
    allowH2: false,
    // The caller's timeout is the only one: a second hidden one would end calls behind its back.
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: options.connectTimeoutMs ?? 10_000,
    maxResponseSize: options.maxResponseBytes ?? 64 * 1024 * 1024,
  }
  function poolOf(origin: string): Pool {
    let pool = pools.get(origin)
    if (pool === undefined) {
      pool = new Pool(origin, poolOptions)
      pools.set(origin, pool)
    }
    return pool
  }
  return {
    request(request) {
      if (closed) return Promise.reject(sluiceError('SLUICE_CLOSED', { what: 'HTTP client' }))
      if (request.signal?.aborted === true) return Promise.reject(abortError(request.signal))
      return new Promise((resolve, reject) => {
        const exchange = new Exchange(request.signal, resolve, reject)
        poolOf(request.origin).dispatch(dispatchOf(request), exchange)
      })
    },
    async close() {
      closed = true
      const all = [...pools.values()]
      pools.clear()
      await Promise.all(all.map((pool) => pool.destroy()))
    },
  }
}

/** One request and its answer; a third cheaper than undici's `request`, which makes a stream of every body. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (response: HttpResponse) => void
  readonly #reject: (error: Error) => void
  readonly #signal: AbortSignal | undefined
  readonly #abort = (): void => this.#cancel()
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #headers: HttpResponse['headers'] = {}
  readonly #parts: Uint8Array[] = []

  constructor(
    signal: AbortSignal | undefined,
    resolve: (response: HttpResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    signal?.addEventListener('abort', this.#abort)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#signal?.aborted === true) this.#cancel()
  }

  onResponseStart(_controller: unknown, status: number, headers: IncomingHttpHeaders): void {
    // Interim answers (103 Early Hints) come before the one that counts.
    if (status < 200) return
    this.#status = status
    this.#headers = plainHeaders(headers)
  }

  onResponseData(_controller: unknown, part: Uint8Array): void {
    // The parser may reuse the memory behind a part.
    this.#parts.push(Uint8Array.from(part))
  }

  onResponseEnd(): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    const response = { status: this.#status, headers: this.#headers, body: joined(this.#parts) }
    // undici gives a socket free in the turn after its answer. Who is told earlier and calls at once finds it busy and
    // opens another: 500 calls under way would hold 1,000 connections. The microtask puts our turn behind undici's.
    queueMicrotask(() => setImmediate(() => this.#resolve(response)))
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#signal?.removeEventListener('abort', this.#abort)
    this.#reject(error)
  }

  /** Also while it waits for a connection: the caller is told at once, the request ends when it would have started. */
  #cancel(): void {
    const error = abortError(this.#signal!)
    this.#controller?.abort(error)
    this.onResponseError(undefined, error)
  }
}

function abortError(signal: AbortSignal): Error {
  const { reason } = signal as { readonly reason: unknown }
  return reason instanceof Error ? reason : new Error('the request was aborted', { cause: reason })
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

function dispatchOf(request: HttpRequest): Dispatcher.DispatchOptions {
  return {
    method: request.method,
    path: request.path,
    headers: request.headers,
    body: request.body ?? null,
  }
}

function plainHeaders(headers: IncomingHttpHeaders): HttpResponse['headers'] {
  const plain: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return plain
}

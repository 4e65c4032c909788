/**
 * The real HTTP client: one undici Pool per origin (24 µs of CPU a call, where the global fetch takes 166 µs).
 * It must never retry: that is decided, counted and timed in `enrich`.
 */
import { Pool } from 'undici'
import type { Dispatcher } from 'undici'
import type { HttpClient, HttpRequest, HttpResponse } from '../core/http.ts'
import { sluiceError } from '../core/errors.ts'

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
    async request(request) {
      if (closed) throw sluiceError('SLUICE_CLOSED', { what: 'HTTP client' })
      const answer = await poolOf(request.origin).request(dispatchOf(request))
      const body = new Uint8Array(await answer.body.arrayBuffer())
      // undici gives a socket free in the turn after its answer. Who is told earlier and calls at once finds it busy and
      // opens another: 500 calls under way would hold 1,000 connections.
      await nextTurn()
      return { status: answer.statusCode, headers: plainHeaders(answer.headers), body }
    },
    async close() {
      closed = true
      const all = [...pools.values()]
      pools.clear()
      await Promise.all(all.map((pool) => pool.destroy()))
    },
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function dispatchOf(request: HttpRequest): Dispatcher.RequestOptions {
  return {
    method: request.method,
    path: request.path,
    headers: request.headers,
    body: request.body ?? null,
    signal: request.signal ?? null,
  }
}

function plainHeaders(headers: Dispatcher.ResponseData['headers']): HttpResponse['headers'] {
  const plain: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return plain
}

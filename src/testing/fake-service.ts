/**
 * A scripted HTTP service for tests: it answers as told, slowly, wrongly or not at all, and keeps every call it received. The same
 * service stands behind the HTTP port of a driver and, with `listen`, on a loopback port. It never reaches the network.
 */
import { AssertionError } from 'node:assert'
import type { Clock } from '../core/clock.ts'
import type { HttpClient, HttpRequest, HttpResponse } from '../core/http.ts'
import { systemClock } from '../platform/clock.ts'
import { type LoopbackServer, serveOnLoopback } from '../platform/http-server.ts'
import type { FakeReply } from './fake-replies.ts'

/** How a fake service is made. */
export interface FakeServiceOptions {
  /** What `afterMs` is counted by; give a driver's manual clock. Default: the real clock. */
  readonly clock?: Clock
}

/** One call that a fake service received. */
export interface FakeCall {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** As text; empty where there was none. */
  readonly body: string
  /** When it came, ms by the clock of the service. */
  readonly at: number
  /** `aborted`: the caller gave up first. */
  readonly outcome: 'under way' | 'answered' | 'broken' | 'aborted'
  /** Of the answer; undefined while there is none. */
  readonly status: number | undefined
}

/** One reply for every call, several for one call after the other (the last one stays), or a function of the call. */
export type FakeScript = FakeReply | readonly FakeReply[] | ((call: FakeCall) => FakeReply)

interface Route {
  readonly method: string
  readonly path: RegExp
  readonly withQuery: boolean
  readonly next: (call: FakeCall) => FakeReply
}

type Draft = { -readonly [Name in keyof FakeCall]: FakeCall[Name] }

/**
 * A service that answers 501 until told otherwise.
 * @example
 * import assert from 'node:assert/strict'
 * import { answers, fakeService, neverAnswers, tooManyRequests } from 'sluice/testing'
 *
 * const risk = fakeService()
 * risk.on('GET /risk/*', [tooManyRequests(1), answers({ score: 0.1 })])
 * risk.on('GET /risk/bob', neverAnswers())
 *
 * const ask = () => risk.http.request({ method: 'GET', origin: 'http://risk', path: '/risk/ada', headers: {} })
 * assert.deepEqual([(await ask()).status, (await ask()).status], [429, 200])
 * risk.expectCalls(['GET /risk/ada', 'GET /risk/ada'])
 */
export function fakeService(options: FakeServiceOptions = {}): FakeService {
  return new FakeService(options)
}

/**
 * One HTTP client for several services, by origin (`https://host:port`). A request to any other origin rejects.
 * @example
 * import assert from 'node:assert/strict'
 * import { answers, fakeHttp, fakeService } from 'sluice/testing'
 *
 * const risk = fakeService().on('GET /ada', answers(1))
 * const http = fakeHttp({ 'https://risk.internal': risk, 'https://mail.internal': fakeService() })
 * const { status } = await http.request({ method: 'GET', origin: 'https://risk.internal', path: '/ada', headers: {} })
 * assert.equal(status, 200)
 */
export function fakeHttp(services: Readonly<Record<string, FakeService>>): HttpClient {
  const byOrigin = new Map(Object.entries(services))
  return {
    request(request) {
      const service = byOrigin.get(request.origin)
      if (service !== undefined) return service.http.request(request)
      const known = [...byOrigin.keys()].join(', ')
      return Promise.reject(new Error(`no fake service for ${request.origin}; there are: ${known}`))
    },
    close: () => Promise.resolve(),
  }
}

/** A scripted service; made by `fakeService`. */
export class FakeService {
  /** For `createDriver(plan, { http })`: every origin is this service. */
  readonly http: HttpClient
  readonly #clock: Clock
  readonly #calls: Draft[] = []
  /** The last route that fits a request wins, so that a test can override what its set-up said. */
  readonly #routes: Route[] = []
  #mostUnderWay = 0

  constructor({ clock = systemClock }: FakeServiceOptions) {
    this.#clock = clock
    this.http = { request: (request) => this.#take(request), close: () => Promise.resolve() }
  }

  /**
   * Says what happens to requests such as `GET /risk/*`: method and path, `*` standing for any text. A query is compared only
   * where the pattern has one. A later rule overrides an earlier one.
   */
  on(request: string, script: FakeScript): this {
    const [, method, path] = /^([A-Z]+|\*) (\/\S*|\*)$/.exec(request) ?? []
    if (method === undefined || path === undefined) {
      throw new TypeError(`'${request}' is no request: write it as 'GET /path', 'POST /path/*' or '* *'`)
    }
    const pattern = path.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*')
    const next = stepsOf(script)
    this.#routes.push({ method, path: new RegExp(`^${pattern}$`), withQuery: path.includes('?'), next })
    return this
  }

  /** Every call so far, in the order in which they came. */
  get calls(): readonly FakeCall[] {
    return this.#calls
  }

  /** Calls that are neither answered nor given up. */
  get underWay(): number {
    return this.#calls.filter(({ outcome }) => outcome === 'under way').length
  }

  /** The most calls that were under way at the same time. */
  get mostUnderWay(): number {
    return this.#mostUnderWay
  }

  /**
   * Throws unless exactly these calls came, as `GET /path?query`.
   * @param order `exact` (default), or `any`
   * @throws AssertionError of `node:assert`, with the calls that are missing or too many
   */
  expectCalls(expected: readonly string[], order: 'exact' | 'any' = 'exact'): void {
    const came = this.#calls.map(({ method, path }) => `${method} ${path}`)
    const ordered = (calls: readonly string[]): readonly string[] =>
      order === 'any' ? calls.toSorted() : calls
    if (ordered(came).join('\n') === ordered(expected).join('\n')) return
    throw new AssertionError({
      message: callsMessage(expected, came, order),
      actual: came,
      expected,
      operator: 'expectCalls',
    })
  }

  /** Forgets the calls; what it was told to reply stays. */
  forget(): void {
    this.#calls.length = 0
    this.#mostUnderWay = 0
  }

  /**
   * Listens on a free port of 127.0.0.1, for an application that runs with its real HTTP client.
   * @returns its `url`, and `close`, which also breaks calls that wait
   */
  listen(): Promise<LoopbackServer> {
    return serveOnLoopback((request) => this.#take(request))
  }

  async #take(request: HttpRequest): Promise<HttpResponse> {
    const { method, path, headers, body = '', signal } = request
    signal?.throwIfAborted()
    const call: Draft = {
      method,
      path,
      headers,
      body: typeof body === 'string' ? body : Buffer.from(body).toString('utf8'),
      at: this.#clock.now(),
      outcome: 'under way',
      status: undefined,
    }
    this.#calls.push(call)
    this.#mostUnderWay = Math.max(this.#mostUnderWay, this.underWay)
    const reply = this.#replyTo(call)
    await this.#until(reply, call, signal)
    if ('silence' in reply) {
      call.outcome = 'broken'
      throw new Error(`the fake service broke the connection of ${method} ${path}`)
    }
    call.outcome = 'answered'
    const response = responseOf(reply)
    call.status = response.status
    return response
  }

  /** Resolves when it is time to reply; rejects when the caller gives up first. */
  #until(reply: FakeReply, call: Draft, signal: AbortSignal | undefined): Promise<void> {
    const never = 'silence' in reply && reply.silence === 'never'
    const { afterMs = 0 } = reply
    if (!never && afterMs === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = never ? undefined : this.#clock.setTimer(afterMs, done)
      function done(): void {
        signal?.removeEventListener('abort', giveUp)
        resolve()
      }
      function giveUp(): void {
        timer?.cancel()
        call.outcome = 'aborted'
        const reason: unknown = signal?.reason
        reject(reason instanceof Error ? reason : new Error('the request was aborted', { cause: reason }))
      }
      signal?.addEventListener('abort', giveUp, { once: true })
    })
  }

  #replyTo(call: FakeCall): FakeReply {
    const bare = call.path.split('?')[0]!
    const route = this.#routes.findLast(
      ({ method, path, withQuery }) =>
        (method === '*' || method === call.method) && path.test(withQuery ? call.path : bare),
    )
    if (route !== undefined) return route.next(call)
    return { status: 501, body: `the fake service was not told what to reply to ${call.method} ${call.path}` }
  }
}

function stepsOf(script: FakeScript): (call: FakeCall) => FakeReply {
  if (typeof script === 'function') return script
  const steps = isList(script) ? script : [script]
  if (steps.length === 0) throw new TypeError('a fake service needs at least one reply')
  let at = 0
  return () => steps[Math.min(at++, steps.length - 1)]!
}

function isList(script: FakeReply | readonly FakeReply[]): script is readonly FakeReply[] {
  return Array.isArray(script)
}

function responseOf({
  status = 200,
  body,
  headers = {},
}: Exclude<FakeReply, { silence: unknown }>): HttpResponse {
  const [type, content] = contentOf(body)
  return {
    status,
    headers: { ...(type === undefined ? {} : { 'content-type': type }), ...headers },
    body: content,
  }
}

function contentOf(body: unknown): readonly [string | undefined, Uint8Array] {
  if (body === undefined) return [undefined, new Uint8Array()]
  if (typeof body === 'string') return ['text/plain; charset=utf-8', Buffer.from(body)]
  if (body instanceof Uint8Array) return ['application/octet-stream', body]
  return ['application/json', Buffer.from(JSON.stringify(body))]
}

function callsMessage(expected: readonly string[], came: readonly string[], order: 'exact' | 'any'): string {
  const left = [...came]
  const lines = expected.map((call) => {
    const at = left.indexOf(call)
    if (at >= 0) left.splice(at, 1)
    return `${at >= 0 ? ' ' : '-'} ${call}`
  })
  const extra = left.map((call) => `+ ${call}`)
  const same = extra.length === 0 && lines.every((line) => line.startsWith(' '))
  const rest = same && order === 'exact' ? ['  in another order:', ...came.map((call) => `+ ${call}`)] : extra
  return [
    `calls: expected ${expected.length}, came ${came.length} (- expected, + came)`,
    ...lines,
    ...rest,
  ].join('\n')
}

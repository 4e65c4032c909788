/** A real HTTP server on a free port of loopback, for fixtures: it never listens on another address and knows no routes. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HttpRequest, HttpResponse } from '../core/http.ts'

/** A server that listens. */
export interface LoopbackServer {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string
  /** Breaks what is under way and gives the port back. */
  close(): Promise<void>
}

/**
 * Answers every request with `answer`; where that rejects, the connection is broken. The signal of a request aborts when the
 * other side has gone.
 */
export async function serveOnLoopback(
  answer: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<LoopbackServer> {
  let url = ''
  const server = createServer((incoming, outgoing) => {
    exchange(incoming, outgoing, url, answer).catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function exchange(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  origin: string,
  answer: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<void> {
  const gone = new AbortController()
  outgoing.once('close', () => gone.abort(new Error('the client has gone')))
  const parts: Uint8Array[] = []
  for await (const part of incoming) parts.push(part as Uint8Array)
  const { status, headers, body } = await answer({
    method: incoming.method ?? 'GET',
    origin,
    path: incoming.url ?? '/',
    headers: Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
    ),
    body: Buffer.concat(parts),
    signal: gone.signal,
  })
  outgoing.writeHead(status, headers).end(body)
}

/**
 * The HTTP server of an application that runs: health, readiness, metrics, topology, topics. It only reads, and listens on loopback
 * unless told otherwise.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../core/clock.ts'
import { isSluiceError, problemOf, sluiceError } from '../core/errors.ts'
import type { Observed } from './observed.ts'
import { statusOfQuery } from './store-routes.ts'
import { addRoutes } from './routes.ts'

export type { Observed } from './observed.ts'

export interface ServerOptions {
  /** 0 takes a free one. */
  readonly port: number
  readonly host: string
  /** Wanted as `Authorization: Bearer …` for everything but health and readiness. */
  readonly token?: string | undefined
}

export interface Server {
  /** For instance `http://127.0.0.1:8080`. */
  readonly url: string
  /** Ends running answers. Idempotent. */
  close(): Promise<void>
}

/** @throws SLUICE_PORT_TAKEN, SLUICE_LISTEN */
export async function startServer(observed: Observed, options: ServerOptions): Promise<Server> {
  const server = fastify({ logger: false, forceCloseConnections: true })
  const closing = new AbortController()
  server.addHook('onRequest', (request, reply) => guard(request, reply, options))
  server.setErrorHandler((error, _, reply) => answerError(error, reply))
  server.setNotFoundHandler((_, reply) => reply.code(404).send({ message: `not here: try ${ADDRESSES}` }))
  addRoutes(server, observed, closing.signal)
  await listen(server, options, observed.clock)
  const { port } = server.server.address() as AddressInfo
  let closed: Promise<void> | undefined
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close() {
      closing.abort()
      closed ??= server.close()
      return closed
    },
  }
}

const ADDRESSES =
  '/health, /ready, /metrics, /topology, /topics, /topics/:name/records, /topics/:name/follow, /stores, /stores/:name, /stores/:name/:key'

const LOOPBACK = new Set(['127.0.0.1', '::1', '[::1]', 'localhost'])

async function listen(server: FastifyInstance, { port, host }: ServerOptions, clock: Clock): Promise<void> {
  try {
    await server.listen({ port, host })
  } catch (error) {
    await server.close()
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      throw sluiceError('SLUICE_LISTEN', { host, port, problem: problemOf(error) }, error)
    throw sluiceError('SLUICE_PORT_TAKEN', { host, port, holder: await holderOf(host, port, clock) }, error)
  }
}

/** Who listens there: an instance of ours says so itself. */
async function holderOf(host: string, port: number, clock: Clock): Promise<string> {
  const patience = new AbortController()
  const timer = clock.setTimer(1000, () => patience.abort())
  try {
    const answer = await fetch(`http://${host}:${port}/health`, {
      headers: { connection: 'close' },
      signal: patience.signal,
    })
    const { application, pid } = (await answer.json()) as { application?: unknown; pid?: unknown }
    if (typeof application === 'string' && typeof pid === 'number')
      return `the application ${application} (process ${pid})`
  } catch {
    // Something that does not speak HTTP or JSON, or not soon: not one of ours.
  } finally {
    timer.cancel()
  }
  return `another program (to see which: lsof -i :${port})`
}

/**
 * Browsers reach loopback too: a page of another site that makes its own name resolve to 127.0.0.1 would read everything, so a
 * server on loopback answers only to names of loopback.
 */
async function guard(request: FastifyRequest, reply: FastifyReply, options: ServerOptions): Promise<void> {
  if (LOOPBACK.has(options.host) && !LOOPBACK.has(request.hostname)) {
    await reply.code(403).send({ message: `this server answers to localhost, not to ${request.hostname}` })
    return
  }
  const open = request.routeOptions.url === '/health' || request.routeOptions.url === '/ready'
  if (options.token === undefined || open) return
  if (sameText(request.headers.authorization ?? '', `Bearer ${options.token}`)) return
  await reply
    .code(401)
    .header('www-authenticate', 'Bearer')
    .send({ message: 'wanted: Authorization: Bearer and the `serverToken`' })
}

/** Takes the same time whatever the texts are. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

function answerError(error: unknown, reply: FastifyReply): FastifyReply {
  if (!isSluiceError(error)) return reply.code(500).send({ message: problemOf(error) })
  const { code, message, fix } = error
  const missing = code === 'SLUICE_TOPIC_MISSING' ? 404 : statusOfQuery(error)
  const status = missing ?? (error.domain === 'user' ? 400 : 503)
  return reply.code(status).send({ code, message, fix })
}

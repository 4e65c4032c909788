/** What each address answers. Everything here reads; nothing here changes an application, a topic or a position. */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { sluiceError } from '../core/errors.ts'
import { describe, mermaid } from '../engine/topology/describe.ts'
import { planFacts } from '../engine/topology/facts.ts'
import { samplesOf } from './observed.ts'
import type { Observed } from './observed.ts'
import { CONTENT_TYPE, prometheusText } from './prometheus.ts'
import { addStoreRoutes } from './store-routes.ts'
import { pageOf, partitionsOf, recordsFrom } from './records.ts'
import type { Place, ShownRecord } from './records.ts'

/** A loop that began no turn for so long hangs: the longest wait of a restart is 26 s. */
const HANGS_AFTER_MS = 60_000

const MOST_RECORDS = 1000

interface TopicRequest {
  readonly Params: { readonly name: string }
  readonly Querystring: { readonly from?: string; readonly limit?: string }
}

/** @param signal ends what follows a topic */
export function addRoutes(server: FastifyInstance, observed: Observed, signal: AbortSignal): void {
  addProbes(server, observed)
  addStoreRoutes(server, observed)
  const { app, broker } = observed
  server.get('/metrics', (_, reply) =>
    reply.type(CONTENT_TYPE).send(prometheusText(samplesOf(observed), { application: app.plan.application })),
  )
  server.get<{ Querystring: { format?: string } }>('/topology', (request, reply) => {
    const { format = 'json' } = request.query
    if (format === 'json') return reply.send(planFacts(app.plan))
    if (format !== 'mermaid' && format !== 'text') throw invalid('format', 'json, mermaid or text', format)
    return reply
      .type('text/plain; charset=utf-8')
      .send(format === 'text' ? describe(app.plan) : mermaid(app.plan))
  })
  server.get('/topics', async () => {
    const all = await broker.admin.describeTopics()
    return all.map(({ name, partitions, config }) => ({ name, partitions, config }))
  })
  server.get<TopicRequest>('/topics/:name/records', async ({ params, query }) => {
    const limit = readLimit(query.limit)
    return pageOf(observed, params.name, readPlace(query.from ?? 'earliest'), limit)
  })
  server.get<TopicRequest>('/topics/:name/follow', async ({ params, query }, reply) => {
    const from = readPlace(query.from ?? 'latest')
    await partitionsOf(broker, params.name)
    return follow(reply, recordsFrom(observed, params.name, from, signal))
  })
}

/** `/health`: should this process be killed? `/ready`: does it do its work? */
function addProbes(server: FastifyInstance, { app }: Observed): void {
  const { application } = app.plan
  server.get('/health', (_, reply) => {
    const sinceTurnMs = Math.round(app.sinceTurnMs)
    const well = app.state !== 'failed' && sinceTurnMs < HANGS_AFTER_MS
    return reply.code(well ? 200 : 503).send({
      status: well ? 'ok' : 'failing',
      application,
      pid: process.pid,
      state: app.state,
      sinceTurnMs,
      ...(app.failure === undefined ? {} : { failure: app.failure.message }),
    })
  })
  server.get('/ready', (_, reply) => {
    const ready = app.state === 'running' && app.settled
    const tasks = app.tasks.map(({ subtopology, partition }) => `${subtopology}_${partition}`)
    return reply.code(ready ? 200 : 503).send({ ready, application, state: app.state, tasks })
  })
}

/** Server-sent events: one record each, its id says where it lies. */
function follow(reply: FastifyReply, records: AsyncGenerator<ShownRecord>): FastifyReply {
  async function* events(): AsyncGenerator<string> {
    // Some proxies and clients wait for the first byte before they believe in a stream.
    yield ': following\n\n'
    for await (const record of records)
      yield `id: ${record.partition}-${record.offset}\ndata: ${JSON.stringify(record)}\n\n`
  }
  return reply
    .header('cache-control', 'no-store')
    .type('text/event-stream; charset=utf-8')
    .send(Readable.from(events()))
}

function readPlace(from: string): Place {
  if (from === 'earliest' || from === 'latest') return from
  if (/^\d{1,15}$/.test(from)) return { offset: Number(from) }
  const time = Date.parse(from)
  if (!Number.isNaN(time)) return { time }
  throw invalid('from', 'earliest, latest, an offset, or a time such as 2026-11-21T10:00:00Z', from)
}

function readLimit(limit = '100'): number {
  const count = /^\d{1,4}$/.test(limit) ? Number(limit) : 0
  if (count >= 1 && count <= MOST_RECORDS) return count
  throw invalid('limit', `a whole number from 1 to ${MOST_RECORDS}`, limit)
}

function invalid(place: string, expected: string, came: string): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', { place: `query ${place}`, expected, came })
}

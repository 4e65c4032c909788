/** Answers below `/stores`: what the stores of the application hold, as JSON. Committed values only; a key is given as text or JSON. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSluiceError, problemOf, sluiceError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import type { QueryEntry, QueryOptions, RangeOptions, TimeOptions } from '../engine/runtime/query.ts'
import type { PlanStore } from '../engine/topology/plan.ts'
import type { Observed } from './observed.ts'
import { Peers } from './peers.ts'

type Query = Readonly<Record<string, string | undefined>>

interface StoreRequest {
  readonly Params: { readonly name: string }
  readonly Querystring: Query
}

interface KeyRequest {
  readonly Params: { readonly name: string; readonly key: string }
  readonly Querystring: Query
}

const MOST_ENTRIES = 10_000

export function addStoreRoutes(server: FastifyInstance, observed: Observed): void {
  const { stores } = observed.app
  const asking = new Asking(observed)
  server.get('/stores', () => stores.list())
  server.get<StoreRequest>('/stores/:name', (request) => asking.entries(request.params.name, request))
  server.get<KeyRequest>('/stores/:name/:key', (request, reply) =>
    asking.key(request.params.name, request.params.key, request, reply),
  )
}

/** Answers out of the stores here, and of other instances for what is there. */
class Asking {
  readonly #observed: Observed
  readonly #peers: Peers
  readonly #specs: ReadonlyMap<string, PlanStore>

  constructor(observed: Observed) {
    this.#observed = observed
    this.#peers = new Peers(observed)
    const stores = observed.app.plan.subtopologies.flatMap((subtopology) => subtopology.stores)
    this.#specs = new Map(stores.map((store) => [store.name, store]))
  }

  async key(
    name: string,
    text: string,
    request: FastifyRequest<KeyRequest>,
    reply: FastifyReply,
  ): Promise<unknown> {
    const key = keyReader(this.#observed, name, this.#specs.get(name))(text)
    try {
      const found = this.#local(name, key, request.query)
      if (found !== undefined) return found
      throw sluiceError('SLUICE_QUERY_KEY', { store: name, key: text })
    } catch (error) {
      if (!isSluiceError(error, 'SLUICE_QUERY_ELSEWHERE') || !this.#peers.mayAsk(request)) throw error
      const { subtopology, partition } = this.#observed.app.stores.placeOf(name, key)
      const answer = await this.#peers.askOwner(subtopology, partition, request)
      if (answer === undefined) throw error
      return reply.code(answer.status).send(answer.body)
    }
  }

  /** Entries here, then those of the partitions that are elsewhere. */
  async entries(name: string, request: FastifyRequest<StoreRequest>): Promise<readonly unknown[]> {
    const { query } = request
    const here = this.#localEntries(name, query)
    const missing =
      query['partition'] === undefined && this.#peers.mayAsk(request) ? this.#missing(name, query) : []
    const found = [...here]
    const { limit } = paging(query)
    for (const partition of missing) {
      if (found.length >= limit) break
      found.push(...(await this.#entriesOf(name, partition, request)))
    }
    return found.slice(0, limit)
  }

  async #entriesOf(
    name: string,
    partition: number,
    request: FastifyRequest<StoreRequest>,
  ): Promise<readonly unknown[]> {
    const { subtopology } = this.#specs.get(name)!
    const answer = await this.#peers.askOwner(subtopology, partition, request)
    if (answer?.status === 200 && Array.isArray(answer.body)) return answer.body as readonly unknown[]
    throw sluiceError('SLUICE_QUERY_ELSEWHERE', { store: name, partition })
  }

  #local(name: string, key: unknown, query: Query): unknown {
    const { stores } = this.#observed.app
    if (isWindowed(this.#specs.get(name))) return stores.windows(name, key, timeOptions(query)).map(shown)
    if (query['history'] !== undefined) return stores.history(name, key, timeOptions(query)).map(shown)
    const asOf = time(query['asOf'], 'asOf')
    const found = stores.get(name, key, { ...common(query), ...(asOf === undefined ? {} : { asOf }) })
    return found === undefined ? undefined : shown(found)
  }

  #localEntries(name: string, query: Query): readonly unknown[] {
    const { stores } = this.#observed.app
    const spec = this.#specs.get(name)
    try {
      if (isWindowed(spec)) return stores.allWindows(name, timeOptions(query)).map(shown)
      return stores.range(name, rangeOptions(query, keyReader(this.#observed, name, spec))).map(shown)
    } catch (error) {
      // None of its partitions is here: all of it comes from others.
      if (isSluiceError(error, 'SLUICE_QUERY_ELSEWHERE') && query['partition'] === undefined) return []
      throw error
    }
  }

  /** Partitions of a store that are not here, and not answered for by a stand-by here. */
  #missing(name: string, query: Query): readonly number[] {
    const info = this.#observed.app.stores.list().find((store) => store.name === name)
    if (info === undefined || info.kind === 'global') return []
    const here = common(query).stale === true ? [...info.active, ...info.standby] : info.active
    return Array.from({ length: info.partitions }, (_, at) => at).filter((at) => !here.includes(at))
  }
}

function isWindowed(spec: PlanStore | undefined): boolean {
  return spec?.kind === 'window' || spec?.kind === 'timestamped-window' || spec?.kind === 'session'
}

/** A key out of an address: as it is where keys are text, else JSON. @throws SLUICE_CONFIG_INVALID */
function keyReader({ app }: Observed, name: string, spec: PlanStore | undefined): (text: string) => unknown {
  const key: Serde<unknown> | undefined =
    spec?.key ?? app.plan.globals.find((table) => table.name === name)?.key
  if (key === undefined || key.format === 'string' || key.format === 'uuid') return (text) => text
  return (text) => {
    try {
      const parsed: unknown = JSON.parse(text)
      key.serialize(parsed)
      return parsed
    } catch (error) {
      const expected = `a key of format ${key.format}, as JSON (${problemOf(error)})`
      throw sluiceError('SLUICE_CONFIG_INVALID', { place: `key of store ${name}`, expected, came: text })
    }
  }
}

/** Bytes as base64; integers of 64 bits inside a value as text, where they keep every digit. */
function shown(entry: QueryEntry): unknown {
  const plain = { ...entry, key: textOfBytes(entry.key), value: textOfBytes(entry.value) }
  return JSON.parse(
    JSON.stringify(plain, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part)),
  )
}

function textOfBytes(side: unknown): unknown {
  return side instanceof Uint8Array ? Buffer.from(side).toString('base64') : side
}

function common(query: Query): QueryOptions {
  const partition = time(query['partition'], 'partition')
  const { atLeast } = query
  return {
    ...(atLeast === undefined ? {} : { atLeast: boundOf(atLeast) }),
    ...(query['stale'] === undefined ? {} : { stale: query['stale'] !== 'false' }),
    ...(partition === undefined ? {} : { partition }),
  }
}

/** `orders-0:12,orders-1:7` */
function boundOf(text: string): Readonly<Record<string, number>> {
  const parts = text.split(',').map((part) => /^(.+-\d+):(\d{1,15})$/.exec(part))
  if (parts.some((part) => part === null))
    throw invalid('atLeast', 'offsets such as orders-0:12,orders-1:7', text)
  return Object.fromEntries(parts.map((part) => [part![1]!, Number(part![2])]))
}

function paging(query: Query): { readonly reverse: boolean; readonly limit: number } {
  const limit = time(query['limit'], 'limit') ?? 1_000
  if (limit < 1 || limit > MOST_ENTRIES)
    throw invalid('limit', `a whole number from 1 to ${MOST_ENTRIES}`, limit)
  return { reverse: query['reverse'] !== undefined && query['reverse'] !== 'false', limit }
}

function rangeOptions(query: Query, key: (text: string) => unknown): RangeOptions<unknown> {
  const { from, to } = query
  return {
    ...common(query),
    ...paging(query),
    ...(from === undefined ? {} : { from: key(from) }),
    ...(to === undefined ? {} : { to: key(to) }),
  }
}

function timeOptions(query: Query): TimeOptions {
  const [from, to] = [time(query['from'], 'from'), time(query['to'], 'to')]
  return {
    ...common(query),
    ...paging(query),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
}

function time(text: string | undefined, place: string): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  const parsed = Date.parse(text)
  if (!Number.isNaN(parsed)) return parsed
  throw invalid(place, 'a whole number, or a time such as 2026-11-21T10:00:00Z', text)
}

function invalid(place: string, expected: string, came: string | number): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', { place: `query ${place}`, expected, came })
}

/** Which status an error of a query is. */
export function statusOfQuery(error: unknown): number | undefined {
  if (isSluiceError(error, 'SLUICE_QUERY_STORE', 'SLUICE_QUERY_KEY')) return 404
  if (isSluiceError(error, 'SLUICE_QUERY_BEHIND')) return 409
  return isSluiceError(error, 'SLUICE_QUERY_ELSEWHERE') ? 421 : undefined
}

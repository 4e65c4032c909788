/** `/stores`: what the stores of the application hold, as JSON. Committed values only; a key is given as text or JSON. */
import type { FastifyInstance } from 'fastify'
import { isSluiceError, problemOf, sluiceError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import type { QueryEntry, RangeOptions, TimeOptions } from '../engine/runtime/query.ts'
import type { PlanStore } from '../engine/topology/plan.ts'
import type { Observed } from './observed.ts'

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
  const { stores, plan } = observed.app
  const specs = new Map(
    plan.subtopologies.flatMap((subtopology) => subtopology.stores).map((store) => [store.name, store]),
  )
  server.get('/stores', () => stores.list())
  server.get<StoreRequest>('/stores/:name', ({ params: { name }, query }) => {
    const spec = specs.get(name)
    if (isWindowed(spec)) return stores.allWindows(name, timeOptions(query)).map(shown)
    return stores.range(name, rangeOptions(query, keyReader(observed, name, spec))).map(shown)
  })
  server.get<KeyRequest>('/stores/:name/:key', ({ params, query }) => {
    const { name } = params
    const spec = specs.get(name)
    const key = keyReader(observed, name, spec)(params.key)
    if (isWindowed(spec)) return stores.windows(name, key, timeOptions(query)).map(shown)
    if (query['history'] !== undefined) return stores.history(name, key, timeOptions(query)).map(shown)
    const asOf = time(query['asOf'], 'asOf')
    const found = stores.get(name, key, { ...common(query), ...(asOf === undefined ? {} : { asOf }) })
    if (found !== undefined) return shown(found)
    throw sluiceError('SLUICE_QUERY_KEY', { store: name, key: params.key })
  })
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

function common(query: Query): { readonly stale?: boolean; readonly partition?: number } {
  const partition = time(query['partition'], 'partition')
  return {
    ...(query['stale'] === undefined ? {} : { stale: query['stale'] !== 'false' }),
    ...(partition === undefined ? {} : { partition }),
  }
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
  return isSluiceError(error, 'SLUICE_QUERY_ELSEWHERE') ? 421 : undefined
}

/**
 * PostgreSQL through `pg`: a pool of connections, prepared statements, cancellation in the server.
 * Every pool has a listener of errors: an idle connection dropped by the server would otherwise end the process.
 */
import { createHash } from 'node:crypto'
import type { Pool, PoolClient, PoolConfig } from 'pg'
import {
  countField,
  customField,
  defineConfig,
  durationField,
  flagField,
  optional,
  textField,
} from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import type { Duration } from '../../core/duration.ts'
import { loadDriver } from './driver.ts'
import { createLease } from './lease.ts'
import { sourceError } from './source-error.ts'
import { plainParameter } from './sql-connection.ts'
import type { SqlConnection, SqlRow } from './sql-connection.ts'
import { runPooled } from './sql-pool.ts'
import type { PooledClient, Running } from './sql-pool.ts'
import { namedWithoutSecrets } from './sql-url.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`. */
  readonly url: string
  /** Instead of the one in `url`. */
  readonly password?: string
  /** Most connections of this instance; default 10. */
  readonly connections?: number
  /** Limit of making a connection or waiting for a free one; default 10s. */
  readonly connectTimeout?: Duration
  /** Prepares statements once a connection (default). Off behind a pooler that cannot (PgBouncer before 1.21). */
  readonly prepare?: boolean
  /** TLS: `true`, or the options of Node's `tls.connect`; default: as `sslmode` in `url` says. */
  readonly tls?: boolean | object
}

type PostgresFields = {
  readonly url: Field<string>
  readonly password: Field<string | undefined>
  readonly connections: Field<number>
  readonly connectTimeout: Field<number>
  readonly prepare: Field<boolean>
  readonly tls: Field<boolean | object | undefined>
}

export const postgresSpec: ConfigSpec<PostgresFields> = defineConfig({
  url: textField({ doc: 'Address.', example: 'postgres://reader@db.internal/shop', secret: true }),
  password: optional(textField({ doc: 'Password, instead of the one in url.', secret: true })),
  connections: countField({ doc: 'Most connections of this instance.', default: 10, min: 1, max: 10_000 }),
  connectTimeout: durationField({ doc: 'Limit of connecting or waiting for a connection.', default: '10s' }),
  prepare: flagField({ doc: 'Prepare statements once a connection.', default: true }),
  tls: optional(
    customField<boolean | object>('boolean or options', { doc: 'TLS.', secret: true }, (came) =>
      typeof came === 'boolean' || (typeof came === 'object' && came !== null) ? came : undefined,
    ),
  ),
})

interface Client {
  readonly pool: Pool
  /** One connection that tells the server to stop statements of the others. */
  readonly control: Pool
  readonly running: Running
}

/**
 * A PostgreSQL database, for `sql`. Connected at the first call, closed with the last task; lost connections are made anew.
 * Needs the package `pg` (`npm install pg`).
 * @example
 * import { postgres, sql } from 'sluice/enrich'
 *
 * const database = postgres({ url: 'postgres://reader@db.internal/shop', connections: 20 })
 * const tier = sql(database, 'select tier from customers where id = {value.customer}')
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function postgres(options: string | PostgresOptions): SqlConnection {
  const given = typeof options === 'string' ? { url: options } : options
  const settings = postgresSpec.parse(given, 'postgres')
  const name = namedWithoutSecrets(settings.url, ['postgres:', 'postgresql:'], 'postgres')
  const { prepare } = settings
  const lease = createLease(
    () => open(poolConfig(settings), name),
    async ({ pool, control, running }) => {
      await Promise.allSettled(running)
      await Promise.all([pool.end(), control.end()])
    },
  )
  return {
    name,
    dialect: { parameter: (index) => `$${index + 1}`, handwritten: /\$\d/, backslash: false },
    bind: (value) => (typeof value === 'bigint' ? value.toString() : plainParameter(value)),
    async run(text, parameters, signal) {
      const aborted = signal()
      try {
        const client = await lease.use()
        return await runPooled(client.running, () => take(client, prepare), text, parameters, aborted)
      } catch (error) {
        if (aborted.aborted) throw error
        throw asCallError(name, error)
      }
    },
    hold: lease.hold,
    release: lease.release,
    close: lease.close,
  }
}

function poolConfig(settings: ReturnType<typeof postgresSpec.parse>): PoolConfig {
  const { url, password, connections, connectTimeout, tls } = settings
  return {
    connectionString: url,
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { ssl: tls }),
    max: connections,
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
    allowExitOnIdle: true,
    fallback_application_name: 'sluice',
  }
}

async function open(config: PoolConfig, name: string): Promise<Client> {
  const { Pool: Pools } = await loadDriver(`postgres(…) to ${name}`, 'pg', () => import('pg'))
  const pool = new Pools(config)
  const control = new Pools({ ...config, max: 1, query_timeout: 5000 })
  for (const one of [pool, control]) one.on('error', ignoreIdle)
  return { pool, control, running: new Set() }
}

/** The pool has dropped that connection already; the next call makes another. */
function ignoreIdle(): void {}

async function take({ pool, control }: Client, prepare: boolean): Promise<PooledClient<SqlRow>> {
  const client = await pool.connect()
  return {
    async query(text, parameters) {
      const values = [...parameters]
      const named = prepare ? { name: nameOf(text), text, values } : { text, values }
      const { rows, fields, rowCount } = await client.query<Record<string, unknown>>(named)
      return fields.length === 0 ? [{ affected: rowCount ?? 0 }] : rows
    },
    async cancel() {
      await control.query('select pg_cancel_backend($1)', [backendOf(client)])
    },
    release: (broken) => client.release(broken),
  }
}

function backendOf(client: PoolClient): number {
  return (client as unknown as { readonly processID: number }).processID
}

const names = new Map<string, string>()

/** Prepared statements have short names; one text, one name, in every process. */
function nameOf(text: string): string {
  let name = names.get(text)
  if (name === undefined) {
    name = `sluice_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
    names.set(text, name)
  }
  return name
}

/**
 * Classes of SQLSTATE after which the same statement may succeed: connection, transaction rollback (serialization,
 * deadlock), resources, operator intervention. All other codes are about the statement or the rights.
 */
const RETRIABLE = /^(?:08|40|53|57)|^55P03$/

function asCallError(name: string, error: unknown): Error {
  const { code } = error as { readonly code?: unknown }
  const state = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)
  // Without a SQLSTATE the server said nothing: refused, reset, timed out.
  return sourceError(name, error, code, !state || RETRIABLE.test(code))
}

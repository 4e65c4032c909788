/** MySQL and MariaDB through `mysql2`: a pool of connections, prepared statements, cancellation in the server. */
import type { Pool, PoolConnection, PoolOptions } from 'mysql2/promise'
import {
  countField,
  customField,
  defineConfig,
  durationField,
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

export interface MysqlOptions {
  /** `mysql://user:password@host:3306/database`. */
  readonly url: string
  /** Instead of the one in `url`. */
  readonly password?: string
  /** Most connections of this instance; default 10. */
  readonly connections?: number
  /** Limit of making a connection; default 10s. */
  readonly connectTimeout?: Duration
  /** TLS: the options of Node's `tls.connect`; default: none. */
  readonly tls?: object
}

type MysqlFields = {
  readonly url: Field<string>
  readonly password: Field<string | undefined>
  readonly connections: Field<number>
  readonly connectTimeout: Field<number>
  readonly tls: Field<object | undefined>
}

export const mysqlSpec: ConfigSpec<MysqlFields> = defineConfig({
  url: textField({ doc: 'Address.', example: 'mysql://reader@db.internal/shop', secret: true }),
  password: optional(textField({ doc: 'Password, instead of the one in url.', secret: true })),
  connections: countField({ doc: 'Most connections of this instance.', default: 10, min: 1, max: 10_000 }),
  connectTimeout: durationField({ doc: 'Limit of connecting.', default: '10s' }),
  tls: optional(
    customField<object>('options', { doc: 'TLS.', secret: true }, (came) =>
      typeof came === 'object' && came !== null ? came : undefined,
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
 * A MySQL or MariaDB database, for `sql`. Connected at the first call, closed with the last task; lost connections are made
 * anew. Whole numbers beyond 2^53 come as texts. Needs the package `mysql2` (`npm install mysql2`).
 * @example
 * import { mysql, sql } from 'sluice/enrich'
 *
 * const database = mysql('mysql://reader@db.internal/shop')
 * const tier = sql(database, 'select tier from customers where id = {value.customer}')
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function mysql(options: string | MysqlOptions): SqlConnection {
  const given = typeof options === 'string' ? { url: options } : options
  const settings = mysqlSpec.parse(given, 'mysql')
  const name = namedWithoutSecrets(settings.url, ['mysql:', 'mariadb:'], 'mysql')
  const lease = createLease(
    () => open(poolOptions(settings), name),
    async ({ pool, control, running }) => {
      await Promise.allSettled(running)
      await Promise.all([pool.end(), control.end()])
    },
  )
  return {
    name,
    dialect: { parameter: () => '?', handwritten: /\?/, backslash: true },
    bind: (value) => (typeof value === 'bigint' ? value.toString() : plainParameter(value)),
    async run(text, parameters, signal) {
      const aborted = signal()
      try {
        const client = await lease.use()
        return await runPooled(client.running, () => take(client), text, parameters, aborted)
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

function poolOptions(settings: ReturnType<typeof mysqlSpec.parse>): PoolOptions {
  const { url, password, connections, connectTimeout, tls } = settings
  return {
    uri: url.replace(/^mariadb:/, 'mysql:'),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { ssl: tls }),
    connectionLimit: connections,
    connectTimeout,
    enableKeepAlive: true,
    supportBigNumbers: true,
    timezone: 'Z',
  }
}

async function open(options: PoolOptions, name: string): Promise<Client> {
  const { createPool } = await loadDriver(`mysql(…) to ${name}`, 'mysql2', () => import('mysql2/promise'))
  const control = createPool({ ...options, connectionLimit: 1 })
  return { pool: createPool(options), control, running: new Set() }
}

async function take({ pool, control }: Client): Promise<PooledClient<SqlRow>> {
  const connection = await pool.getConnection()
  return {
    async query(text, parameters) {
      const [result] = await connection.execute(text, parameters as never)
      return Array.isArray(result)
        ? (result as unknown as readonly SqlRow[])
        : [{ affected: (result as { readonly affectedRows: number }).affectedRows }]
    },
    async cancel() {
      // KILL takes no parameter; the number comes from the server.
      await control.query(`KILL QUERY ${Number(threadOf(connection))}`)
    },
    release: (broken) => (broken ? connection.destroy() : connection.release()),
  }
}

function threadOf(connection: PoolConnection): number {
  return connection.threadId ?? 0
}

/** Deadlock, lock wait, too many connections, shutdown, interrupted: the same statement may succeed later. */
const RETRIABLE: ReadonlySet<unknown> = new Set([
  1040, 1053, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1927, 3024,
])

function asCallError(name: string, error: unknown): Error {
  const { code, errno, sqlState } = error as {
    readonly code?: unknown
    readonly errno?: unknown
    readonly sqlState?: unknown
  }
  // Without a SQLSTATE the server said nothing: refused, reset, lost.
  const retriable = typeof sqlState !== 'string' || /^(?:08|40)/.test(sqlState) || RETRIABLE.has(errno)
  return sourceError(name, error, code, retriable)
}

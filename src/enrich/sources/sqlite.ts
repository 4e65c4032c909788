/**
 * SQLite as it comes with Node. It runs in this thread and answers at once, so nothing else runs meanwhile: for look-ups by
 * an index, not for scans.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { countField, defineConfig, durationField, flagField, textField } from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import type { Duration } from '../../core/duration.ts'
import { createLease } from './lease.ts'
import { sourceError } from './source-error.ts'
import { plainParameter } from './sql-connection.ts'
import type { SqlConnection, SqlRow } from './sql-connection.ts'

export interface SqliteOptions {
  /** Path of the database. */
  readonly file: string
  /** Default true: statements that write are refused. */
  readonly readOnly?: boolean
  /** How long a statement may wait, and this thread with it, while another process writes; default 0. */
  readonly busyTimeout?: Duration
  /** Prepared statements kept; default 100. */
  readonly statements?: number
}

type SqliteFields = {
  readonly file: Field<string>
  readonly readOnly: Field<boolean>
  readonly busyTimeout: Field<number>
  readonly statements: Field<number>
}

export const sqliteSpec: ConfigSpec<SqliteFields> = defineConfig({
  file: textField({ doc: 'Path of the database.', example: 'customers.sqlite' }),
  readOnly: flagField({ doc: 'Refuse statements that write.', default: true }),
  busyTimeout: durationField({
    doc: 'How long a statement may wait while another process writes.',
    default: 0,
  }),
  statements: countField({ doc: 'Prepared statements kept.', default: 100, min: 1, max: 100_000 }),
})

interface Prepared {
  readonly statement: StatementSync
  /** It gives rows, of which there may be none. */
  readonly answers: boolean
}

class Database {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, Prepared>()
  readonly #most: number

  constructor(database: DatabaseSync, most: number) {
    this.#database = database
    this.#most = most
  }

  run(text: string, parameters: readonly unknown[]): readonly SqlRow[] {
    const { statement, answers } = this.#prepared(text)
    const bound = parameters as readonly SQLInputValue[]
    if (!answers) return [{ affected: Number(statement.run(...bound).changes) }]
    return statement.all(...bound)
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #prepared(text: string): Prepared {
    let prepared = this.#statements.get(text)
    if (prepared === undefined) {
      const statement = this.#database.prepare(text)
      prepared = { statement, answers: statement.columns().length > 0 }
      if (this.#statements.size >= this.#most) this.#statements.delete(this.#statements.keys().next().value!)
      this.#statements.set(text, prepared)
    }
    return prepared
  }
}

/**
 * A SQLite database, for `sql`: opened at the first call, closed with the last task. Answers come at once.
 * @example
 * import { sql, sqlite } from 'sluice/enrich'
 *
 * const tier = sql(sqlite('customers.sqlite'), 'select tier from customers where id = {value.customer}')
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function sqlite(options: string | SqliteOptions): SqlConnection {
  const settings = sqliteSpec.parse(typeof options === 'string' ? { file: options } : options, 'sqlite')
  const name = `sqlite:${settings.file}`
  let opened: Database | undefined
  const lease = createLease(
    async () => {
      const { DatabaseSync: Opened } = await import('node:sqlite')
      const { file, readOnly, busyTimeout, statements } = settings
      opened = new Database(new Opened(file, { readOnly, timeout: busyTimeout }), statements)
      return opened
    },
    async (database) => {
      if (opened === database) opened = undefined
      database.close()
    },
  )
  const run = (database: Database, text: string, parameters: readonly unknown[]): readonly SqlRow[] => {
    try {
      return database.run(text, parameters)
    } catch (error) {
      throw asCallError(name, error)
    }
  }
  return {
    name,
    dialect: { parameter: () => '?', handwritten: /[?:@$]\w+|\?/, backslash: false },
    bind: parameter,
    run: (text, parameters) =>
      opened === undefined
        ? lease.use().then(
            (database) => run(database, text, parameters),
            (error: unknown) => {
              throw asCallError(name, error)
            },
          )
        : run(opened, text, parameters),
    hold: lease.hold,
    release: lease.release,
    close: lease.close,
  }
}

function parameter(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0
  return value instanceof Date ? value.toISOString() : plainParameter(value)
}

/** Busy, locked, an error of the disk, cannot be opened: the low byte of SQLite's result code. */
const RETRIABLE: ReadonlySet<number> = new Set([5, 6, 10, 14])

function asCallError(name: string, error: unknown): Error {
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown }
  const primary = typeof errcode === 'number' ? errcode & 0xff : undefined
  return sourceError(name, error, errcode ?? code, primary !== undefined && RETRIABLE.has(primary))
}

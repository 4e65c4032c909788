/**
 * What the SQL source needs of a system: run a statement with bound parameters, tell what an error means. One connection is
 * shared by all sources and tasks that name it; it must never retry by itself.
 */
import type { SqlDialect } from './sql-template.ts'

export type SqlRow = Readonly<Record<string, unknown>>

/** A database to ask: made by `postgres`, `mysql` or `sqlite`, given to `sql`. Opened at the first call. */
export interface SqlConnection {
  /** For messages and as the endpoint of the circuit breaker: no password. */
  readonly name: string
  readonly dialect: SqlDialect
  /** A value of a record as the driver takes it. */
  bind(value: unknown): unknown
  /**
   * Runs one statement. At once (no promise) where the database is in this process. Aborting `signal` rejects at once and
   * ends the statement in the database. Rejects with a CallError that says whether repeating may help.
   */
  run(
    text: string,
    parameters: readonly unknown[],
    signal: () => AbortSignal,
  ): readonly SqlRow[] | Promise<readonly SqlRow[]>
  hold(): void
  release(): void
  /** Closes all connections; a later call opens them again. Only for programs that ask without an application. */
  close(): Promise<void>
}

/** Values every system takes alike: what has no counterpart in SQL is bound as JSON text. */
export function plainParameter(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? null
  if (value instanceof Uint8Array || value instanceof Date) return value
  return JSON.stringify(value)
}

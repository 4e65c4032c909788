/**
 * SQL as a source: a statement with bound parameters, one row or all rows as the answer, many keys in one `IN` list.
 * What database it is, and what its errors mean, is the connection's.
 */
import { choiceField, defineConfig, optional, textField } from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import { sluiceError } from '../../core/errors.ts'
import { commonOptions, kindField, sourceSpec } from '../policy.ts'
import type { BatchContext, CallContext, Source, SourceOptions } from './source.ts'
import type { SqlConnection, SqlRow } from './sql-connection.ts'
import { askLists } from './sql-list.ts'
import { compileSql } from './sql-template.ts'
import type { SqlTemplate } from './sql-template.ts'
import { parameterText } from './sql-text.ts'

export interface SqlOptions extends SourceOptions {
  /** Default: `read` for statements that start with select, with, values or table, else `write`. */
  readonly kind?: 'read' | 'write'
  /** What the answer is: the first row, null if there is none (`one`, default), or an array of all rows. */
  readonly rows?: 'one' | 'all'
  /** Needed with a list `{…, ...}`: the column of the result that tells whose row it is. */
  readonly by?: string
}

/** The values of the placeholders, in their order. */
export interface SqlRequest {
  readonly parameters: readonly unknown[]
}

type SqlFields = typeof sourceSpec.fields & {
  readonly kind: Field<'read' | 'write' | undefined>
  readonly rows: Field<'one' | 'all'>
  readonly by: Field<string | undefined>
}

export const sqlSpec: ConfigSpec<SqlFields> = defineConfig({
  kind: kindField,
  rows: choiceField(['one', 'all'], {
    doc: 'The answer: the first row or null, or an array of all rows.',
    default: 'one',
  }),
  by: optional(
    textField({ doc: 'With a list {…, ...}: the column that tells whose row it is.', example: 'id' }),
  ),
  ...sourceSpec.fields,
})

/**
 * A source that asks a database. `{key}`, `{value}` and `{value.field}` are always bound as parameters, `{idempotencyKey}` is
 * that of the call. A read whose placeholder has no value asks nothing: the answer is null. With a list, many records are
 * asked for in one statement. A statement that gives no rows back (insert, update) answers `{ affected }`.
 * @example
 * import { postgres, sql } from 'sluice/enrich'
 *
 * const database = postgres('postgres://reader@db.internal/shop')
 * const customer = sql<{ id: string; tier: string }>(
 *   database,
 *   'select id, tier from customers where id in ({value.customer, ...})',
 *   { by: 'id', timeout: '500ms' },
 * )
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function sql<Row = SqlRow>(
  connection: SqlConnection,
  statement: string,
  options: SqlOptions & { readonly rows: 'all' },
): Source<readonly Row[], unknown, SqlRequest>
export function sql<Row = SqlRow>(
  connection: SqlConnection,
  statement: string,
  options?: SqlOptions,
): Source<Row | null, unknown, SqlRequest>
export function sql(
  connection: SqlConnection,
  statement: string,
  options: SqlOptions = {},
): Source<unknown, unknown, SqlRequest> {
  const place = `sql ${options.name ?? connection.name}`
  const { kind: given, rows, by } = sqlSpec.parse(options, place)
  const template = compileSql(statement, connection.dialect, place)
  const kind = given ?? (/^[\s(]*(?:select|with|values|table)\b/i.test(statement) ? 'read' : 'write')
  checkList(template, by, kind, place)
  const all = rows === 'all'
  const one = async (request: SqlRequest, context: BatchContext): Promise<unknown> =>
    only(await askLists({ connection, template, by: by!, all }, [request], context))
  return {
    kind,
    endpoint: connection.name,
    ...(options.name === undefined ? {} : { name: options.name }),
    options: commonOptions(options),
    hold: () => connection.hold(),
    release: () => connection.release(),
    request: requestMaker(connection, template, kind),
    identity: identityOf,
    call: (request, context) =>
      by === undefined
        ? ask(connection, template, all, request, context)
        : one(request, { ...pick(context), idempotencyKeys: [context.idempotencyKey] }),
    ...(by === undefined
      ? {}
      : {
          callMany: (requests: readonly SqlRequest[], context: BatchContext) =>
            askLists({ connection, template, by, all }, requests, context),
        }),
  }
}

function checkList({ listAt }: SqlTemplate, by: string | undefined, kind: string, place: string): void {
  const refuse = (expected: string, came: string): never => {
    throw sluiceError('SLUICE_CONFIG_INVALID', { place: `${place}: by`, expected, came })
  }
  if (listAt >= 0 && by === undefined)
    refuse('the column that tells whose row it is, for the list', 'nothing')
  if (listAt < 0 && by !== undefined) refuse('a list such as in ({value.id, ...}) in the statement', by)
  if (listAt >= 0 && kind === 'write') refuse('no list in a statement that writes', 'a list')
}

/** Made once a record: values bound as the driver takes them. */
function requestMaker(
  connection: SqlConnection,
  { lookups }: SqlTemplate,
  kind: 'read' | 'write',
): Source<unknown, unknown, SqlRequest>['request'] {
  return (value, key) => {
    const parameters: unknown[] = []
    for (const lookup of lookups) {
      const found = lookup?.(value, key) ?? null
      // Nothing equals NULL: a read would find nothing. A write means it.
      if (found === null && lookup !== undefined && kind === 'read') return undefined
      parameters.push(connection.bind(found))
    }
    return { parameters }
  }
}

function ask(
  connection: SqlConnection,
  { lookups, text }: SqlTemplate,
  all: boolean,
  { parameters }: SqlRequest,
  context: CallContext,
): unknown {
  const bound = lookups.includes(undefined)
    ? parameters.map((parameter, at) => (lookups[at] === undefined ? context.idempotencyKey : parameter))
    : parameters
  const answer = (rows: readonly SqlRow[]): unknown => (all ? rows : (rows[0] ?? null))
  const rows = connection.run(text(1), bound, () => context.signal)
  return rows instanceof Promise ? rows.then(answer) : answer(rows)
}

function only(answers: readonly unknown[]): unknown {
  const [answer] = answers
  if (answer instanceof Error) throw answer
  return answer
}

function pick(context: CallContext): Omit<BatchContext, 'idempotencyKeys'> {
  return {
    attempt: context.attempt,
    get signal() {
      return context.signal
    },
    get http() {
      return context.http
    },
    get broker() {
      return context.broker
    },
    now: () => context.now(),
  }
}

/** Equal texts = equal parameters: the type is part of it, since '1' and 1 may find different rows. */
function identityOf({ parameters }: SqlRequest): string {
  return JSON.stringify(parameters.map((one) => [typeof one, parameterText(one)]))
}

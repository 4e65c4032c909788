/** Many keys in one statement: `IN` lists of a few fixed sizes, and each row given to whoever asked for it. */
import { sluiceError } from '../../core/errors.ts'
import { CallError } from '../call-error.ts'
import type { BatchContext } from './source.ts'
import type { SqlConnection, SqlRow } from './sql-connection.ts'
import type { SqlTemplate } from './sql-template.ts'
import { parameterText } from './sql-text.ts'

/** Parameters of one statement; SQLite takes 32,766, PostgreSQL and MySQL 65,535. */
const LONGEST_LIST = 8192

export interface ListStatement {
  readonly connection: SqlConnection
  readonly template: SqlTemplate
  /** Column that tells whose row it is. */
  readonly by: string
  readonly all: boolean
}

interface Request {
  readonly parameters: readonly unknown[]
}

/** Requests that differ in nothing but the list. */
interface Group {
  readonly first: Request
  readonly members: { readonly at: number; readonly id: string }[]
  readonly keys: Map<string, unknown>
}

/** Answers in the order of the requests; those of a statement that failed are its error. */
export async function askLists(
  statement: ListStatement,
  requests: readonly Request[],
  context: BatchContext,
): Promise<readonly unknown[]> {
  const answers: unknown[] = Array.from(requests, () => null)
  const ask = async ({ first, members, keys }: Group): Promise<void> => {
    try {
      const found = await rowsOf(statement, first, [...keys.values()], context)
      for (const { at, id } of members)
        answers[at] = statement.all ? (found.get(id) ?? []) : (found.get(id)?.[0] ?? null)
    } catch (error) {
      for (const { at } of members) answers[at] = error
    }
  }
  await Promise.all(groupsOf(requests, statement.template.listAt).map(ask))
  return answers
}

function groupsOf(requests: readonly Request[], listAt: number): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const [at, request] of requests.entries()) {
    const { parameters } = request
    const others = parameters.filter((_, index) => index !== listAt).map(parameterText)
    const name = JSON.stringify(others)
    let group = groups.get(name)
    if (group === undefined) {
      group = { first: request, members: [], keys: new Map() }
      groups.set(name, group)
    }
    const id = parameterText(parameters[listAt])
    group.members.push({ at, id })
    group.keys.set(id, parameters[listAt])
  }
  return [...groups.values()]
}

async function rowsOf(
  { connection, template, by }: ListStatement,
  first: Request,
  keys: readonly unknown[],
  context: BatchContext,
): Promise<ReadonlyMap<string, readonly SqlRow[]>> {
  const found = new Map<string, SqlRow[]>()
  const { listAt } = template
  for (let from = 0; from < keys.length; from += LONGEST_LIST) {
    const list = padded(keys.slice(from, from + LONGEST_LIST))
    const parameters = first.parameters.toSpliced(listAt, 1, ...list)
    for (const row of await connection.run(template.text(list.length), parameters, () => context.signal)) {
      if (!Object.hasOwn(row, by)) throw noColumn(connection.name, by, row)
      const id = parameterText(row[by])
      const rows = found.get(id)
      if (rows === undefined) found.set(id, [row])
      else rows.push(row)
    }
  }
  return found
}

/** To a power of two, by repeating the last key: a handful of prepared statements instead of one for each size. */
function padded(keys: readonly unknown[]): readonly unknown[] {
  const size = 2 ** Math.ceil(Math.log2(keys.length))
  return [...keys, ...Array.from({ length: size - keys.length }, () => keys.at(-1))]
}

function noColumn(source: string, by: string, row: SqlRow): CallError {
  const problem = `the result has no column "${by}", but ${Object.keys(row).join(', ')}`
  const cause = sluiceError('SLUICE_CALL_REFUSED', { source, code: 'by', problem })
  return new CallError(cause.message, { retriable: false, cause })
}

/** What every database behind `sql` must do, tried on a real one. */
import { expect, it } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { sql } from '../../../src/enrich/sources/sql.ts'
import type { SqlConnection } from '../../../src/enrich/sources/sql-connection.ts'
import { answerOf, ask, askAll } from './asking.ts'

export const CUSTOMERS = [
  'create table customers (id int primary key, name varchar(40), tier varchar(10))',
  "insert into customers values (1, 'Ada', 'gold'), (2, 'Bob', null), (3, 'O''Hara', 'silver')",
  'create table visits (customer int, place varchar(40))',
  "insert into visits values (1, 'Rome'), (1, 'Oslo'), (3, 'Bern')",
  'create table effects (id varchar(200) primary key, amount int)',
]

/** Statements without an answer that matters, for fixtures. */
export async function prepare(connection: SqlConnection, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await connection.run(statement, [], () => new AbortController().signal)
}

export function sqlContract(connection: () => SqlConnection): void {
  const byId = (): ReturnType<typeof sql> =>
    sql(connection(), 'select id, name from customers where id in ({value.id, ...})', { by: 'id' })

  it('answers the first row, null for none, and null without asking where there is no value', async () => {
    const tier = sql(connection(), 'select tier from customers where id = {value.id}')
    expect(await ask(tier, { id: 1 })).toEqual({ tier: 'gold' })
    expect(await ask(tier, { id: 2 })).toEqual({ tier: null })
    expect(await ask(tier, { id: 9 })).toBeNull()
    const { outcomes, host } = await askAll(tier, [{ id: null }, {}])
    expect(outcomes.map(answerOf)).toEqual([null, null])
    expect(host.metric('enrich-calls-total')).toBe(0)
  })

  it('answers all rows', async () => {
    const visits = sql<{ place: string }>(
      connection(),
      'select place from visits where customer = {value.id} order by place',
      { rows: 'all' },
    )
    expect(await ask(visits, { id: 1 })).toEqual([{ place: 'Oslo' }, { place: 'Rome' }])
    expect(await ask(visits, { id: 2 })).toEqual([])
  })

  it('binds whatever a record holds: no text of it is ever SQL', async () => {
    const named = sql(connection(), 'select id from customers where name = {value}')
    expect(await ask(named, "O'Hara")).toEqual({ id: 3 })
    for (const attack of ["' or '1'='1", "x'; drop table customers; --", '\\', "\\' or 1=1 -- ", '$1', '?'])
      expect(await ask(named, attack)).toBeNull()
    expect(await ask(named, 'Ada')).toEqual({ id: 1 })
  })

  it('asks for many keys in one statement and gives each its row', async () => {
    const values = Array.from({ length: 40 }, (_, at) => ({ id: (at % 5) + 1 }))
    const { outcomes, host } = await askAll(byId(), values)
    const names = outcomes.map((one) => (answerOf(one) as { name: string } | null)?.name)
    expect(names).toEqual(values.map(({ id }) => ['Ada', 'Bob', "O'Hara"][id - 1]))
    expect(host.metric('enrich-calls-total')).toBe(1)
  })

  it('gives each key all its rows, and groups lists by the other parameters', async () => {
    const visits = sql(
      connection(),
      'select customer, place from visits where place <> {value.not} and customer in ({value.id, ...}) order by place',
      { by: 'customer', rows: 'all' },
    )
    const { outcomes } = await askAll(visits, [
      { id: 1, not: 'Rome' },
      { id: 1, not: 'Oslo' },
      { id: 3, not: 'Oslo' },
      { id: 2, not: '' },
    ])
    const places = outcomes.map((one) => (answerOf(one) as { place: string }[]).map(({ place }) => place))
    expect(places).toEqual([['Oslo'], ['Rome'], ['Bern'], []])
  })

  it('refuses a wrong statement at once, with the code of the database', async () => {
    const wrong = sql(connection(), 'select nothing_here from customers where id = {value.id}')
    const { outcomes, host } = await askAll(wrong, [{ id: 1 }])
    expect(() => answerOf(outcomes[0]!)).toThrow(/nothing_here/)
    const { error } = outcomes[0] as { readonly error: SluiceError }
    expect(error.code).toBe('SLUICE_CALL_REFUSED')
    expect(error.details['code']).not.toBe('no code')
    expect(host.metric('enrich-retries-total')).toBe(0)
  })

  it('writes once: the idempotency key is the same for every attempt', async () => {
    const write = sql(
      connection(),
      'insert into effects (id, amount) values ({idempotencyKey}, {value.amount})',
    )
    expect(write.kind).toBe('write')
    expect(await ask(write, { amount: 5 })).toEqual({ affected: 1 })
    // The same record again, as after a crash: the database refuses the second effect.
    await expect(ask(write, { amount: 5 })).rejects.toMatchObject({ code: 'SLUICE_CALL_REFUSED' })
  })

  it('closes with its last task, and opens again for the next', async () => {
    const tier = sql(connection(), 'select tier from customers where id = {value.id}')
    expect(await ask(tier, { id: 1 })).toEqual({ tier: 'gold' })
    await connection().close()
    expect(await ask(tier, { id: 1 })).toEqual({ tier: 'gold' })
  })
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { enrichment } from '../../../src/enrich/enrichment.ts'
import { sql } from '../../../src/enrich/sources/sql.ts'
import { sqlite } from '../../../src/enrich/sources/sqlite.ts'
import { testHost, ticketOf } from '../virtual.ts'
import { ask } from './asking.ts'
import { CUSTOMERS, prepare, sqlContract } from './sql-suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-sql-'))
const file = join(folder, 'shop.sqlite')
const connection = sqlite({ file, readOnly: false })

beforeAll(() => prepare(connection, CUSTOMERS))
afterAll(async () => {
  await connection.close()
  rmSync(folder, { recursive: true })
})

describe('SQLite', () => {
  sqlContract(() => connection)

  it('answers in the same turn once it is open', async () => {
    const tier = sql(connection, 'select tier from customers where id = {value.id}')
    await ask(tier, { id: 1 })
    connection.hold()
    await prepare(connection, ['select 1'])
    const host = testHost()
    const operator = enrichment(tier).open(host)
    operator.admit(ticketOf(host.clock, 0, 'k', { id: 1 }))
    expect(host.settled.map(({ outcome }) => outcome)).toEqual([{ kind: 'emit', value: { tier: 'gold' } }])
    operator.close()
    connection.release()
  })

  it('refuses writes unless it was opened for them', async () => {
    const write = sql(sqlite(file), 'update customers set tier = {value} where id = 1')
    await expect(ask(write, 'lead')).rejects.toMatchObject({ code: 'SLUICE_CALL_REFUSED' })
  })

  it('asks again while another process writes', async () => {
    const other = new DatabaseSync(file)
    other.exec('begin exclusive')
    setTimeout(() => other.exec('rollback'), 100)
    const tier = sql(connection, 'select tier from customers where id = {value.id}', {
      retry: { retries: 20, delay: 20, maxDelay: 40 },
    })
    expect(await ask(tier, { id: 1 })).toEqual({ tier: 'gold' })
    other.close()
  })

  it('says that a list needs the column that tells whose row it is', () => {
    expect(() => sql(connection, 'select name from customers where id in ({key, ...})')).toThrow(/by/)
    expect(() => sql(connection, 'select name from customers where id = {key}', { by: 'id' })).toThrow(/list/)
    expect(() => sql(connection, 'delete from visits where customer in ({key, ...})', { by: 'id' })).toThrow(
      /writes/,
    )
  })

  it('says which column a result with lists lacks', async () => {
    const names = sql(connection, 'select name from customers where id in ({value, ...})', { by: 'id' })
    await expect(ask(names, 1)).rejects.toThrow('the result has no column "id", but name')
  })
})

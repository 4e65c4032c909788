import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../../src/enrich/sources/postgres.ts'
import { sql } from '../../../src/enrich/sources/sql.ts'
import type { SqlConnection } from '../../../src/enrich/sources/sql-connection.ts'
import { missing, startService } from '../../services/service.ts'
import type { Service } from '../../services/service.ts'
import { answerOf, ask, askAll } from './asking.ts'
import { CUSTOMERS, prepare, sqlContract } from './sql-suite.ts'

const skipped = missing('postgres')

describe.skipIf(skipped !== undefined)(`PostgreSQL ${skipped ?? ''}`, () => {
  let service: Service
  let connection: SqlConnection
  let url: string

  beforeAll(async () => {
    service = await startService('postgres')
    url = `postgres://postgres:sluice@127.0.0.1:${service.port}/postgres`
    connection = postgres({ url, connections: 4 })
    await prepare(connection, CUSTOMERS)
  }, 120_000)
  afterAll(async () => {
    await connection.close()
    service.stop()
  })

  sqlContract(() => connection)

  it('names itself without its password', () => {
    expect(connection.name).toBe(`postgres://127.0.0.1:${service.port}/postgres`)
    expect(() => postgres('http://u:secret@h')).toThrow(/postgres:/)
    expect(() => postgres('http://u:secret@h')).not.toThrow(/secret/)
  })

  it('stops in the server what has run out of time, and goes on with the same connections', async () => {
    const one = postgres({ url, connections: 1 })
    const slow = sql(one, 'select pg_sleep({value}::float)', { timeout: '150ms', retry: 0 })
    await expect(ask(slow, 60)).rejects.toMatchObject({ code: 'SLUICE_ENRICH_FAILED' })
    const running =
      "select count(*)::int as n from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'"
    const left = sql(connection, `${running} and {value} = 1`)
    await expect.poll(() => ask(left, 1)).toEqual({ n: 0 })
    expect(await ask(sql(one, 'select 1 as one where {value} = 1'), 1)).toEqual({ one: 1 })
    await one.close()
  })

  it('asks again after a deadlock, and both writes happen', async () => {
    await prepare(connection, [
      'create table pairs (id int primary key, n int)',
      'insert into pairs values (1, 0), (2, 0)',
    ])
    await prepare(connection, [
      `create function raise_both(a int, b int) returns void language plpgsql as
       $$ begin
         update pairs set n = n + 1 where id = a; perform pg_sleep(0.2); update pairs set n = n + 1 where id = b;
       end $$`,
    ])
    const write = sql(connection, 'select raise_both({value.a}::int, {value.b}::int)', {
      kind: 'write',
      timeout: '10s',
      retry: { retries: 3, delay: 1 },
    })
    const { outcomes, host } = await askAll(write, [
      { a: 1, b: 2 },
      { a: 2, b: 1 },
    ])
    for (const outcome of outcomes) answerOf(outcome)
    expect(host.metric('enrich-retries-total')).toBe(1)
    expect(await ask(sql(connection, 'select sum(n)::int as n from pairs where {value} = 1'), 1)).toEqual({
      n: 4,
    })
  })

  it('connects anew when the server was killed and came back', async () => {
    const tier = sql(connection, 'select tier from customers where id = {value.id}', {
      timeout: '2s',
      retry: { retries: 60, delay: 100, maxDelay: 200 },
    })
    expect(await ask(tier, { id: 1 })).toEqual({ tier: 'gold' })
    service.kill()
    const asked = ask(tier, { id: 1 })
    await new Promise((resolve) => {
      setTimeout(resolve, 300)
    })
    await service.restart()
    expect(await asked).toEqual({ tier: 'gold' })
  }, 60_000)
})

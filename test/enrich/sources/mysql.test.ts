import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mysql } from '../../../src/enrich/sources/mysql.ts'
import { sql } from '../../../src/enrich/sources/sql.ts'
import type { SqlConnection } from '../../../src/enrich/sources/sql-connection.ts'
import { missing, startService } from '../../services/service.ts'
import type { Service } from '../../services/service.ts'
import { ask } from './asking.ts'
import { CUSTOMERS, prepare, sqlContract } from './sql-suite.ts'

const skipped = missing('mariadb')

describe.skipIf(skipped !== undefined)(`MariaDB ${skipped ?? ''}`, () => {
  let service: Service
  let connection: SqlConnection
  let url: string

  beforeAll(async () => {
    service = await startService('mariadb')
    url = `mysql://root:sluice@127.0.0.1:${service.port}/shop`
    const any = mysql(`mysql://root:sluice@127.0.0.1:${service.port}/mysql`)
    await prepare(any, ['create database shop'])
    await any.close()
    connection = mysql({ url, connections: 4 })
    await prepare(connection, CUSTOMERS)
  }, 120_000)
  afterAll(async () => {
    await connection.close()
    service.stop()
  })

  sqlContract(() => connection)

  it('stops in the server what has run out of time, and goes on with the same connections', async () => {
    const one = mysql({ url, connections: 1 })
    const slow = sql(one, 'select sleep({value}) as slept', { timeout: '150ms', retry: 0 })
    await expect(ask(slow, 60)).rejects.toMatchObject({ code: 'SLUICE_ENRICH_FAILED' })
    const running = "select count(*) as n from information_schema.processlist where info like 'select sleep%'"
    await expect.poll(() => ask(sql(connection, `${running} and {value} = 1`), 1)).toEqual({ n: 0 })
    expect(await ask(sql(one, 'select 1 as one where {value} = 1'), 1)).toEqual({ one: 1 })
    await one.close()
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

import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redis, redisGet, redisHash } from '../../../src/enrich/sources/redis.ts'
import type { RedisConnection } from '../../../src/enrich/sources/redis.ts'
import { missing, startService } from '../../services/service.ts'
import type { Service } from '../../services/service.ts'
import { answerOf, ask, askAll } from './asking.ts'

const skipped = missing('redis')

describe.skipIf(skipped !== undefined)(`Redis ${skipped ?? ''}`, () => {
  let service: Service
  let connection: RedisConnection
  let url: string

  const fill = async (): Promise<void> => {
    const client = createClient({ url })
    client.on('error', () => undefined)
    await client.connect()
    await client.mSet({ 'name:1': 'Ada', 'name:2': 'Bob', 'doc:1': '{"tier":"gold"}', 'doc:2': 'oops' })
    await client.hSet('profile:1', { name: 'Ada', tier: 'gold' })
    client.destroy()
  }

  beforeAll(async () => {
    service = await startService('redis')
    url = `redis://127.0.0.1:${service.port}`
    connection = redis({ url })
    await fill()
  }, 120_000)
  afterAll(async () => {
    await connection.close()
    service.stop()
  })

  it('answers many keys with one MGET, null for none, and nothing to ask without a value', async () => {
    const values = [{ id: 1 }, { id: 2 }, { id: 3 }, {}, { id: 1 }]
    const { outcomes, host } = await askAll(redisGet(connection, 'name:{value.id}'), values)
    expect(outcomes.map(answerOf)).toEqual(['Ada', 'Bob', null, null, 'Ada'])
    expect(host.metric('enrich-calls-total')).toBe(1)
  })

  it('reads JSON; what is none fails alone and is not asked again', async () => {
    const source = redisGet(connection, 'doc:{value}', { as: 'json' })
    const { outcomes, host } = await askAll(source, [1, 2, 3])
    expect(answerOf(outcomes[0]!)).toEqual({ tier: 'gold' })
    expect(outcomes[1]).toMatchObject({ kind: 'dead-letter', error: { code: 'SLUICE_CALL_REFUSED' } })
    expect(answerOf(outcomes[2]!)).toBeNull()
    expect(host.metric('enrich-retries-total')).toBe(0)
  })

  it('answers hashes', async () => {
    const { outcomes } = await askAll(redisHash(connection, 'profile:{value}'), [1, 2])
    expect(outcomes.map(answerOf)).toEqual([{ name: 'Ada', tier: 'gold' }, null])
  })

  it('names the answer of the server when the key is of another type', async () => {
    await expect(ask(redisGet(connection, 'profile:{value}', { batch: false }), 1)).rejects.toMatchObject({
      code: 'SLUICE_CALL_REFUSED',
      details: { code: 'WRONGTYPE' },
    })
  })

  it('fails where nobody listens, without waiting for the timeout', async () => {
    const nobody = redis('redis://user:secret@127.0.0.1:1')
    const started = performance.now()
    await expect(ask(redisGet(nobody, '{value}', { retry: 0 }), 1)).rejects.toThrow(/redis:\/\/127.0.0.1:1/)
    expect(performance.now() - started).toBeLessThan(1500)
    await nobody.close()
  })

  it('connects anew when the server was killed and came back', async () => {
    const source = redisGet(connection, 'name:{value}', { retry: { retries: 60, delay: 100, maxDelay: 200 } })
    connection.hold()
    expect(await ask(source, 1)).toBe('Ada')
    service.kill()
    const asked = ask(source, 1)
    await service.restart()
    await fill()
    expect(['Ada', null]).toContain(await asked)
    expect(await ask(source, 2)).toBe('Bob')
    connection.release()
  }, 60_000)
})

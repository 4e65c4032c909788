import { fileURLToPath } from 'node:url'
import { Server, ServerCredentials, loadPackageDefinition, status } from '@grpc/grpc-js'
import type { sendUnaryData, ServerUnaryCall, ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { grpc } from '../../../src/enrich/sources/grpc.ts'
import type { GrpcOptions } from '../../../src/enrich/sources/grpc.ts'
import { answerOf, ask, askAll } from './asking.ts'

const proto = fileURLToPath(new URL('./fixtures/customers.proto', import.meta.url))

interface Question {
  readonly id: string
  readonly waitMs: number
}
type Call = ServerUnaryCall<Question, object>

let server: Server
let address: string
let calls: Call[]
let failing: number[]
let cancelled: number

function get(call: Call, answer: sendUnaryData<object>): void {
  calls.push(call)
  const { id, waitMs } = call.request
  call.on('cancelled', () => cancelled++)
  const code = failing.shift() ?? (id === 'nobody' ? status.NOT_FOUND : undefined)
  if (code !== undefined) answer({ code, details: `as told: ${code}` })
  else setTimeout(() => answer(null, { id, name: `Name of ${id}`, points: '9007199254740993' }), waitMs)
}

beforeAll(async () => {
  const loaded = loadPackageDefinition(loadSync(proto)) as unknown as {
    readonly shop: { readonly Customers: ServiceClientConstructor }
  }
  server = new Server()
  server.addService(loaded.shop.Customers.service, { Get: get, All: () => undefined })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound)
      else reject(error)
    })
  })
  address = `127.0.0.1:${port}`
})
afterAll(() => server.forceShutdown())
beforeEach(() => {
  calls = []
  failing = []
  cancelled = 0
})

const source = (options: Partial<GrpcOptions> = {}): ReturnType<typeof grpc> =>
  grpc({
    address,
    proto,
    service: 'shop.Customers',
    method: 'Get',
    request: { id: '{value.id}', wait_ms: '{value.wait}' },
    retry: { retries: 3, delay: 1 },
    ...options,
  })

describe('gRPC', () => {
  it('answers the message; NOT_FOUND is null', async () => {
    const { outcomes } = await askAll(source(), [{ id: 'a' }, { id: 'nobody' }])
    expect(outcomes.map(answerOf)).toEqual([{ id: 'a', name: 'Name of a', points: '9007199254740993' }, null])
    await expect(ask(source({ notFound: 'error' }), { id: 'nobody' })).rejects.toMatchObject({
      code: 'SLUICE_CALL_REFUSED',
    })
  })

  it('sends the timeout as the deadline, metadata, and an idempotency key with writes', async () => {
    const before = Date.now()
    await ask(source({ timeout: '5s', metadata: { authorization: 'Bearer x' }, kind: 'write' }), { id: 'a' })
    const [call] = calls
    const deadline = Number(call!.getDeadline())
    expect(deadline).toBeGreaterThan(before + 4000)
    expect(deadline).toBeLessThan(Date.now() + 5500)
    expect(call!.metadata.get('authorization')).toEqual(['Bearer x'])
    expect(call!.metadata.get('idempotency-key')[0]).toContain('enrich-test')
  })

  it('tries again what may pass, once for each attempt, and nothing else', async () => {
    failing = [status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.ABORTED]
    expect(await ask(source(), { id: 'a' })).toMatchObject({ id: 'a' })
    expect(calls).toHaveLength(4)
    failing = [status.PERMISSION_DENIED]
    await expect(ask(source(), { id: 'a' })).rejects.toMatchObject({
      code: 'SLUICE_CALL_REFUSED',
      message: expect.stringContaining('as told: 7') as string,
    })
    expect(calls).toHaveLength(5)
  })

  it('cancels at the server what has run out of time', async () => {
    const asked = ask(source({ timeout: '300ms', retry: 0 }), { id: 'a', wait: 60_000 })
    await expect(asked).rejects.toMatchObject({ code: 'SLUICE_ENRICH_FAILED' })
    await expect.poll(() => cancelled).toBe(1)
  })

  it('says what is wrong with the method or the file, without asking again', async () => {
    for (const wrong of [{ method: 'Nothing' }, { method: 'All' }, { proto: 'nowhere.proto' }]) {
      const { outcomes, host } = await askAll(source(wrong), [{ id: 'a' }])
      expect(outcomes[0]).toMatchObject({ kind: 'dead-letter' })
      expect(host.metric('enrich-retries-total')).toBe(0)
    }
    expect(calls).toHaveLength(0)
  })

  it('tries again while nobody listens', async () => {
    const { outcomes } = await askAll(source({ address: '127.0.0.1:1', timeout: '5s' }), [{ id: 'a' }])
    expect(outcomes[0]).toMatchObject({ error: { code: 'SLUICE_ENRICH_FAILED' } })
  })
})

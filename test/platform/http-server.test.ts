import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { serveOnLoopback } from '../../src/platform/http-server.ts'
import type { LoopbackServer } from '../../src/platform/http-server.ts'

const EMPTY = { status: 204, headers: {}, body: new Uint8Array() }

describe('a server on loopback', () => {
  const open: LoopbackServer[] = []
  afterEach(() => Promise.all(open.splice(0).map((server) => server.close())))

  async function serve(answer: Parameters<typeof serveOnLoopback>[0]): Promise<LoopbackServer> {
    const server = await serveOnLoopback(answer)
    open.push(server)
    return server
  }

  it('hands over method, path, headers and body, and sends what it is given', async () => {
    const asked: unknown[] = []
    const server = await serve(async ({ method, origin, path, headers, body }) => {
      asked.push([method, origin, path, headers['x-a'], String(body)])
      return { status: 418, headers: { 'x-b': '2' }, body: Buffer.from('short and stout') }
    })
    const answer = await fetch(`${server.url}/pot?a=%20`, {
      method: 'PUT',
      headers: { 'X-A': '1' },
      body: 'tea',
    })
    expect([answer.status, answer.headers.get('x-b'), await answer.text()]).toEqual([
      418,
      '2',
      'short and stout',
    ])
    expect(asked).toEqual([['PUT', server.url, '/pot?a=%20', '1', 'tea']])
  })

  it('tells the one who answers that the client has gone', async () => {
    const gone = Promise.withResolvers<boolean>()
    const server = await serve(({ signal }) => {
      signal!.addEventListener('abort', () => gone.resolve(true))
      return new Promise(() => {})
    })
    await expect(fetch(server.url, { signal: AbortSignal.timeout(30) })).rejects.toThrow('timeout')
    expect(await gone.promise).toBe(true)
  })

  it('breaks the connection of an answer that fails, and of those under way at its end', async () => {
    const server = await serve(({ path }) =>
      path === '/fails'
        ? Promise.reject(new Error('no'))
        : path === '/waits'
          ? new Promise(() => {})
          : Promise.resolve(EMPTY),
    )
    await expect(fetch(`${server.url}/fails`)).rejects.toThrow('fetch failed')
    expect((await fetch(`${server.url}/`)).status).toBe(204)
    const waiting = fetch(`${server.url}/waits`)
    const [broken] = await Promise.allSettled([waiting, sleep(30).then(() => server.close())])
    expect(broken.status).toBe('rejected')
  })
})

/** Two instances with servers: either answers for both, and says so when the other cannot be asked. */
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../src/index.ts'
import { createMetrics } from '../../src/core/metrics.ts'
import type { RunningApp } from '../../src/engine/runtime/app.ts'
import type { EngineSettings } from '../../src/engine/runtime/options.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { startServer, type Server } from '../../src/server/index.ts'
import { Bench, until } from '../engine/runtime/bench-app.ts'

const input = topic('in', { key: string, value: json<number>() })
const counts = defineApp('counts', (flow) => {
  flow.stream(input).groupByKey().count({ name: 'count' })
})
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']

let bench: Bench | undefined
const servers: Server[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  await bench?.close()
  bench = undefined
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

interface Instance {
  readonly app: RunningApp
  readonly url: string
  readonly server: Server
}

async function instance(
  b: Bench,
  state: string,
  endpoint: boolean,
  settings: Partial<EngineSettings>,
): Promise<Instance> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const app = await b.start(counts, { state, settings, ...(endpoint ? { endpoint: url } : {}) })
  const observed = {
    app,
    broker: b.connect(),
    metrics: createMetrics(),
    clock: systemClock,
    show: () => null,
  }
  const server = await startServer(observed, { port, host: '127.0.0.1' })
  servers.push(server)
  return { app, url, server }
}

async function two(
  endpoint: boolean,
  settings: Partial<EngineSettings> = {},
): Promise<readonly [Instance, Instance]> {
  bench = await Bench.open()
  await bench.topics(2, 'in')
  const both = [
    await instance(bench, 'a', endpoint, settings),
    await instance(bench, 'b', endpoint, settings),
  ] as const
  await until('one task each', () => both.every(({ app }) => app.tasks.length === 1 && app.settled))
  await bench.write(
    'in',
    KEYS.map((key) => [key, '1'] as const),
  )
  await until(
    'all counts',
    () => both.map(({ app }) => app.stores.range('count').length).reduce((a, b) => a + b) === KEYS.length,
  )
  return both
}

async function get(url: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(url)
  return { status: answer.status, body: await answer.json() }
}

/** Asks with a whole address in the request line, as one asks a proxy. */
function getAbsolute(url: string, address: string): Promise<number> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    request({ hostname, port, path: address }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0))
    })
      .on('error', reject)
      .end()
  })
}

describe('either of two instances', () => {
  it('passes a question on to its peer only, whatever address the question names', async () => {
    const [first] = await two(true)
    const asked: (string | undefined)[] = []
    const stranger = createServer((question, answer) => {
      asked.push(question.url)
      answer.end('{}')
    })
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    const { port } = stranger.address() as AddressInfo
    try {
      const answers = await Promise.all(
        KEYS.map((key) => getAbsolute(first.url, `http://127.0.0.1:${port}/stores/count/${key}`)),
      )
      expect(asked).toEqual([])
      expect(new Set(answers)).toEqual(new Set([200]))
    } finally {
      await new Promise((resolve) => stranger.close(resolve))
    }
  })

  it('lists a partition once that is here as a stand-by and elsewhere at work', async () => {
    const [first] = await two(true, { standbyReplicas: 1 })
    const keys = async (): Promise<string[]> => {
      const { body } = (await get(`${first.url}/stores/count?stale=true`)) as { body: { key: string }[] }
      return body.map(({ key }) => key).toSorted()
    }
    await until('a stand-by', () => first.app.standbyTasks.length === 1)
    await until('all keys in it', async () => (await keys()).length >= KEYS.length)
    expect(await keys()).toEqual(KEYS)
  })

  it('answers for every key, and lists all of them', async () => {
    const both = await two(true)
    for (const { url } of both) {
      for (const key of KEYS) {
        expect(await get(`${url}/stores/count/${key}`)).toMatchObject({
          status: 200,
          body: { key, value: 1 },
        })
      }
      const { body } = (await get(`${url}/stores/count`)) as { body: readonly { key: string }[] }
      expect(body.map(({ key }) => key).toSorted()).toEqual(KEYS)
      expect(((await get(`${url}/stores/count?limit=5`)).body as unknown[]).length).toBe(5)
      expect(await get(`${url}/stores/count/nobody`)).toMatchObject({
        status: 404,
        body: { code: 'SLUICE_QUERY_KEY' },
      })
    }
  })

  it('says which partition it cannot answer for when the other does not answer', async () => {
    const [first, second] = await two(true)
    await second.server.close()
    const answers = await Promise.all(KEYS.map((key) => get(`${first.url}/stores/count/${key}`)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 421]))
    expect(await get(`${first.url}/stores/count`)).toMatchObject({
      status: 421,
      body: { code: 'SLUICE_QUERY_ELSEWHERE' },
    })
  })

  it('answers for itself only where the other does not say where it is', async () => {
    const [first] = await two(false)
    const answers = await Promise.all(KEYS.map((key) => get(`${first.url}/stores/count/${key}`)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 421]))
  })
})

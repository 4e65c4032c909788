/** `start` inside a program: states and their events, ways to close, failures as errors of the table, several at once. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from 'sluice'
import { loadConfig, openRuntime, start } from 'sluice/embed'
import type { App } from 'sluice'
import type { AppState, Service } from 'sluice/embed'
import { said } from './command.ts'

const words = topic('words', { key: string, value: json<string>() })

function copy(name: string, work: (word: string) => string = (word) => word): App {
  return defineApp(name, (flow) => {
    flow
      .stream(words)
      .mapValues(work)
      .to(topic(`${name}-out`, { key: string, value: json<string>() }))
  })
}

function reached(app: Service, wanted: AppState): Promise<void> {
  if (app.state === wanted) return Promise.resolve()
  return new Promise((resolve) => {
    const stop = app.onState((state) => {
      if (state !== wanted) return
      stop()
      resolve()
    })
  })
}

describe('start', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-start-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('tells every state, and gives its folder back', async () => {
    const app = await start(copy('states'), { folder })
    const seen: string[] = [app.state]
    app.onState((state, previous) => seen.push(`${previous}>${state}`))
    await reached(app, 'running')
    expect(app.tasks).toHaveLength(4)
    await app.close()
    await app.close()
    await app.ended
    expect(seen).toEqual(['starting', 'starting>running', 'running>closing', 'closing>closed'])
    await (await start(copy('states'), { folder })).close()
  })

  it('tells a listener given to it of the very first change', async () => {
    const seen: string[] = []
    const onState = (state: AppState, previous: AppState): void => void seen.push(`${previous}>${state}`)
    const app = await start(copy('told'), { folder, onState })
    await reached(app, 'running')
    await app.close()
    expect(seen).toEqual(['starting>running', 'running>closing', 'closing>closed'])
  })

  it('runs several applications in one process', async () => {
    const apps = await Promise.all([start(copy('one')), start(copy('two')), start(copy('three'))])
    await Promise.all(apps.map((app) => reached(app, 'running')))
    await apps[0].close()
    expect(apps.map(({ state }) => state)).toEqual(['closed', 'running', 'running'])
    await Promise.all(apps.map((app) => app.close()))
  })

  it('closes when its signal is aborted, and does not start with one that is', async () => {
    const stop = new AbortController()
    const app = await start(copy('aborted'), { folder, signal: stop.signal })
    stop.abort()
    await app.ended
    expect(app.state).toBe('closed')
    await expect(start(copy('aborted'), { signal: stop.signal })).rejects.toMatchObject({
      code: 'SLUICE_CLOSED',
    })
  })

  it('fails with an error of the table and releases everything, without hurting the program', async () => {
    const app = await start(
      copy('failing', () => {
        throw new Error('no such word')
      }),
      { folder, onProcessingError: 'fail' },
    )
    const seen: AppState[] = []
    app.onState((state) => seen.push(state))
    await app.close()
    // A folder with a record in it: the next start meets it.
    const runtime = await openRuntime({ folder })
    const producer = runtime.connect().producer({})
    await producer.init()
    const buffer = producer.buffer()
    buffer.append(producer.target('words', 0), 'k', '"w"', 1, [])
    await producer.send(buffer)
    await runtime.close()
    const again = await start(
      copy('failing', () => {
        throw new Error('no such word')
      }),
      { folder, onProcessingError: 'fail' },
    )
    await expect(again.ended).rejects.toMatchObject({ code: 'SLUICE_PROCESSING' })
    expect(again.state).toBe('failed')
    expect(again.failure?.message).toContain('no such word')
    expect(seen.at(-1)).toBe('closed')
    await (await openRuntime({ folder })).close()
  })

  it.each([
    [{ comitInterval: 5 }, 'SLUICE_CONFIG_UNKNOWN', 'did you mean "commitInterval"'],
    [
      { commitInterval: 'soon' },
      'SLUICE_CONFIG_INVALID',
      'start refused: commitInterval: expected a duration',
    ],
    [{ createTopicPartitions: 0 }, 'SLUICE_TOPIC_MISSING', 'topic "refused-out" does not exist'],
  ])('refuses %j', async (config, code, message) => {
    const refused = start(copy('refused'), config as object)
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string })
  })

  it('takes what sluice run would use, secrets as references', async () => {
    const file = join(folder, 'sluice.config.yaml')
    writeFileSync(
      file,
      'commitInterval: 20ms\nserverPort: 0\nserverToken: ${file:' + join(folder, 'token') + '}\n',
    )
    writeFileSync(join(folder, 'token'), 's3cret')
    const config = await loadConfig(file)
    expect(config).toMatchObject({ commitInterval: '20ms' })
    expect(JSON.stringify(config)).not.toContain('s3cret')
    const app = await start(copy('configured'), config)
    const status = async (token: string): Promise<number> =>
      (await fetch(`${app.url}/topics`, { headers: { authorization: `Bearer ${token}` } })).status
    expect([await status('guess'), await status('s3cret')]).toEqual([401, 200])
    await app.close()
    writeFileSync(file, 'comitInterval: 20ms\n')
    await expect(loadConfig(file)).rejects.toThrow(`${file}:1:1: unknown option "comitInterval"`)
  })

  it('leaves a folder that is in use alone', async () => {
    const app = await start(copy('first'), { folder })
    await expect(start(copy('second'), { folder })).rejects.toMatchObject({ code: 'SLUICE_FOLDER_LOCKED' })
    await app.close()
  })
})

describe('a program with signals: true', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'drains at %s and goes on living as long as it wants',
    async (signal) => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-signal-'))
      writeFileSync(
        join(folder, 'service.ts'),
        `
import { defineApp, json, string, topic } from 'sluice'
import { start } from 'sluice/embed'
const app = await start(defineApp('service', (flow) => {
  flow.stream(topic('in', { key: string, value: json() })).to(topic('out', { key: string, value: json() }))
}), { signals: true })
app.onState((state) => console.log(state))
await app.ended
await new Promise((resolve) => setTimeout(resolve, 50))
console.log('still here')
`,
      )
      writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
      const preload = new URL('../../scripts/from-source.ts', import.meta.url).href
      const child = spawn(process.execPath, ['--import', preload, 'service.ts'], { cwd: folder })
      let all = ''
      child.stdout.on('data', (text) => (all += String(text)))
      const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
      await said(child, 'running')
      child.kill(signal)
      expect(await ended).toBe(0)
      expect(all).toBe('running\nclosing\nclosed\nstill here\n')
      rmSync(folder, { recursive: true, force: true })
    },
  )
})

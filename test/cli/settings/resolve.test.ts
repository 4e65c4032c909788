/** Layers of settings: precedence, origins, lenient text, secrets that stay hidden, typos with their place. */
import { describe, expect, it } from 'vitest'
import { environmentLayer, flagLayer, programLayer, variableOf } from '../../../src/cli/settings/layers.ts'
import { resolveSettings } from '../../../src/cli/settings/resolve.ts'
import type { Layer, Resolved } from '../../../src/cli/settings/resolve.ts'
import { SETTING_NAMES } from '../../../src/cli/settings/spec.ts'
import { engineSettings } from '../../../src/engine/runtime/options.ts'
import { isSluiceError } from '../../../src/core/errors.ts'

const sources = {
  environment: { TOKEN: 's3cret', PORT: 'eighty' },
  readFile(path: string) {
    if (path === '/run/secrets/token') return 's3cret\n'
    if (path === '/etc/app.properties') return '# comment\nuser = ada\ntoken=s3cret=\nport: 8080\n'
    throw new Error(`ENOENT: ${path}`)
  },
}

const resolve = (...layers: readonly Layer[]): Resolved => resolveSettings(layers, sources)
const program = (config: object): Layer => programLayer(config, 'start shop')
const flags = (...set: readonly string[]): Layer => flagLayer({ set })

function problem(run: () => unknown): { readonly code: string; readonly all: string } {
  try {
    run()
  } catch (error) {
    if (isSluiceError(error))
      return { code: error.code, all: JSON.stringify([error.message, error.fix, error.details]) }
    throw error
  }
  throw new Error('nothing was thrown')
}

const shown = (resolved: Resolved, name: string): unknown =>
  resolved.all.find((setting) => setting.name === name)

describe('layers of settings', () => {
  const file: Layer = {
    kind: 'file',
    given: new Map([
      ['commitInterval', { value: '1s', place: 'sluice.config.yaml:1:17' }],
      ['folder', { value: './file', place: 'sluice.config.yaml:2:9' }],
      ['cacheEntries', { value: 5, place: 'sluice.config.yaml:3:15' }],
    ]),
  }
  const environment = environmentLayer({ SLUICE_FOLDER: './env', SLUICE_CACHE_ENTRIES: '6', HOME: '/' })

  it('are file, environment, flags; the later one wins and every value knows its origin', () => {
    const resolved = resolve(file, environment, flagLayer({ set: ['cacheEntries=7'] }))
    expect(resolved.settings).toMatchObject({ commitInterval: 1000, folder: './env', cacheEntries: 7 })
    expect(shown(resolved, 'commitInterval')).toMatchObject({
      origin: 'file',
      place: 'sluice.config.yaml:1:17',
    })
    expect(shown(resolved, 'folder')).toMatchObject({ origin: 'environment', place: 'SLUICE_FOLDER' })
    expect(shown(resolved, 'cacheEntries')).toMatchObject({ origin: 'flag', shown: 7 })
    expect(shown(resolved, 'slice')).toMatchObject({ origin: 'default', shown: 5, place: '' })
  })

  it('list every setting once', () => {
    expect(resolve().all.map(({ name }) => name)).toEqual(SETTING_NAMES)
  })

  it('take text for numbers and switches, and digits for text where text is wanted', () => {
    const { settings } = resolve(flags('sliceRecords=3', 'freezeState=true', 'folder=123', 'slice=7'))
    expect(settings).toMatchObject({ sliceRecords: 3, freezeState: true, folder: '123', slice: 7 })
  })

  it('agree with the engine on its defaults', () => {
    const { deadLetterTopic, ...defaults } = engineSettings('shop')
    const { settings } = resolve()
    const engine = Object.entries(defaults).map(([name]) => [
      name,
      (settings as Record<string, unknown>)[name.replace(/Ms$/, '')],
    ])
    expect(Object.fromEntries(engine)).toEqual({ ...defaults, createTopicPartitions: 4 })
    expect(deadLetterTopic).toBe('shop-dead-letters')
  })

  it.each([
    [
      () => resolve(program({ comitInterval: 3 })),
      'start shop: unknown option \\"comitInterval\\"; did you mean \\"commitInterval\\"',
    ],
    [
      () => resolve(flags('cacheEntires=3')),
      '--set cacheEntires: unknown option \\"cacheEntires\\"; did you mean \\"cacheEntries\\"',
    ],
    [
      () => resolve(environmentLayer({ SLUICE_COMIT_INTERVAL: '1s' })),
      'environment: unknown option \\"SLUICE_COMIT_INTERVAL\\"; did you mean \\"SLUICE_COMMIT_INTERVAL\\"',
    ],
    [
      () => resolve(environmentLayer({ SLUICE_SERVER_PORT: '99999' })),
      'SLUICE_SERVER_PORT: expected whole number 0 to 65535',
    ],
    [() => resolve(program({ commitInterval: 'soon' })), 'start shop: commitInterval: expected a duration'],
    [
      () => resolve(program({ broker: 'localhost:9092' })),
      "broker: expected 'embedded' | 'kafka://host:port,…', got ",
    ],
    [() => resolve(flags('cacheEntries')), '--set: expected name=value'],
  ])('refuse what is wrong with its place: %#', (run, message) => {
    expect(problem(run).all).toContain(message)
  })

  it('leave alone what Kubernetes announces of services with our name', () => {
    const { settings } = resolve(
      environmentLayer({
        SLUICE_SERVER_PORT: 'tcp://10.0.0.1:80',
        SLUICE_SERVER_PORT_80_TCP_ADDR: '10.0.0.1',
        SLUICE_SERVICE_HOST: '10.0.0.1',
        SLUICE_SERVICE_PORT_HTTP: '80',
        SLUICE_FOLDER: '',
      }),
    )
    expect(settings).toMatchObject({ serverPort: undefined, folder: undefined })
  })

  it('give each setting a variable of its own', () => {
    expect(variableOf('maxTaskIdle')).toBe('SLUICE_MAX_TASK_IDLE')
    expect(new Set(SETTING_NAMES.map(variableOf)).size).toBe(SETTING_NAMES.length)
  })
})

describe('secrets', () => {
  it.each([
    ['${env:TOKEN}', 's3cret'],
    ['${file:/run/secrets/token}', 's3cret'],
    ['${file:/etc/app.properties:token}', 's3cret='],
    ['${file:/etc/app.properties:user}-${env:TOKEN}', 'ada-s3cret'],
  ])('%s is read, and shown as what it is', (reference, secret) => {
    const resolved = resolve(program({ serverToken: reference, folder: reference }))
    expect(resolved.settings).toMatchObject({ serverToken: secret, folder: secret })
    expect(JSON.stringify(resolved.all)).not.toContain('s3cret')
    expect(shown(resolved, 'folder')).toMatchObject({ shown: reference })
  })

  it('may stand in a number', () => {
    expect(resolve(program({ serverPort: '${file:/etc/app.properties:port}' })).settings.serverPort).toBe(
      8080,
    )
  })

  it('stated openly are hidden where they are shown', () => {
    const resolved = resolve(program({ serverToken: 's3cret' }))
    expect(resolved.settings.serverToken).toBe('s3cret')
    expect(shown(resolved, 'serverToken')).toMatchObject({ shown: '(hidden)' })
  })

  it('that do not fit are not in the error either', () => {
    const { code, all } = problem(() => resolve(program({ cacheEntries: '${env:TOKEN}' })))
    expect(code).toBe('SLUICE_CONFIG_INVALID')
    expect(all).toContain('${env:TOKEN}')
    expect(all).not.toContain('s3cret')
  })

  it.each([
    ['${env:TOKNE}', 'the environment has no TOKNE'],
    ['${evn:TOKEN}', 'there is no provider \\"evn\\"; did you mean \\"env\\"?'],
    ['${file:/nowhere}', 'the file cannot be read: ENOENT: /nowhere'],
    ['${file:/etc/app.properties:tokn}', 'It has: user, token, port.'],
  ])('%s gives nothing, and says why', (reference, message) => {
    const { code, all } = problem(() => resolve(program({ serverToken: reference })))
    expect(code).toBe('SLUICE_CONFIG_SECRET')
    expect(all).toContain(message)
    expect(all).not.toContain('s3cret')
  })
})

/** `sluice config` and the configuration file as a user meets them. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { makeProject } from './command.ts'
import type { Project } from './command.ts'

const app = `
import { defineApp, json, string, topic } from 'sluice'
const orders = topic('orders', { key: string, value: json() })
export default defineApp('shop', (flow) => {
  flow.stream(orders).to(topic('copies', { key: string, value: json() }))
})
`

let project: Project
beforeAll(() => {
  project = makeProject({ 'app.ts': app })
})
afterAll(() => project.remove())

describe('sluice config', () => {
  afterEach(() => {
    for (const ending of ['ts', 'json', 'yaml'])
      rmSync(join(project.folder, `sluice.config.${ending}`), { force: true })
  })

  it('prints every value with its origin, secrets hidden', async () => {
    project.write('token', 's3cret')
    project.write('sluice.config.yaml', '# ours\ncommitInterval: 1s\nserverToken: ${file:token}\n')
    const { stdout, code } = await project.sluice('config', 'app.ts', '--port', '8080')
    expect(stdout).toMatch(/^commitInterval +1000 ms +sluice\.config\.yaml:2:17$/m)
    expect(stdout).toMatch(/^serverPort +8080 +flag --port$/m)
    expect(stdout).toMatch(/^serverToken +\$\{file:token\} +sluice\.config\.yaml:3:14$/m)
    expect(stdout).toMatch(/^deadLetterTopic +shop-dead-letters +default$/m)
    expect(stdout).not.toContain('s3cret')
    expect(code).toBe(0)
  })

  it('reads TypeScript, and gives JSON', async () => {
    project.write('sluice.config.ts', 'const ms: number = 250\nexport default { commitInterval: ms }\n')
    const { stdout } = await project.sluice('config', '--json')
    expect(JSON.parse(stdout)).toContainEqual({
      name: 'commitInterval',
      value: 250,
      origin: 'file',
      place: 'sluice.config.ts',
      variable: 'SLUICE_COMMIT_INTERVAL',
    })
  })

  it('is what sluice run uses', async () => {
    project.write('mine.json', '{ "commitInterval": "50ms", "guarantee": "at-least-once" }')
    const args = ['run', 'app.ts', '--config', 'mine.json', '--for', '50ms', '--json'] as const
    const { stdout } = await project.sluice(...args)
    expect(JSON.parse(stdout.split('\n')[0]!)).toMatchObject({
      commitIntervalMs: 50,
      guarantee: 'at-least-once',
    })
  })

  it.each([
    [
      'sluice.config.yaml',
      'folder: data\ncomitInterval: 1s\n',
      'sluice.config.yaml:2:1: unknown option "comitInterval"; did you mean "commitInterval"?',
    ],
    [
      'sluice.config.json',
      '{\n  "cacheEntries": "many"\n}',
      'sluice.config.json:2:19: cacheEntries: expected whole number',
    ],
    ['sluice.config.json', '{ "folder": "data", }}', 'sluice.config.json:1:22: not a configuration'],
    ['sluice.config.yaml', '- folder\n', 'sluice.config.yaml:1:1: not a configuration: expected settings'],
    [
      'sluice.config.ts',
      'export const folder = 1',
      'sluice.config.ts: not a configuration: its default export',
    ],
  ])('refuses %s with the place: %#', async (name, content, message) => {
    project.write(name, content)
    const { stderr, code } = await project.sluice('config')
    expect(stderr).toContain(message)
    expect(code).toBe(1)
  })

  it('refuses two files, and one that is not there', async () => {
    project.write('sluice.config.yaml', 'folder: data')
    project.write('sluice.config.json', '{}')
    expect((await project.sluice('config')).stderr).toContain('there is also sluice.config.yaml')
    expect((await project.sluice('config', '--config', 'nowhere.yaml')).stderr).toContain(
      'there is no such file',
    )
  })
})

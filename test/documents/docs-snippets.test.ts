/**
 * Every TypeScript block of docs/ type-checks; every application among them runs on the test driver, with the input and the
 * output that the page shows; every test among them passes.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { projectFiles } from '../../src/cli/init-files.ts'
import type { HttpClient } from '../../src/core/http.ts'
import type { App } from '../../src/index.ts'
import { createDriver } from '../../src/testing/index.ts'
import type { Driver } from '../../src/testing/index.ts'
import { docsPages, linesOf, modulesOf, pageOf } from './docs-page.ts'
import type { Page } from './docs-page.ts'

const root = new URL('../../', import.meta.url).pathname
const pages = docsPages(root).filter((page) => modulesOf(page).size > 0)
const APP = /^export default defineApp\(/m

interface Input {
  readonly topic: string
  readonly key: string
  readonly value: unknown
  /** Event time, ms. Input: default 0. Output: shown where time matters. */
  readonly timestamp?: number
}

interface Answer {
  readonly request: string
  readonly status: number
  readonly body?: unknown
}

let folder: string

/** One folder per page, since each page has its own `app.ts`. */
const folderOf = (page: Page): string => join(folder, page.name.replace(/\.md$/, ''))

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-docs-'))
  for (const page of pages) write(page)
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const doors = { '': 'index', '/embed': 'cli/embed', '/enrich': 'enrich/index', '/serdes': 'serdes/index' }
  const paths = Object.entries({ ...doors, '/testing': 'testing/index' }).map(([door, file]) => [
    `sluice${door}`,
    [join(root, `src/${file}.ts`)],
  ])
  const compilerOptions = {
    noEmit: true,
    noUnusedLocals: false,
    paths: Object.fromEntries([...paths, ['zod', [join(root, 'node_modules/zod/index.d.ts')]]]) as object,
    typeRoots: [join(root, 'node_modules/@types')],
  }
  const config = { extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['**/*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(page: Page): void {
  for (const [name, text] of modulesOf(page)) {
    const file = join(folderOf(page), name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}

/** Complaints about files of the folder; other people's sources are not this test's business. */
function typeErrors(): readonly string[] {
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { stdout } = spawnSync(tsc, ['-p', folder, '--pretty', 'false'], { cwd: folder, encoding: 'utf8' })
  return stdout.split('\n').filter((line) => /^[^\s.].*\(\d+,\d+\): error/.test(line))
}

describe('the TypeScript of docs/', () => {
  it('type-checks in strict mode, and would not if it were wrong', () => {
    const wrong = pageOf('wrong.md', "```ts\nimport { topic } from 'sluice'\ntopic(7)\n```\n")
    write(wrong)
    const errors = typeErrors()
    rmSync(folderOf(wrong), { recursive: true })
    expect(errors.filter((line) => !line.startsWith('wrong/'))).toEqual([])
    expect(errors.join('\n')).toContain('wrong/snippet-1.ts(2,')
  })

  it('is all found', () => {
    const fences = pages.flatMap(({ text }) => text.match(/^```ts\b/gm) ?? [])
    expect(fences.length).toBeGreaterThan(15)
    expect(pages.flatMap((page) => [...modulesOf(page)])).toHaveLength(fences.length)
  })
})

const REFERENCE = 'reference/'
const told = pages.filter(({ name }) => !name.startsWith(REFERENCE))
const apps = told.flatMap((page) =>
  [...modulesOf(page)]
    .filter(([, text]) => APP.test(text))
    .map(([file]) => ({ name: `${page.name} ${file}`, page, file })),
)

describe.each(apps)('$name', ({ page, file }) => {
  it('turns the input on the page into the output on the page', async () => {
    const path = join(folderOf(page), file)
    const { default: app } = (await import(/* @vite-ignore */ path)) as { readonly default: App }
    const driver = await createDriver(app.plan(), {
      http: answering(linesOf(page, 'answers', file) as readonly Answer[]),
    })
    const input = linesOf(page, 'input', file) as readonly Input[]
    expect(input.length).toBeGreaterThan(0)
    for (const record of input) pipe(driver, record)
    await rest(driver)
    const sinks = new Set([...app.plan().sinkTopics, `${app.name}-dead-letters`])
    const output = linesOf(page, 'output', file) as readonly Input[]
    const timed = output.some(({ timestamp }) => timestamp !== undefined)
    const came = [...sinks].flatMap((topic) => read(driver, topic, timed))
    expect(came).toEqual(output)
    driver.close()
  })
})

const bytes = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))

function pipe(driver: Driver, { topic, key, value, timestamp = 0 }: Input): void {
  const content = value === null ? null : Buffer.from(JSON.stringify(value))
  driver.pipeBytes({ topic, key: bytes(key), value: content, timestamp, headers: [] })
}

/** What waits for a retry or a timeout waits for the clock. */
async function rest(driver: Driver): Promise<void> {
  await driver.settle()
  for (let left = 100; driver.pending > 0 && left > 0; left--) {
    driver.advance(1000)
    await driver.settle()
  }
}

function read(driver: Driver, topic: string, timed: boolean): readonly Input[] {
  return driver.readBytes(topic).map(({ key, value, timestamp }) => ({
    topic,
    key: String(Buffer.from(key ?? [])),
    value: value === null ? null : (JSON.parse(String(Buffer.from(value))) as unknown),
    ...(timed ? { timestamp } : {}),
  }))
}

/** The service as the page describes it; anything else is asked in vain. */
function answering(answers: readonly Answer[]): HttpClient {
  return {
    request({ method, origin, path }) {
      const asked = `${method} ${origin}${path}`
      const answer = answers.find(({ request }) => request === asked)
      if (answer === undefined) return Promise.reject(new Error(`the page has no answer to ${asked}`))
      const { status, body } = answer
      const headers = { 'content-type': 'application/json' }
      return Promise.resolve({
        status,
        headers,
        body: body === undefined ? Buffer.alloc(0) : bytes(JSON.stringify(body)),
      })
    },
    close: () => Promise.resolve(),
  }
}

const examples = pages
  .filter(({ name }) => name.startsWith(REFERENCE))
  .flatMap((page) =>
    [...modulesOf(page)].map(([file, text]) => ({ name: `${page.name} ${file}`, page, file, text })),
  )

describe('the examples of the reference', () => {
  it.each(examples)('$name runs to its end', async ({ page, file, text }) => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {})
    expect(text).not.toContain("from './")
    await import(/* @vite-ignore */ join(folderOf(page), file))
    log.mockRestore()
  })
})

const tests = pages.flatMap((page) =>
  [...modulesOf(page).keys()]
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => ({ name: `${page.name} ${file}`, page, file })),
)

describe.each(tests)('$name', ({ page, file }) => {
  it('passes under node:test, as it stands there', () => {
    const preload = join(root, 'scripts/from-source.ts')
    const { stdout, status } = spawnSync(process.execPath, ['--import', preload, '--test', file], {
      cwd: folderOf(page),
      encoding: 'utf8',
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    })
    expect(stdout).toMatch(/^(?:ℹ|#) pass [1-9]/m)
    expect({ status, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stdout: '' })
  })
})

describe('the tests of docs/guides/test.md', () => {
  it('pass under vitest, too', () => {
    const page = pages.find(({ name }) => name === 'guides/test.md')!
    // Inside the repository, where `vitest` is found.
    const project = join(root, '.vitest/docs')
    mkdirSync(project, { recursive: true })
    const config = `import config from '../../vitest.config.ts'\nexport default { ...config, test: { include: ['*.test.ts'] } }\n`
    writeFileSync(join(project, 'vitest.config.ts'), config)
    for (const [name, text] of modulesOf(page)) {
      writeFileSync(join(project, name), text.replace("from 'node:test'", "from 'vitest'"))
    }
    const vitest = join(root, 'node_modules/vitest/vitest.mjs')
    const { stdout, stderr, status } = spawnSync(process.execPath, [vitest, 'run'], {
      cwd: project,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    })
    rmSync(project, { recursive: true, force: true })
    expect(stdout + stderr).toMatch(/Tests +[5-9]/)
    expect({ status, stdout: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, stdout: '' })
  })
})

/** A program that embeds Sluice runs to its end: it says so by its name. */
const programs = pages.flatMap((page) =>
  [...modulesOf(page).keys()]
    .filter((file) => file === 'service.ts')
    .map((file) => ({ name: `${page.name} ${file}`, page, file })),
)

/** Sends the signal when the program says that it runs: any earlier, and nobody would be there to take it. */
const STOPS = `const { log } = console
console.log = (...said) => {
  log(...said)
  if (String(said[0]).endsWith('is running')) process.kill(process.pid, 'SIGTERM')
}
`

describe.each(programs)('$name', ({ page, file }) => {
  it('starts, is told to stop by SIGTERM, and ends well', () => {
    writeFileSync(join(folderOf(page), 'stopped.mjs'), `${STOPS}await import('./${file}')\n`)
    const preload = join(root, 'scripts/from-source.ts')
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', preload, 'stopped.mjs'], {
      cwd: folderOf(page),
      encoding: 'utf8',
      timeout: 20_000,
    })
    expect(stdout.trim().split('\n').at(-1)).toMatch(/ is closed /)
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  })
})

describe('docs/getting-started.md', () => {
  const files = projectFiles({ name: 'my-app', test: 'node', sluice: '^0.1.0' })
  const page = pages.find(({ name }) => name === 'getting-started.md')!

  it.each(['app.ts', 'app.test.ts'])('shows the %s that sluice init makes', (name) => {
    expect(modulesOf(page).get(name)).toBe(files.get(name))
  })
})

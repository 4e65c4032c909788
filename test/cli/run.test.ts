/** `sluice run` as a user meets it: input and output, restarts, clean ends, and every refusal with a code and a way out. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeProject, said } from './command.ts'
import type { Project } from './command.ts'

const counting = `
import { defineApp, json, string, topic } from 'sluice'
const orders = topic('orders', { key: string, value: json<{ customer: string }>() })
export default defineApp('counting', (flow) => {
  flow.stream(orders).groupBy((order) => order.customer).count({ name: 'per-customer', emit: 'every' })
    .toStream().to(topic('counts', { key: string, value: json() }))
})
`

const joining = `
import { defineApp, json, string, topic } from 'sluice'
const orders = topic('orders', { key: string, value: json<object>() })
const customers = topic('customers', { key: string, value: json<object>() })
export default defineApp('joining', (flow) => {
  flow.stream(orders).join(flow.table(customers), (order, customer) => ({ ...order, ...customer }))
    .to(topic('joined', { key: string, value: json() }))
})
`

function order(at: number): string {
  return `${JSON.stringify({ key: `o${at}`, value: { customer: `c${at % 3}` } })}\n`
}

interface Count {
  readonly key: string
  readonly value: number
}

/** The last count of each customer. */
function counts(stdout: string): Readonly<Record<string, number>> {
  const records = stdout.split('\n').filter((line) => line !== '')
  return Object.fromEntries(
    records.map((line) => JSON.parse(line) as Count).map(({ key, value }) => [key, value]),
  )
}

let project: Project
beforeAll(() => {
  const orders = Array.from({ length: 30 }, (_, at) => order(at)).join('')
  project = makeProject({ 'app.ts': counting, 'orders.jsonl': orders })
})
afterAll(() => project.remove())

const run = ['run', 'app.ts', '--input', 'orders=orders.jsonl', '--print', 'counts'] as const

describe('sluice run', () => {
  it('reads the input, prints the results and stops when all is done', async () => {
    const { code, stdout, stderr } = await project.sluice(...run, '--until-done')
    expect(counts(stdout)).toEqual({ c0: 10, c1: 10, c2: 10 })
    expect(stdout.trim().split('\n')).toHaveLength(30)
    expect(stderr).toContain('reads    orders\n')
    expect(stderr).toContain('writes   counts\n')
    expect(stderr).toContain('per-customer (in memory)')
    expect(code).toBe(0)
  })

  it('goes on where it stopped with --folder, reading only what is new', async () => {
    const folder = ['--folder', 'data', '--until-done'] as const
    await project.sluice(...run, ...folder)
    appendFileSync(join(project.folder, 'orders.jsonl'), order(30) + order(31))
    const { stdout, stderr } = await project.sluice(...run, ...folder)
    expect(stdout.trim().split('\n')).toHaveLength(2)
    expect(counts(stdout)).toEqual({ c0: 11, c1: 11 })
    expect(stderr).toContain(join('data', 'state'))
  })

  it('says start and end as JSON lines with --json', async () => {
    const { stdout, stderr } = await project.sluice('run', 'app.ts', '--json', '--for', '100ms')
    const [first, last] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(first).toMatchObject({
      event: 'started',
      application: 'counting',
      reads: ['orders'],
      guarantee: 'exactly-once',
    })
    expect(last).toEqual({ event: 'stopped', application: 'counting' })
    expect(stderr).toBe('')
  })

  it('logs nothing at info once it runs, and draws no view where there is no terminal', async () => {
    const { stderr, code } = await project.sluice(...run, '--until-done', '--log-level', 'info', '--view')
    expect(code).toBe(0)
    expect(stderr).not.toContain('\u001B')
    expect(
      stderr
        .slice(stderr.indexOf('is running'))
        .split('\n')
        .filter((line) => line.startsWith('{')),
    ).toEqual([])
  })

  it('logs with the ids of what went wrong', async () => {
    project.write('broken.jsonl', '{"key":"o1","value":{}}\n')
    const args = ['--input', 'orders=broken.jsonl', '--until-done'] as const
    project.write('strict.ts', counting.replace('order.customer)', 'order.customer.toUpperCase())'))
    const { stderr } = await project.sluice('run', 'strict.ts', ...args)
    const line = stderr.split('\n').find((one) => one.startsWith('{'))!
    expect(JSON.parse(line)).toMatchObject({
      level: 40,
      application: 'counting',
      topic: 'orders',
      offset: 0,
      code: 'SLUICE_PROCESSING',
      task: expect.stringMatching(/^0_\d$/) as string,
    })
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('ends cleanly at %s and gives the folder back', async (signal) => {
    const { child, ended } = project.start(...run, '--folder', 'signals')
    await said(child, 'is running')
    child.kill(signal)
    const { code, stderr } = await ended
    expect(stderr).toContain('stopped: everything is committed')
    expect(code).toBe(0)
    expect((await project.sluice(...run, '--folder', 'signals', '--until-done')).code).toBe(0)
  })

  it('refuses a folder that another process uses', async () => {
    const { child, ended } = project.start('run', 'app.ts', '--folder', 'shared')
    await said(child, 'is running')
    const { code, stderr } = await project.sluice('run', 'app.ts', '--folder', 'shared')
    expect(stderr).toContain('SLUICE_FOLDER_LOCKED')
    expect(stderr).toContain(`in use by process ${child.pid}`)
    expect(code).toBe(1)
    child.kill('SIGTERM')
    await ended
  })

  it('refuses a missing topic when it may not create any', async () => {
    const { code, stderr } = await project.sluice('run', 'app.ts', '--create-topics', '0')
    expect(stderr).toMatch(/error SLUICE_TOPIC_MISSING\n {2}topic "(orders|counts)" does not exist/)
    expect(stderr).toContain('What to do: ')
    expect(code).toBe(1)
  })

  it.each([
    [
      ['--input', 'order=orders.jsonl'],
      "--input: expected one of the application's topics: orders, got order (did you mean orders?)",
    ],
    [['--print', 'count'], 'did you mean counts?'],
    [['--input', 'orders=nowhere.jsonl'], 'expected an existing file, got nowhere.jsonl'],
    [['--input', 'orders'], 'Expected topic=file'],
    [['--comit-interval', '1s'], "unknown option '--comit-interval'"],
    [['--commit-interval', 'soon'], '--commit-interval: expected a duration such as 250ms'],
    [['--guarantee', 'maybe'], "--guarantee: expected 'exactly-once' | 'at-least-once', got \"maybe\""],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await project.sluice('run', 'app.ts', ...args)
    expect(stderr).toContain(message)
    expect(code).toBe(1)
  })

  it('names file and line of input that is not a record', async () => {
    project.write('bad.jsonl', `${order(1)}{"valeu":1}\n`)
    const { code, stderr } = await project.sluice(
      'run',
      'app.ts',
      '--input',
      'orders=bad.jsonl',
      '--until-done',
    )
    expect(stderr).toContain('error SLUICE_SOURCE_INPUT\n  bad.jsonl:2: expected a JSON object')
    expect(code).toBe(1)
  })
})

describe('a folder of an earlier run', () => {
  it('refuses an application whose store was renamed, and says what changed', async () => {
    await project.sluice(...run, '--folder', 'renamed', '--until-done')
    project.write('renamed.ts', counting.replace('per-customer', 'by-customer'))
    const { code, stderr } = await project.sluice('run', 'renamed.ts', '--folder', 'renamed')
    expect(stderr).toContain('error SLUICE_STATE_INCOMPATIBLE')
    expect(stderr).toContain('per-customer')
    expect(stderr).toContain('What to do: ')
    expect(code).toBe(1)
  })

  it('refuses a join of topics with different partition counts', async () => {
    await project.sluice(...run, '--folder', 'counts', '--create-topics', '2', '--until-done')
    project.write('join.ts', joining)
    const { code, stderr } = await project.sluice(
      'run',
      'join.ts',
      '--folder',
      'counts',
      '--create-topics',
      '3',
    )
    expect(stderr).toContain('error SLUICE_COPARTITION')
    expect(stderr).toMatch(/orders.*2/)
    expect(stderr).toMatch(/customers.*3/)
    expect(code).toBe(1)
  })
})

describe('input that goes bad while it runs', () => {
  it('stops the command with file and line', async () => {
    project.write('live.jsonl', order(0))
    const { child, ended } = project.start('run', 'app.ts', '--input', 'orders=live.jsonl')
    await said(child, 'is running')
    appendFileSync(join(project.folder, 'live.jsonl'), 'no json\n')
    const { code, stderr } = await ended
    expect(stderr).toContain('live.jsonl:2: expected a JSON object')
    expect(code).toBe(1)
  })
})

describe('an application file', () => {
  it.each([
    ['const a: number = = 3', 'syntax.ts:1\nconst a: number = = 3'],
    ['const a = 1\nconst a = 2', "Identifier 'a' has already been declared"],
    ['enum Color { Red }', 'TypeScript enum is not supported in strip-only mode'],
    ['export const app = 1', 'it has no default export'],
    ['export default 42', 'its default export is a number, not an application'],
    ["import './nowhere.ts'", 'nowhere.ts'],
    ["\nthrow new Error('boom')", 'syntax.ts:2:7'],
  ])('%j is refused with the place', async (content, message) => {
    project.write('syntax.ts', content)
    const { code, stderr } = await project.sluice('run', 'syntax.ts')
    expect(stderr.replaceAll('\n  ', '\n')).toContain(message)
    expect(stderr).toMatch(/^error SLUICE_APP_LOAD\n {2}syntax\.ts: cannot be loaded: /)
    expect(code).toBe(1)
  })

  it('that is not there is refused', async () => {
    const { code, stderr } = await project.sluice('run', 'nowhere.ts')
    expect(stderr).toContain('there is no such file')
    expect(code).toBe(1)
  })

  it('in a CommonJS project is refused with the way out', async () => {
    const other = makeProject({ 'app.ts': counting, 'package.json': '{"type":"commonjs"}' })
    const { code, stderr } = await other.sluice('run', 'app.ts')
    expect(stderr).toContain('npm pkg set type=module')
    expect(code).toBe(1)
    other.remove()
  })
})

/** What every command has: help with an example, a way for programs, and words that complete. */
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeProject } from './command.ts'
import type { Ended, Project } from './command.ts'
import { sluiceAll } from './in-one-process.ts'

const COMMANDS = (
  'init,run,dev,explain,config,produce,consume,reset,' +
  'topics list,topics create,topics describe,topics delete,dlq list,dlq show,dlq redrive'
).split(',')

let project: Project
let helps: readonly Ended[]
let made: readonly Ended[]
beforeAll(() => {
  project = makeProject({})
  const commands = [
    ...COMMANDS.map((command) => [...command.split(' '), '--help']),
    ['completion', 'bash'],
    ['init', 'shop', '--yes', '--json'],
    ['explain', 'shop/app.ts', '--json'],
    [
      'run',
      'shop/app.ts',
      '--input',
      'ratings=shop/data/ratings.jsonl',
      '--print',
      'summaries',
      '--until-done',
    ],
  ]
  const all = sluiceAll(project.folder, commands)
  helps = all.slice(0, COMMANDS.length)
  made = all.slice(COMMANDS.length)
}, 60_000)
afterAll(() => project.remove())

it.each(COMMANDS.map((command, at) => [command, at] as const))(
  'sluice %s --help has --json and an example',
  (command, at) => {
    const { code, stdout } = helps[at]!
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  .*sluice ${command}`))
    expect(stdout).toContain('--json')
  },
)

it('completes commands, sub-commands, options and choices in bash', () => {
  const complete = (...words: readonly string[]): string => {
    const script = `${made[0]!.stdout}\nCOMP_WORDS=(sluice ${words.join(' ')})\nCOMP_CWORD=${words.length}\n_sluice\necho "\${COMPREPLY[@]}"`
    return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim()
  }
  expect(complete('d')).toBe('dev dlq')
  expect(complete('topics', 'li')).toBe('list')
  expect(complete('produce', '--key-format', 'int')).toBe('int16 int32 int64')
  expect(complete('dlq', 'redrive', '--from')).toBe('--from-letter')
})

it('makes a project that runs at once', () => {
  const [, init, explained, ran] = made
  expect(JSON.parse(init!.stdout)).toMatchObject({ event: 'initialised', name: 'shop' })
  expect(JSON.parse(explained!.stdout)).toMatchObject({
    application: 'shop',
    reads: ['ratings'],
    writes: ['summaries'],
  })
  expect(ran!.stdout).toContain('"key":"tea-green","value":{"count":2,"average":3.5}')
  expect(ran!.code).toBe(0)
})

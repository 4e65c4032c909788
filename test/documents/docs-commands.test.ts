/** The commands in docs/ exist with their options, and those of getting started do what the page says. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sluiceAll } from '../cli/in-one-process.ts'
import { docsPages } from './docs-page.ts'

const root = new URL('../../', import.meta.url).pathname
const pages = docsPages(root).filter(({ name }) => name !== 'decisions.md')
const WITH_SUBCOMMANDS = new Set(['topics', 'dlq'])

interface Mentioned {
  readonly command: readonly string[]
  readonly flags: readonly string[]
}

/** Whatever stands as a command: an indented line, or between backticks. */
function mentioned(text: string): readonly Mentioned[] {
  const lines = text.matchAll(/(?:^ {4}|`)(?:\w+=\S+ )?(?:npx )?sluice ([a-z][^`\n#]*)/gm)
  return Array.from(lines, ([, line]) => {
    const words = line!.trim().split(/\s+/)
    const length = WITH_SUBCOMMANDS.has(words[0]!) && /^[a-z]+$/.test(words[1] ?? '') ? 2 : 1
    const flags = words.filter((word) => word.startsWith('--') && word !== '--help')
    return { command: words.slice(0, length), flags: flags.map((flag) => flag.split('=')[0]!) }
  })
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-docs-commands-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the commands in docs/', () => {
  it('exist, with the options shown', () => {
    const all = pages.flatMap(({ text }) => mentioned(text))
    expect(all.length).toBeGreaterThan(20)
    const paths = [...new Set(all.map(({ command }) => command.join(' ')))]
    const outcomes = sluiceAll(
      folder,
      paths.map((path) => [...path.split(' '), '--help']),
    )
    const wrong = all.filter(({ command, flags }) => {
      const { stdout, code } = outcomes[paths.indexOf(command.join(' '))]!
      return code !== 0 || flags.some((flag) => !new RegExp(`^  ${flag}[ ,]`, 'm').test(stdout))
    })
    expect(wrong).toEqual([])
  })
})

describe('docs/getting-started.md', () => {
  const page = pages.find(({ name }) => name === 'getting-started.md')!

  /** A command as the page has it, as words. */
  function shown(command: string): readonly string[] {
    expect(page.text).toContain(`    npx sluice ${command}\n`)
    return command.split(' ')
  }

  it('can be followed to its end', () => {
    const project = join(folder, 'my-app')
    mkdirSync(project)
    sluiceAll(project, [shown('init --yes')])
    const { scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
      readonly scripts: { readonly start: string }
    }
    const start = scripts.start.split(' ').slice(1)
    const [line] = /(?<=echo ')\{.*null\}(?=')/.exec(page.text)!
    appendFileSync(join(project, 'data/ratings.jsonl'), `${line}\n`)
    const broken = sluiceAll(project, [
      start,
      shown('dlq list --folder data/run'),
      shown('dlq show 0 --folder data/run'),
    ])
    expect(broken.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(broken[0]!.stdout).toContain('"key":"tea-green","value":{"count":2,"average":3.5}')
    expect(broken[1]!.stdout).toContain('SLUICE_PROCESSING')
    expect(broken[2]!.stdout).toContain('Cannot read properties of null')

    const app = readFileSync(join(project, 'app.ts'), 'utf8')
    const correction = /^`(\.filter\(.*\))` before/m.exec(page.text)![1]!
    writeFileSync(join(project, 'app.ts'), app.replace('.selectKey', `${correction}\n    .selectKey`))
    const mended = sluiceAll(project, [
      shown('dlq redrive --all --folder data/run'),
      start,
      shown('dlq list --folder data/run'),
    ])
    expect(mended[0]!.stdout).toContain('1 redriven')
    expect(mended[1]!).toMatchObject({ code: 0, stdout: '' })
    expect(mended[2]!.stdout + mended[2]!.stderr).toContain('no dead letters')
  })
})

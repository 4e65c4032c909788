/** Command `sluice init`: a project that runs at once. It asks only on a terminal and never overwrites what is there. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import { Command, Option } from 'commander'
import { problemOf, sluiceError } from '../core/errors.ts'
import { jsonLine } from './columns.ts'
import { projectFiles } from './init-files.ts'
import type { TestRunner } from './init-files.ts'

interface InitOptions {
  readonly name?: string
  readonly test?: TestRunner
  readonly sluice?: string
  readonly yes: boolean
  readonly force: boolean
  readonly json: boolean
}

const RUNNERS = ['node', 'vitest'] as const

/** The command with its options. */
export function initCommand(): Command {
  return new Command('init')
    .description('Make a project: an application, a test, a Dockerfile. Then: npm install && npm start.')
    .argument('[dir]', 'its folder; asked for on a terminal, else the present one')
    .option('--name <name>', 'name of application and package (default: of the folder)')
    .addOption(new Option('--test <runner>', 'node: node:test, nothing to install; vitest').choices(RUNNERS))
    .option(
      '--sluice <spec>',
      'what package.json asks for, for instance file:../sluice-0.1.0.tgz (default: as here)',
    )
    .option('--yes', 'take the defaults, ask nothing', false)
    .option('--force', 'overwrite files that are there', false)
    .option('--json', 'for programs: the files made as JSON on stdout', false)
    .addHelpText('after', '\nExample:\n  sluice init my-app --test vitest')
    .action(init)
}

async function init(given: string | undefined, options: InitOptions): Promise<void> {
  const asks = process.stdin.isTTY && process.stdout.isTTY && !options.yes && !options.json
  const answers = asks ? await ask(given, options) : { dir: given ?? '.', test: options.test ?? 'node' }
  const folder = resolve(answers.dir)
  const name = checkedName(options.name ?? asName(basename(folder)), options.name !== undefined)
  const sluice = options.sluice ?? sluiceSpec(folder)
  const files = projectFiles({ name, test: answers.test, sluice })
  const made = write(folder, files, options.force)
  if (options.json)
    return void process.stdout.write(jsonLine({ event: 'initialised', folder, name, files: made }))
  const there = relative(process.cwd(), folder)
  const enter = there === '' ? '' : `  cd ${there}\n`
  process.stdout.write(`made ${made.join(', ')}\n\n${enter}  npm install\n  npm start\n  npm test\n`)
}

interface Answers {
  readonly dir: string
  readonly test: TestRunner
}

async function ask(given: string | undefined, { test }: InitOptions): Promise<Answers> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const dir = given ?? ((await terminal.question('Folder (my-app): ')).trim() || 'my-app')
    for (;;) {
      const answer =
        test ?? ((await terminal.question('Tests with node or vitest (node): ')).trim() || 'node')
      const runner = RUNNERS.find((one) => one === answer)
      if (runner !== undefined) return { dir, test: runner }
    }
  } finally {
    terminal.close()
  }
}

/** All or nothing: what is there is found before anything is written. A package.json is completed, not replaced. */
function write(folder: string, files: ReadonlyMap<string, string>, force: boolean): readonly string[] {
  const there = [...files.keys()].filter((name) => name !== 'package.json' && existsSync(join(folder, name)))
  if (there.length > 0 && !force) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `sluice init ${relative(process.cwd(), folder) || '.'}`,
      expected: 'a folder without these files, or --force to overwrite them',
      came: there.join(', '),
    })
  }
  try {
    for (const [name, content] of files) {
      const path = join(folder, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, name === 'package.json' ? completed(path, content) : content)
    }
  } catch (error) {
    const { code = '', path = folder } = error as NodeJS.ErrnoException
    throw sluiceError('SLUICE_DISK', { path, operation: 'write', code, problem: problemOf(error) }, error)
  }
  return [...files.keys()]
}

type Package = Readonly<Record<string, unknown>>

/** Scripts and dependencies that are there stay; the type has to be `module`. */
function completed(path: string, content: string): string {
  if (!existsSync(path)) return content
  const [old, made] = [readPackage(path), JSON.parse(content) as Package]
  const merged: Record<string, unknown> = { ...made, ...old, type: 'module' }
  for (const part of ['scripts', 'dependencies', 'devDependencies']) {
    const theirs = (old[part] ?? {}) as Package
    // `npm init` writes a test script that only fails.
    const kept = Object.entries(theirs).filter(
      ([name, text]) => name !== 'test' || !String(text).includes('no test specified'),
    )
    merged[part] = { ...(made[part] as Package), ...Object.fromEntries(kept) }
  }
  return `${JSON.stringify(merged, undefined, 2)}\n`
}

function readPackage(path: string): Package {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Package
  } catch (error) {
    throw sluiceError(
      'SLUICE_CONFIG_INVALID',
      { place: path, expected: 'JSON', came: problemOf(error) },
      error,
    )
  }
}

/**
 * The project gets the Sluice that made it: as the nearest package.json here asks for it, as the checkout this runs from, or
 * by its version.
 */
function sluiceSpec(folder: string): string {
  const asked = askedFor(process.cwd())
  if (asked !== undefined) {
    const file = /^file:(.+)$/.exec(asked.spec)?.[1]
    return file === undefined ? asked.spec : fileSpec(folder, resolve(asked.folder, file))
  }
  const own = fileURLToPath(new URL('../../', import.meta.url))
  if (!/[\\/]node_modules[\\/]/.test(own)) return fileSpec(folder, own)
  return `^${String(readPackage(join(own, 'package.json'))['version'])}`
}

function fileSpec(folder: string, target: string): string {
  return `file:${relative(folder, target)}`
}

function askedFor(folder: string): { readonly folder: string; readonly spec: string } | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, 'package.json')
    const content = existsSync(path) ? readPackage(path) : {}
    const spec = (content['dependencies'] as Package | undefined)?.['sluice']
    if (typeof spec === 'string') return { folder: at, spec }
    if (at === dirname(at)) return undefined
  }
}

/** Folder names may hold what names of packages and topics may not. */
function asName(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[._-]+|[._-]+$/g, '') || 'app'
  )
}

function checkedName(name: string, byUser: boolean): string {
  if (asName(name) === name) return name
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: byUser ? '--name' : 'sluice init',
    expected: `small letters, digits, ".", "_" and "-", for instance ${asName(name)}`,
    came: name,
  })
}

/** Holds the code to the rules of the house, and holds each rule to a planted violation that it must catch. */
import { describe, expect, test } from 'vitest'
import {
  bannedCode,
  emptyNames,
  importCycles,
  longestFile,
  longFiles,
  silentFiles,
  strayDrivers,
  straySockets,
  wrongImports,
} from './architecture/rules.ts'
import { listFiles, readSources, sourceFile } from './architecture/source.ts'

const root = new URL('../', import.meta.url)
const folders = ['src', 'test', 'scripts', 'examples', 'bench']
const files = readSources(root, folders)
const src = files.filter(({ path }) => path.startsWith('src/'))

describe('the code', () => {
  test('imports only along the table of folders', () => expect(wrongImports(src)).toEqual([]))
  test('opens sockets in one place only', () => expect(straySockets(src)).toEqual([]))
  test('loads drivers of outside systems in sources only', () => expect(strayDrivers(src)).toEqual([]))
  test('has no import cycle', () => expect(importCycles(files)).toEqual([]))
  test('has no file that is too long', () => expect(longFiles(files)).toEqual([]))
  test('has no folder or file named after nothing', () =>
    expect(emptyNames(listFiles(root, folders))).toEqual([]))
  test('says at the top of each source file what it is for', () => expect(silentFiles(src)).toEqual([]))
  test('has no export * and reads no clock behind the port', () => expect(bannedCode(files)).toEqual([]))
})

describe('a file is read as', () => {
  const imports = (content: string): readonly string[] =>
    sourceFile('src/engine/runtime/a.ts', content).imports

  test('importing what it names, in every form', () => {
    expect(imports(`import { a } from './b.ts'`)).toEqual(['src/engine/runtime/b.ts'])
    expect(imports(`import type {\n  A,\n  B\n} from '../state/c.ts'`)).toEqual(['src/engine/state/c.ts'])
    expect(imports(`export { a } from "../../core/d.ts"`)).toEqual(['src/core/d.ts'])
    expect(imports(`import '../e.ts'`)).toEqual(['src/engine/e.ts'])
    expect(imports(`const f = await import('./f.ts')`)).toEqual(['src/engine/runtime/f.ts'])
    expect(imports(`let g: import('./g.ts').G`)).toEqual(['src/engine/runtime/g.ts'])
    expect(imports(`import { topic } from 'sluice'`)).toEqual(['src/index.ts'])
    expect(imports(`import { request } from 'undici'`)).toEqual([])
  })

  test('not importing what a comment or a literal mentions', () => {
    expect(imports(`// import './b.ts'\n/* from './c.ts' */`)).toEqual([])
    expect(imports('const init = `import { a } from "./b.ts"`')).toEqual([])
    expect(imports(`const quote = /'/; import './b.ts'; const end = /["'\`]/`)).toEqual([
      'src/engine/runtime/b.ts',
    ])
  })
})

describe('a planted violation is caught:', () => {
  test.each([
    ['src/core/a.ts', '../engine/topology/b.ts'],
    ['src/platform/a.ts', '../engine/topology/b.ts'],
    ['src/engine/topology/a.ts', '../operators/b.ts'],
    ['src/engine/topology/a.ts', '../state/b.ts'],
    ['src/engine/state/a.ts', '../topology/b.ts'],
    ['src/engine/runtime/a.ts', '../operators/b.ts'],
    ['src/engine/operators/a.ts', '../runtime/b.ts'],
    ['src/engine/runtime/a.ts', '../../platform/b.ts'],
    ['src/enrich/a.ts', '../engine/topology/b.ts'],
    ['src/connect/a.ts', '../serdes/b.ts'],
    ['src/connectors/jdbc/a.ts', '../../connect/worker.ts'],
    ['src/connectors/jdbc/a.ts', '../mongodb/b.ts'],
    ['src/brokers/embedded/a.ts', '../../stores/b.ts'],
    ['src/serdes/a.ts', '../enrich/b.ts'],
    ['src/languages/dsl/a.ts', '../../engine/runtime/b.ts'],
    ['src/languages/sql/a.ts', '../../serdes/b.ts'],
    ['src/server/a.ts', '../brokers/kafka/b.ts'],
    ['src/server/a.ts', '../testing/b.ts'],
    ['src/testing/a.ts', '../brokers/kafka/b.ts'],
    ['src/enrich/a.ts', 'sluice'],
    ['src/somewhere/a.ts', '../core/b.ts'],
  ])('%s imports %s', (path, specifier) => {
    expect(wrongImports([sourceFile(path, `import type { B } from '${specifier}'`)])).toHaveLength(1)
  })

  test.each([
    ['src/engine/runtime/a.ts', '../topology/b.ts'],
    ['src/engine/operators/join/a.ts', '../../topology/b.ts'],
    ['src/connectors/jdbc/a.ts', '../../connect/index.ts'],
    ['src/connectors/index.ts', './jdbc/b.ts'],
    ['src/languages/dsl/a.ts', '../../engine/operators/b.ts'],
    ['src/server/a.ts', '../brokers/embedded/b.ts'],
    ['src/cli/run.ts', '../brokers/kafka/b.ts'],
    ['src/index.ts', './platform/b.ts'],
  ])('not so: %s imports %s', (path, specifier) => {
    expect(wrongImports([sourceFile(path, `import type { B } from '${specifier}'`)])).toEqual([])
  })

  test('a socket elsewhere', () => {
    const stray = (path: string): number =>
      straySockets([sourceFile(path, `import { connect } from 'node:tls'`)]).length
    expect(stray('src/brokers/kafka/fetch/a.ts')).toBe(1)
    expect(stray('src/brokers/kafka/network/a.ts')).toBe(0)
  })

  test('a driver outside of the sources', () => {
    const stray = (path: string): number => strayDrivers([sourceFile(path, `import('pg')`)]).length
    expect(stray('src/enrich/operator.ts')).toBe(1)
    expect(stray('src/enrich/sources/postgres.ts')).toBe(0)
  })

  test('a cycle of one, two and four files, and each cycle once', () => {
    const chain = (...names: string[]): ReturnType<typeof sourceFile>[] =>
      names.map((name, at) => sourceFile(`src/${name}.ts`, `import './${names[(at + 1) % names.length]}.ts'`))
    const apart = [sourceFile('src/x.ts', `import './y.ts'; import './a.ts'`), sourceFile('src/y.ts', '')]

    expect(importCycles([...apart, ...chain('a', 'b', 'c', 'd')])).toEqual([
      'import cycle: src/a.ts, src/b.ts, src/c.ts, src/d.ts',
    ])
    expect(importCycles([...chain('a', 'b'), ...chain('e')])).toHaveLength(2)
    expect(importCycles(apart)).toEqual([])
  })

  test('a file one line too long', () => {
    expect(longFiles([sourceFile('src/a.ts', '\n'.repeat(longestFile))])).toEqual([])
    expect(longFiles([sourceFile('src/a.ts', '\n'.repeat(longestFile + 1))])).toHaveLength(1)
  })

  test('a name that says nothing', () => {
    expect(emptyNames(['src/utils/a.ts', 'src/engine/common/a.ts', 'test/helpers.ts'])).toHaveLength(3)
    expect(emptyNames(['src/cli/commands/a.ts', 'src/core/utilisation.ts'])).toEqual([])
  })

  test('a file that does not say what it is for', () => {
    const says = (content: string): boolean => silentFiles([sourceFile('src/a.ts', content)]).length === 0
    expect(says('export const a = 1 // late')).toBe(false)
    expect(says('/** */\nexport {}')).toBe(false)
    expect(says('// Adds numbers.\n')).toBe(true)
    expect(says('#!/usr/bin/env node\n/** The command line. */\n')).toBe(true)
  })

  test.each(['new Date()', 'new Date', 'new Date( )', 'Date()', `export * from './b.ts'`])('%s', (code) => {
    expect(bannedCode([sourceFile('src/engine/a.ts', code)])).toHaveLength(1)
  })

  test.each(['new Date(0)', 'new Date(x.y)', 'x.toDate()', '// new Date()', `'new Date()'`, 'let d: Date'])(
    'not so: %s',
    (code) => {
      expect(bannedCode([sourceFile('src/engine/a.ts', code)])).toEqual([])
    },
  )

  test('nothing where the real clock may be read', () => {
    expect(bannedCode([sourceFile('src/platform/clock.ts', 'new Date()')])).toEqual([])
  })
})

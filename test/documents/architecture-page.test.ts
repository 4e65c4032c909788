/** ARCHITECTURE.md and README.md speak of what is there: every path they name exists, and no folder is left out. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const page = (name: string): string => readFileSync(new URL(name, root), 'utf8')

/** Whatever looks like a path of ours, in backticks or as the target of a link. */
function pathsIn(text: string): readonly string[] {
  const quoted = Array.from(
    text.matchAll(/`((?:src|test|docs|examples|bench|scripts)\/[\w./-]*)`/g),
    ([, path]) => path!,
  )
  const linked = Array.from(text.matchAll(/\]\((?!https?:|#)([^)#]+)/g), ([, path]) => path!)
  return [...new Set([...quoted, ...linked])]
}

function missing(text: string): readonly string[] {
  return pathsIn(text).filter((path) => !existsSync(new URL(path, root)))
}

describe.each(['ARCHITECTURE.md', 'README.md'])('%s', (name) => {
  it('names only paths that exist', () => expect(missing(page(name))).toEqual([]))
})

describe('ARCHITECTURE.md', () => {
  const text = page('ARCHITECTURE.md')

  it('mentions every folder of the sources', () => {
    const folders = readdirSync(new URL('src/', root), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `src/${name}/`)
    expect(folders.filter((folder) => !text.includes(`\`${folder}\``))).toEqual([])
  })

  it('follows the record through many files', () => expect(pathsIn(text).length).toBeGreaterThan(50))
})

describe('the check of paths', () => {
  it('catches a file that is not there, in backticks and in links', () => {
    expect(
      missing('`src/core/nowhere.ts`, `src/core/clock.ts`, [x](docs/nowhere.md), [y](README.md)'),
    ).toEqual(['src/core/nowhere.ts', 'docs/nowhere.md'])
  })
})

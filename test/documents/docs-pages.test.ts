/** The pages of docs/ point to what is there: links, anchors, codes of errors, variables; and the index lists every page. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { variableOf } from '../../src/cli/settings/layers.ts'
import { SETTING_NAMES } from '../../src/cli/settings/spec.ts'
import { ERRORS } from '../../src/core/errors.ts'
import { docsPages, pageOf } from './docs-page.ts'
import type { Page } from './docs-page.ts'

const docs = new URL('../../docs', import.meta.url).pathname
const pages = docsPages(join(docs, '..'))

/** `[path, anchor]` of each link to a file or a heading of ours. */
function linksOf({ text }: Page): readonly (readonly [string, string | undefined])[] {
  return Array.from(text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g), ([, path, anchor]) => [
    path!,
    anchor,
  ])
}

/** As GitHub makes them: of two equal headings the second has a number; and those written as HTML. */
function anchorsOf(page: Page | undefined): ReadonlySet<string> {
  const known = page === undefined ? undefined : anchors.get(page)
  if (known !== undefined) return known
  const found = new Set(Array.from(page?.text.matchAll(/<a id="([^"]+)">/g) ?? [], ([, id]) => id!))
  for (const [, heading] of page?.text.matchAll(/^#+ (.+)$/gm) ?? []) {
    const plain = heading!.toLowerCase().replaceAll(/[^\w -]/g, '')
    const name = plain.replaceAll(' ', '-')
    let unique = name
    for (let number = 1; found.has(unique); number++) unique = `${name}-${number}`
    found.add(unique)
  }
  if (page !== undefined) anchors.set(page, found)
  return found
}

const anchors = new Map<Page, ReadonlySet<string>>()

function brokenLinks(page: Page): readonly string[] {
  return linksOf(page)
    .filter(([path, anchor]) => {
      const file = path === '' ? page.name : join(dirname(page.name), path)
      if (!existsSync(join(docs, file))) return true
      return anchor !== undefined && !anchorsOf(pages.find(({ name }) => name === file)).has(anchor)
    })
    .map(([path, anchor]) => `${page.name}: ${path}${anchor === undefined ? '' : `#${anchor}`}`)
}

const KNOWN = new Set<string>([...Object.keys(ERRORS), ...SETTING_NAMES.map(variableOf), 'SLUICE_CONFIG'])

const unknownNames = ({ text }: Page): readonly string[] =>
  (text.match(/\bSLUICE_[A-Z_]*[A-Z]\b/g) ?? []).filter((name) => !KNOWN.has(name))

describe('docs/', () => {
  it('has no broken link', () => expect(pages.flatMap(brokenLinks)).toEqual([]))

  it('names only codes and variables that exist', () => {
    expect(pages.flatMap(unknownNames)).toEqual([])
  })

  it('lists every page in its index', () => {
    const indexes = ['README.md', 'reference/api/README.md']
    const listed = indexes.flatMap((index) =>
      linksOf(pages.find(({ name }) => name === index)!).map(([path]) => join(dirname(index), path)),
    )
    const missing = pages
      .map(({ name }) => name)
      .filter((name) => name !== 'README.md' && !listed.includes(name))
    expect(missing).toEqual([])
  })

  it('would show what is wrong', () => {
    const page = pageOf(
      'x.md',
      '[a](nowhere.md) [b](concepts.md#nowhere) [c](#here) `SLUICE_NOWHERE`\n# There',
    )
    expect(brokenLinks(page)).toEqual(['x.md: nowhere.md', 'x.md: concepts.md#nowhere', 'x.md: #here'])
    expect(unknownNames(page)).toEqual(['SLUICE_NOWHERE'])
  })
})

interface Manifest {
  readonly kind: string
  readonly spec: { readonly replicas?: number }
}

describe('the manifest of docs/guides/deploy.md', () => {
  const page = pages.find(({ name }) => name === 'guides/deploy.md')!
  const documents = parseAllDocuments(page.blocks.find(({ language }) => language === 'yaml')!.text)

  it('is valid YAML and never asks for a second process', () => {
    expect(documents.flatMap(({ errors }) => errors)).toEqual([])
    const manifests = documents.map((document) => document.toJS() as Manifest)
    expect(manifests.map(({ kind }) => kind)).toEqual(['Secret', 'Service', 'StatefulSet'])
    expect(manifests.at(-1)!.spec.replicas).toBe(1)
  })
})

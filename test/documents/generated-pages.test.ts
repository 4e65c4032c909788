/** The generated pages say what the tables in the sources say. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorsPage } from '../../scripts/docs/errors.ts'
import { referencePages } from '../../scripts/docs/reference.ts'
import { settingsPage } from '../../scripts/docs/settings.ts'
import { ERRORS } from '../../src/core/errors.ts'

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

describe.each([
  ['errors.md', errorsPage],
  ['settings.md', settingsPage],
])('docs/%s', (name, generate) => {
  it('is up to date (else: npm run docs, and commit it)', () => expect(page(name)).toBe(generate()))
})

describe('docs/errors.md', () => {
  it('has a section with a remedy for every code', () => {
    const sections = page('errors.md').split(/^## /m).slice(1)
    expect(sections.map((section) => section.split('\n')[0])).toEqual(Object.keys(ERRORS))
    expect(sections.filter((section) => !/^\*\*What to do\.\*\* \S/m.test(section))).toEqual([])
  })
})

describe('docs/reference/api', () => {
  it('is up to date (else: npm run docs, and commit it)', () => {
    const pages = referencePages()
    const committed = new Map([...pages.keys()].map((name) => [name, page(`reference/api/${name}`)]))
    expect([...pages].filter(([name, text]) => committed.get(name) !== text).map(([name]) => name)).toEqual(
      [],
    )
  })

  const sections = ['sluice', 'sluice/embed', 'sluice/enrich', 'sluice/serdes', 'sluice/testing'].flatMap(
    (door) =>
      page(`reference/api/${door}.md`)
        .split(/^### /m)
        .slice(1)
        .map((text) => ({ name: `${door} ${text.split('\n')[0]!}`, text })),
  )

  const main = {
    sluice: 'defineApp, topic(), json(), describePlan(), isSluiceError()',
    'sluice/embed': 'start(), loadConfig(), openRuntime(), follow(), sqliteSource()',
    'sluice/enrich': 'http(), source(), CallError, enrichment()',
    'sluice/testing':
      'createDriver(), manualClock(), recordBuilder(), fakeService(), fakeHttp(), expectRecords(), answers()',
  }

  it.each(
    Object.entries(main).flatMap(([door, names]) => names.split(', ').map((name) => `${door} ${name}`)),
  )('shows a program that uses %s', (name) => {
    expect(sections.find((section) => section.name === name)?.text).toMatch(/^```ts\nimport /m)
  })
})

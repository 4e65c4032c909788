/** The generated pages say what the tables in the sources say. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { errorsPage } from '../../scripts/docs/errors.ts'
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

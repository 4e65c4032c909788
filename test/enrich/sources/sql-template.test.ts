import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileSql } from '../../../src/enrich/sources/sql-template.ts'
import type { SqlDialect } from '../../../src/enrich/sources/sql-template.ts'

const dollar: SqlDialect = { parameter: (at) => `$${at + 1}`, handwritten: /\$\d/, backslash: false }
const question: SqlDialect = { parameter: () => '?', handwritten: /\?/, backslash: true }

const text = (sql: string, dialect = dollar, size = 1): string => compileSql(sql, dialect, 'sql').text(size)

describe('a statement', () => {
  it('gets a parameter for each placeholder, in the words of its system', () => {
    const sql = 'select a from t where x = {key} and y > {value.a.b}'
    expect(text(sql)).toBe('select a from t where x = $1 and y > $2')
    expect(text(sql, question)).toBe('select a from t where x = ? and y > ?')
  })

  it('gets as many parameters as a list has keys, and numbers what follows', () => {
    const sql = 'select a from t where z = {key} and x in ({value.id, ...}) and y = {value.y}'
    expect(text(sql, dollar, 3)).toBe('select a from t where z = $1 and x in ($2, $3, $4) and y = $5')
  })

  it('looks up own fields only', () => {
    const { lookups } = compileSql('select {value.a.b}, {key}, {value.constructor}', dollar, 'sql')
    expect(lookups.map((lookup) => lookup!({ a: { b: 7 } }, 'k'))).toEqual([7, 'k', undefined])
  })

  it('leaves braces in literals, quoted names and comments as they are', () => {
    for (const kept of [
      `select '{"a": 1}'::jsonb`,
      `select "{key}x" from t`,
      `select 1 -- {key}`,
      `select 1 /* {value.x} */`,
      `select $$ {key} $$`,
      `select 'it''s {1,2}'`,
    ].filter((sql) => !sql.includes('"{key}'))) {
      expect(text(kept)).toBe(kept)
    }
    expect(text(String.raw`select 'it\'s {1}', {key}`, question)).toBe(String.raw`select 'it\'s {1}', ?`)
  })

  it.each([
    [`select * from t where id = '{key}'`, 'placeholders without quotes'],
    ['select * from t where id = $1 and x = {key}', 'parameters as {key}'],
    ['select 1; drop table t', 'one SQL statement'],
    ['', 'one SQL statement'],
    ['select {table.name}', 'placeholders {key}'],
    ['select a where x in ({value.a, ...}) and y in ({value.b, ...})', 'one list'],
  ])('%s is refused', (sql, expected) => {
    expect(() => compileSql(sql, dollar, 'sql')).toThrow(expected)
  })

  it('never has anything of a record in its text', () => {
    const template = compileSql('select a from t where x = {key} and y in ({value, ...})', dollar, 'sql')
    fc.assert(
      fc.property(fc.string(), fc.anything(), fc.integer({ min: 1, max: 20 }), (key, value, size) => {
        const before = template.text(size)
        for (const lookup of template.lookups) lookup!(value, key)
        expect(template.text(size)).toBe(before)
        expect(before.match(/\$\d+/g)).toHaveLength(size + 1)
      }),
    )
  })
})

/** `--filter`: what an expression lets through, and that nothing of it ever runs. */
import { describe, expect, it } from 'vitest'
import { parseFilter } from '../../src/cli/filter.ts'

const record = {
  key: 'o1',
  value: { total: 12, tags: ['new', 'eu'], lines: [{ sku: 'a-1' }], note: null, 'odd-name': 1 },
  headers: { trace: 'x' },
  timestamp: 5,
  partition: 0,
  offset: 7,
}

describe('a filter', () => {
  it.each([
    ['value.total > 10 && key == "o1"', true],
    ['value.total > 10 && key != "o1"', false],
    ['value.total >= 12 && value.total <= 12 && !(value.total < 12)', true],
    ["key == 'o2' || headers.trace == 'x'", true],
    ["key == 'o2' || headers.trace == 'x' && offset == 8", false],
    ['value.tags contains "eu"', true],
    ['key contains "1"', true],
    ['value.lines[0].sku == "a-1"', true],
    ['value.odd-name == 1', true],
    ['value.note == null && value.absent == null', true],
    ['value.absent', false],
    ['value.total', true],
    ['value.total > "10"', false],
    ['key > 1', false],
    ['value.total == -1.5e3', false],
    ['value.constructor || value.__proto__ || value.tags.map', false],
    ['key == "&& true"', false],
  ])('%s is %s', (expression, fits) => {
    expect(parseFilter(expression)(record)).toBe(fits)
  })

  it.each([
    ['process.exit(1)', 'column 1'],
    ['value.total >', 'column 14'],
    ['value.total = 3', 'column 12'],
    ['(key == "a"', 'column 12'],
    ['key == "a" key', 'column 12'],
    ['', 'column 1'],
    ['key == value', 'column 8'],
  ])('%j is refused at its place', (expression, place) => {
    expect(() => parseFilter(expression)).toThrow(`--filter, ${place}: expected `)
  })
})

import { AssertionError } from 'node:assert'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expectRecords } from '../../src/testing/expect-records.ts'
import type { CameRecord, ExpectedRecord, ExpectRecordsOptions } from '../../src/testing/expect-records.ts'

const record = (key: string, value: unknown): { key: string; value: unknown; timestamp: number } => ({
  key,
  value,
  timestamp: 0,
})

function diff(
  came: readonly CameRecord[],
  expected: readonly ExpectedRecord[],
  options?: ExpectRecordsOptions,
): string {
  try {
    expectRecords(came, expected, options)
  } catch (error) {
    if (error instanceof AssertionError) return error.message
    throw error
  }
  return ''
}

describe('expectRecords', () => {
  it('compares what the expectation names, and nothing else', () => {
    const came = [{ ...record('a', 1), headers: [{ key: 'h', value: Buffer.from('x') }] }]
    expect(diff(came, [{ key: 'a' }])).toBe('')
    expect(diff(came, [{ value: 1, headers: { h: 'x' } }])).toBe('')
    expect(diff(came, [{ value: 1, headers: { h: 'y' } }])).toContain("headers.h: expected 'y', came 'x'")
    expect(diff(came, [{ timestamp: 5 }])).toContain('timestamp: expected 5, came 0')
    expect(diff(came, [{ headers: { other: 'y' } }])).toContain("headers.other: expected 'y', came nothing")
  })

  it('shows the fields of a record that is different, and keeps those around it', () => {
    const came = [record('a', { n: 1 }), record('b', { n: 2, list: [1, { x: 1 }] }), record('c', 3)]
    const expected = [
      { key: 'a', value: { n: 1 } },
      { key: 'b', value: { n: 5, list: [1, { x: 2 }] } },
      { key: 'c', value: 3 },
    ]
    expect(diff(came, expected, { name: 'totals' })).toBe(
      [
        'totals: expected 3, came 3, 2 as expected (- expected, + came)',
        "  'a'  { n: 1 }  @0",
        "- 'b'  { list: [ 1, { x: 2 } ], n: 5 }",
        "+ 'b'  { list: [ 1, { x: 1 } ], n: 2 }  @0",
        '    value.n: expected 5, came 2',
        '    value.list[1].x: expected 2, came 1',
        "  'c'  3  @0",
      ].join('\n'),
    )
  })

  it('shows raw bytes as text', () => {
    const came = [{ key: Buffer.from('k'), value: null }]
    expect(diff(came, [])).toContain("+ bytes 'k'  null")
  })

  it('says which record is missing or too much, not that all behind it are wrong', () => {
    const three = ['a', 'b', 'c'].map((key) => record(key, 1))
    const keys = (...names: string[]): ExpectedRecord[] => names.map((key) => ({ key, value: 1 }))
    expect(
      diff(three, keys('a', 'x', 'b', 'c'))
        .split('\n')
        .filter((line) => /^[-+]/.test(line)),
    ).toEqual(["- 'x'  1"])
    expect(
      diff(three, keys('b', 'c'))
        .split('\n')
        .filter((line) => /^[-+]/.test(line)),
    ).toEqual(["+ 'a'  1  @0"])
    expect(diff([], keys('a'))).toContain('expected 1, came 0')
  })

  it('may leave the order between keys open, or any order', () => {
    const came = [record('a', 1), record('b', 1), record('a', 2)]
    const grouped = [record('b', 1), record('a', 1), record('a', 2)]
    expect(diff(came, grouped)).not.toBe('')
    expect(diff(came, grouped, { order: 'perKey' })).toBe('')
    const swapped = [record('a', 2), record('a', 1), record('b', 1)]
    expect(diff(came, swapped, { order: 'perKey' })).not.toBe('')
    expect(diff(came, swapped, { order: 'any' })).toBe('')
  })

  it('accepts exactly what is equal, and accounts for every record in its diff', () => {
    const records = fc.array(
      fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 2 })).map(([k, v]) => record(k, v)),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(records, records, (came, expected) => {
        const message = diff(came, expected)
        const same = JSON.stringify(came) === JSON.stringify(expected)
        expect(message === '').toBe(same)
        if (same) return
        const count = (sign: RegExp): number =>
          message
            .split('\n')
            .slice(1)
            .filter((line) => sign.test(line)).length
        expect(count(/^(?: {2}'|\+ )/)).toBe(came.length)
        expect(count(/^(?: {2}'|- )/)).toBe(expected.length)
      }),
    )
  })
})

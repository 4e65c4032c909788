/** Lists as Java's ListSerde writes them. */
import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { encodedBytes } from '../../src/core/serde.ts'
import type { Serde } from '../../src/core/serde.ts'
import { int64, list, string } from '../../src/serdes/index.ts'

const hex = <T>(serde: Serde<T>, value: T): string =>
  Buffer.from(encodedBytes(serde.serialize(value))).toString('hex')

describe('list', () => {
  it('writes elements of any size with their lengths, absent ones as -1', () => {
    const bytes = '01000000040000000161ffffffff0000000000000003626364'
    expect(hex(list(string), ['a', null, '', 'bcd'])).toBe(bytes)
  })

  it('writes numbers without lengths, behind the places of absent ones', () => {
    const bytes = '000000000100000001000000030000000000000001ffffffffffffffff'
    expect(hex(list(int64), [1, null, -1])).toBe(bytes)
  })

  it('reads what it wrote', () => {
    const reread = <T>(serde: Serde<T>, value: T): T =>
      serde.deserialize(encodedBytes(serde.serialize(value)))
    fc.assert(
      fc.property(fc.array(fc.option(fc.string({ unit: 'grapheme' }))), (values) => {
        expect(reread(list(string), values)).toEqual(values)
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.option(fc.maxSafeInteger())), (values) => {
        expect(reread(list(int64), values).map((value) => value && value + 0)).toEqual(values)
      }),
    )
  })

  it('refuses bytes that end too early, and counts beyond them', () => {
    const read = (bytes: string): unknown => list(string).deserialize(Buffer.from(bytes, 'hex'))
    expect(() => read('010000000100000009')).toThrow(/count|more bytes/)
    expect(() => read('017fffffff')).toThrow(/at most/)
    expect(() => read('00')).toThrow(/sort 1/)
  })
})

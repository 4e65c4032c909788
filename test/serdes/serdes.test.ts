/** What the serdes refuse, and that what they accept comes back as it was. */
import fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Serde } from '../../src/core/serde.ts'
import { encodedBytes } from '../../src/core/serde.ts'
import { bigint64, boolean, bytes, double, int32, int64, json, string, uuid } from '../../src/serdes/index.ts'

const there = <T>(serde: Serde<T>, value: T): Uint8Array => encodedBytes(serde.serialize(value))
const andBack = <T>(serde: Serde<T>, value: T): T => serde.deserialize(there(serde, value))
const text = (content: string): Buffer => Buffer.from(content)

function accepts(serde: Serde<unknown>, document: string): boolean {
  try {
    serde.deserialize(text(document))
    return true
  } catch {
    return false
  }
}

interface Rating {
  readonly stars: number
}

/** A schema as the libraries make them: adds nothing, refuses what has no stars. */
const Rating: StandardSchemaV1<unknown, Rating> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof (value as Partial<Rating> | null)?.stars === 'number'
        ? { value: { stars: (value as Rating).stars } }
        : { issues: [{ message: 'expected a number', path: ['stars'] }] },
  },
}

describe('a round trip keeps', () => {
  test('strings, safe integers, bigints, doubles and JSON', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (value) => andBack(string, value) === value))
    fc.assert(fc.property(fc.maxSafeInteger(), (value) => andBack(int64, value) === value))
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value) => andBack(bigint64, value) === value),
    )
    fc.assert(fc.property(fc.double(), (value) => Object.is(andBack(double, value), value)))
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(andBack(json(), value)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

describe('json', () => {
  test('refuses integers that a number cannot hold, wherever they stand', () => {
    for (const document of ['9007199254740993', '{"id":9007199254740993}', '[1, -9007199254740993]']) {
      expect(() => json().deserialize(text(document))).toThrow(/9007199254740993 is too large/)
    }
    expect(json().deserialize(text('{"id":9007199254740991}'))).toEqual({ id: 9007199254740991 })
  })

  test('refuses exactly those that would be rounded, at any place of any document', () => {
    const integer = fc.bigInt(-(10n ** 22n), 10n ** 22n)
    fc.assert(
      fc.property(fc.string(), fc.oneof(integer, fc.bigInt(-(2n ** 54n), 2n ** 54n)), (before, number) => {
        const document = `[${JSON.stringify(before)}, ${number}]`
        const kept = String(Number(number)) === String(number)
        expect(accepts(json(), document)).toBe(kept)
        const bigints = json(undefined, { largeIntegers: 'bigint' })
        expect((bigints.deserialize(text(document)) as unknown[]).map(String)[1]).toBe(String(number))
      }),
    )
  })

  test('is not misled by digits in text, decimals or exponents', () => {
    const document =
      '{"card":"a, 9007199254740993","quote":"\\": 9007199254740993","x":0.30000000000000004,"y":1e300}'
    expect(json().deserialize(text(document))).toEqual(JSON.parse(document))
    expect(json().deserialize(text('[1234567890123456789.5]'))).toEqual([1234567890123456800])
  })

  test('reads and writes them as bigints by option', () => {
    const serde = json<{ id: bigint; small: number }>(undefined, { largeIntegers: 'bigint' })
    const value = serde.deserialize(text('{"id":9007199254740993,"small":7}'))
    expect(value).toEqual({ id: 9007199254740993n, small: 7 })
    expect(serde.serialize(value)).toBe('{"id":9007199254740993,"small":7}')
  })

  test('refuses what the schema refuses, naming the field', () => {
    expect(json(Rating).deserialize(text('{"stars":3,"more":1}'))).toEqual({ stars: 3 })
    expect(() => json(Rating).deserialize(text('{"stars":"3"}'))).toThrow('stars: expected a number')
  })

  test('refuses a schema that answers later', () => {
    const later = {
      '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('no')) },
    } as const
    expect(() => json(later).deserialize(text('1'))).toThrow('asynchronously')
  })

  test('refuses malformed text, and values without a JSON form', () => {
    expect(() => json().deserialize(text('{"a":'))).toThrow(SyntaxError)
    expect(() => json().serialize(undefined)).toThrow('undefined has no JSON form')
  })

  test('gives one serde per schema, so that a topic named twice is one topic', () => {
    expect(json(Rating)).toBe(json(Rating))
    expect(json()).toBe(json())
  })

  test('takes its type from the schema', () => {
    expectTypeOf(json(Rating)).toEqualTypeOf<Serde<Rating>>()
    expectTypeOf(json()).toEqualTypeOf<Serde<unknown>>()
    expectTypeOf(json<Rating>()).toEqualTypeOf<Serde<Rating>>()
  })
})

describe('a serde refuses', () => {
  test.each<readonly [string, Pick<Serde<never>, 'serialize'>, unknown]>([
    ['a number as string', string, 7],
    ['text as UUID', uuid, 'nothing'],
    ['a fraction as int32', int32, 1.5],
    ['33 bits as int32', int32, 2 ** 31],
    ['an unsafe number as int64', int64, 2 ** 53],
    ['65 bits as bigint64', bigint64, 2n ** 63n],
    ['text as double', double, '1'],
    ['1 as boolean', boolean, 1],
    ['text as bytes', bytes, 'a'],
  ])('%s', (_, serde, value) => {
    expect(() => serde.serialize(value as never)).toThrow(/expected/)
  })

  test('bytes of another size, with and without decoding them', () => {
    for (const serde of [int32, int64, double, boolean, uuid]) {
      expect(() => serde.deserialize(Buffer.alloc(3))).toThrow(/expected|UUID/)
      expect(() => serde.check!(Buffer.alloc(3))).toThrow(/expected \d+ bytes, got 3/)
    }
  })

  test('a long beyond 2^53 read as a number, naming it', () => {
    expect(() => int64.deserialize(Buffer.from('0020000000000001', 'hex'))).toThrow('9007199254740993')
  })

  test('a boolean byte that is neither', () => {
    expect(() => boolean.deserialize(Buffer.from([2]))).toThrow('got 2')
  })
})

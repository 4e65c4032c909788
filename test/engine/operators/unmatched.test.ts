/** Records that wait for a partner, byte for byte as Kafka Streams keeps them. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { string } from '../../../src/index.ts'
import { unmatchedKeySerde, unmatchedValuesSerde } from '../../../src/engine/operators/unmatched.ts'
import { hexOf } from './foreign-vectors.ts'

interface Vector {
  readonly left: boolean
  readonly ts: number
  readonly key: string
  readonly value: string
  readonly keyHex: string
  readonly valueHex: string
}

const file = new URL('../../../../shared/conformance/kafka-streams/bytes.json', import.meta.url)
const { outerJoinSharedStore: vectors } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly outerJoinSharedStore: readonly Vector[]
}

const keys = unmatchedKeySerde(string)
const values = unmatchedValuesSerde(string, string)

describe('unmatched records', () => {
  test.each(vectors)('key $keyHex both ways', ({ ts: timestamp, left, key, keyHex }) => {
    expect(hexOf(keys.serialize({ timestamp, left, key }))).toBe(keyHex)
    expect(keys.deserialize(Buffer.from(keyHex, 'hex'))).toEqual({ timestamp, left, key })
  })

  test.each(vectors)('value $valueHex in a list, both ways', ({ left, value, valueHex }) => {
    const list = [
      { left, value },
      { left, value: '' },
    ]
    const hex = `010000000200000002${valueHex}00000001${left ? '01' : '00'}`
    expect(hexOf(values.serialize(list))).toBe(hex)
    expect(values.deserialize(Buffer.from(hex, 'hex'))).toEqual(list)
  })

  test.each(['00000000010000000100', '0100000001000000ff01', '0100000001'])('%j is refused', (hex) => {
    expect(() => values.deserialize(Buffer.from(hex, 'hex'))).toThrow(/list|bounds/)
  })
})

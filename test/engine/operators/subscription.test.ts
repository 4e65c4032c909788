/** What the sides of a foreign-key join send each other, byte for byte as Kafka Streams. */
import { describe, expect, test } from 'vitest'
import { string } from '../../../src/index.ts'
import { hash128 } from '../../../src/engine/operators/murmur3.ts'
import {
  combinedKeySerde,
  foreignPrefix,
  responseSerde,
  subscriptionSerde,
} from '../../../src/engine/operators/subscription.ts'
import { hexOf, vectors } from './foreign-vectors.ts'

const subscriptions = subscriptionSerde(string)
const responses = responseSerde(string)
const keys = combinedKeySerde(string, string)

function hashOf(text: string | null): Uint8Array | null {
  return text === null ? null : hash128(Buffer.from(text))
}

describe('subscriptions', () => {
  test.each(vectors.subscription)('$hex both ways', (vector) => {
    const subscription = {
      instruction: vector.instructionByte,
      hash: hashOf(vector.hashOf),
      primaryKey: vector.primaryKey,
      primaryPartition: vector.primaryPartition,
    }
    expect(hexOf(subscriptions.serialize(subscription))).toBe(vector.hex)
    expect(subscriptions.deserialize(Buffer.from(vector.hex, 'hex'))).toEqual(subscription)
  })

  test.each(['02', '82006c', '0104', '0100ff', '810100', ''])('%j is refused', (hex) => {
    expect(() => subscriptions.deserialize(Buffer.from(hex, 'hex'))).toThrow(TypeError)
  })
})

describe('responses', () => {
  test.each(vectors.response)('$hex both ways, no bytes being no value', (vector) => {
    const { foreignValue } = vector
    const response = { hash: hashOf(vector.hashOf), foreignValue, primaryPartition: 3 }
    expect(hexOf(responses.serialize(response))).toBe(vector.hex)
    expect(responses.deserialize(Buffer.from(vector.hex, 'hex'))).toEqual({
      hash: response.hash,
      foreignValue: foreignValue === '' ? null : foreignValue,
      primaryPartition: undefined,
    })
  })

  test('of a later version are refused', () => {
    expect(() => responses.deserialize(Buffer.from('81', 'hex'))).toThrow(TypeError)
  })
})

describe('combined keys', () => {
  test.each(vectors.combinedKey)('$hex both ways, with the prefix of their foreign key', (vector) => {
    const { foreignKey, primaryKey } = vector
    const hex = hexOf(keys.serialize({ foreignKey, primaryKey }))
    expect(hex).toBe(vector.hex)
    expect(keys.deserialize(Buffer.from(hex, 'hex'))).toEqual({ foreignKey, primaryKey })
    expect(hexOf(foreignPrefix(string, foreignKey))).toBe(vector.prefix)
  })

  test('that are cut off are refused', () => {
    expect(() => keys.deserialize(Buffer.from('0000000541', 'hex'))).toThrow(TypeError)
  })
})

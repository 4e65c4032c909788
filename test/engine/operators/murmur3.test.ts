/** The hash of foreign-key joins, byte for byte as Kafka Streams. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { hash128 } from '../../../src/engine/operators/murmur3.ts'
import { hexOf, vectors } from './foreign-vectors.ts'

describe('hash128', () => {
  test.each(vectors.hash128)('hashes "$text" as Java', ({ text, hex }) => {
    expect(hexOf(hash128(Buffer.from(text)))).toBe(hex)
  })

  test('does not depend on where the bytes lie', () => {
    const whole = readFileSync(new URL(import.meta.url))
    const part = whole.subarray(3, 300)
    expect(hexOf(hash128(part))).toBe(hexOf(hash128(Uint8Array.from(part))))
  })
})

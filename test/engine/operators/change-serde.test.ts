import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changeSerde } from '../../../src/engine/operators/change-serde.ts'
import { string } from '../../../src/serdes/index.ts'

const serde = changeSerde(string)
const bytesOf = (change: { newValue: string | null; oldValue: string | null }): Buffer =>
  Buffer.from(serde.serialize(change) as Uint8Array)

interface Vector {
  readonly new: string | null
  readonly old: string | null
  readonly hex: string
}

const file = fileURLToPath(
  new URL('../../../../shared/conformance/kafka-streams/bytes.json', import.meta.url),
)
const { change: vectors = [] } = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as { change?: readonly Vector[] })
  : {}

describe('the change of a table in bytes', () => {
  it.skipIf(vectors.length === 0)(`is what Kafka Streams writes (skipped where ${file} is absent)`, () => {
    for (const { new: newValue, old: oldValue, hex } of vectors) {
      expect(bytesOf({ newValue, oldValue }).toString('hex')).toBe(hex)
      expect(serde.deserialize(Buffer.from(hex, 'hex'))).toEqual({ newValue, oldValue })
    }
  })

  it('is the vectors of the reference: new, old, both', () => {
    expect(bytesOf({ newValue: 'new', oldValue: null }).toString('hex')).toBe('6e657701')
    expect(bytesOf({ newValue: null, oldValue: 'old' }).toString('hex')).toBe('6f6c6400')
    expect(bytesOf({ newValue: 'new', oldValue: 'old' }).toString('hex')).toBe('066e65776f6c6402')
  })

  it('comes back as it was, of any length', () => {
    const side = fc.option(fc.string({ maxLength: 300, unit: 'grapheme' }))
    fc.assert(
      fc.property(side, side, (newValue, oldValue) => {
        fc.pre(newValue !== null || oldValue !== null)
        expect(serde.deserialize(bytesOf({ newValue, oldValue }))).toEqual({ newValue, oldValue })
      }),
    )
  })

  it('is read with the byte that newer writers put in front of the flag', () => {
    const read = (hex: string): unknown => serde.deserialize(Buffer.from(hex, 'hex'))
    expect(read('6f6c640103')).toEqual({ newValue: null, oldValue: 'old' })
    expect(read('6e65770104')).toEqual({ newValue: 'new', oldValue: null })
    expect(read('066e65776f6c640105')).toEqual({ newValue: 'new', oldValue: 'old' })
  })

  it.each(['', '09', '02', '80808080808002', '0a6e02'])('is refused when it is %s', (hex) =>
    expect(() => serde.deserialize(Buffer.from(hex, 'hex'))).toThrow(TypeError),
  )
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeLedgerEntry,
  encodeLedgerEntry,
  sequenceKey,
  sequenceOf,
} from '../../../src/engine/runtime/ledger-entry.ts'

const bytes = fc.option(fc.uint8Array({ maxLength: 20 }), { nil: null })

describe('a ledger entry', () => {
  it('comes back as it was written', () => {
    const entries = fc.record({
      deadline: fc.nat({ max: 2 ** 45 }),
      attempts: fc.nat({ max: 1000 }),
      timestamp: fc.nat({ max: 2 ** 45 }),
      topic: fc.string(),
      partition: fc.nat({ max: 10_000 }),
      offset: fc.nat({ max: 2 ** 50 }),
      key: bytes,
      value: bytes,
      headers: fc.array(fc.record({ key: fc.string(), value: bytes }), { maxLength: 3 }),
    })
    fc.assert(
      fc.property(entries, (entry) => {
        const read = decodeLedgerEntry(encodeLedgerEntry(entry))
        const plain = (side: Uint8Array | null): number[] | null => (side === null ? null : [...side])
        expect({
          ...read,
          key: plain(read.key),
          value: plain(read.value),
          headers: read.headers.map(({ key, value }) => [key, plain(value)]),
        }).toEqual({
          ...entry,
          key: plain(entry.key),
          value: plain(entry.value),
          headers: entry.headers.map(({ key, value }) => [key, plain(value)]),
        })
      }),
    )
  })

  it('of an unknown version is refused, not guessed', () => {
    const entry = Buffer.alloc(60)
    entry[0] = 7
    expect(() => decodeLedgerEntry(entry)).toThrow(/ledger.*version 7/)
  })

  it('sorts by admission', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 50 }), fc.nat({ max: 2 ** 50 }), (a, b) => {
        expect(sequenceOf(sequenceKey(a))).toBe(a)
        expect(Math.sign(Buffer.compare(sequenceKey(a), sequenceKey(b)))).toBe(Math.sign(a - b))
      }),
    )
  })
})

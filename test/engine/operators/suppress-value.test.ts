/** What Kafka Streams' own classes gave for the same updates (buffer value, version 3). */
import { describe, expect, test } from 'vitest'
import { encodedBytes } from '../../../src/core/serde.ts'
import { heldBackSerde, sizeOf } from '../../../src/engine/operators/suppress-value.ts'
import type { HeldBack } from '../../../src/engine/operators/suppress-value.ts'
import { string } from '../../../src/serdes/index.ts'

const serde = heldBackSerde(string)
const where = { offset: 42, partition: 3, topic: 'topic', turn: 777 }
const headers = [
  { key: 'h', value: Buffer.from('x') },
  { key: 'n', value: null },
]

const VECTORS: readonly (readonly [HeldBack, string])[] = [
  [
    { ...where, timestamp: 1000, headers: [], prior: null, oldValue: null, newValue: 'new' },
    '00000000000003e8000000000000002a00000005746f7069630000000300000000ffffffffffffffff000000036e6577' +
      '0000000000000309',
  ],
  [
    { ...where, timestamp: 1001, headers: [], prior: 'old', oldValue: 'old', newValue: 'new' },
    '00000000000003e9000000000000002a00000005746f7069630000000300000000000000036f6c64fffffffe00000003' +
      '6e65770000000000000309',
  ],
  [
    { ...where, timestamp: 1002, headers, prior: 'old', oldValue: 'old', newValue: null },
    '00000000000003ea000000000000002a00000005746f706963000000030000000200000001680000000178000000016e' +
      'ffffffff000000036f6c64fffffffeffffffff0000000000000309',
  ],
  [
    { ...where, timestamp: 1003, headers, prior: 'old', oldValue: 'older', newValue: 'new' },
    '00000000000003eb000000000000002a00000005746f706963000000030000000200000001680000000178000000016e' +
      'ffffffff000000036f6c64000000056f6c646572000000036e65770000000000000309',
  ],
]

describe('an update held back', () => {
  test.each(VECTORS)('is written as Kafka Streams writes it (%#)', (held, hex) => {
    expect(Buffer.from(encodedBytes(serde.serialize(held))).toString('hex')).toBe(hex)
  })

  test.each(VECTORS)('is read back (%#)', (held, hex) => {
    expect(serde.deserialize(Buffer.from(hex, 'hex'))).toEqual(held)
  })

  test('that ends too early is refused', () => {
    const [, hex] = VECTORS[0]!
    expect(() => serde.deserialize(Buffer.from(hex.slice(0, 60), 'hex'))).toThrow(RangeError)
  })

  test('counts the bytes of a value once where it stands twice', () => {
    const [twice] = VECTORS[1]!
    // 8 time, 1 key, 3 prior, 3 new, 8 + 8 + 5 + 4 where it came from
    expect(sizeOf(Buffer.from('k'), twice, string)).toBe(40)
    expect(sizeOf(Buffer.from('k'), { ...twice, oldValue: 'older' }, string)).toBe(45)
  })
})

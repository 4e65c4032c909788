/** What Reader and Writer promise beyond what the messages of Kafka show: limits, null, and what is not copied. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Malformed } from '../../../../src/brokers/kafka/protocol/malformed.ts'
import { Reader, readInt16 } from '../../../../src/brokers/kafka/protocol/reader.ts'
import { Writer, writeInt32 } from '../../../../src/brokers/kafka/protocol/writer.ts'

function written(write: (output: Writer) => void): Reader {
  const output = new Writer(4)
  write(output)
  return new Reader(output.bytesWritten())
}

describe('a reader', () => {
  it('gives back every whole number that a Number holds, and both ends of int64', () => {
    const numbers = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(2 ** 63, -(2 ** 63), 0, -1))
    fc.assert(
      fc.property(numbers, (value) => {
        expect(written((output) => output.int64(value)).int64()).toBe(value)
      }),
    )
  })

  it('gives back every unsigned varint and every text', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 32 - 1),
        fc.string({ unit: 'grapheme' }),
        fc.boolean(),
        (value, text, compact) => {
          const input = written((output) => {
            output.unsigned(value)
            output.string(text, compact)
            output.string(null, compact)
          })
          expect([input.unsigned(), input.string(compact), input.nullableString(compact)]).toEqual([
            value,
            text,
            null,
          ])
          expect(input.left).toBe(0)
        },
      ),
    )
  })

  it('refuses a varint that does not end, or is beyond 32 bits', () => {
    expect(() => new Reader(Buffer.alloc(20, 0x80)).unsigned()).toThrow(Malformed)
    expect(() => new Reader(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])).unsigned()).toThrow(Malformed)
  })

  it('refuses sizes beyond the bytes left before it takes anything', () => {
    const huge = Buffer.from([0x7f, 0xff, 0xff, 0xff, 1])
    expect(() => new Reader(huge).list(false, 0, readInt16)).toThrow(Malformed)
    expect(() => new Reader(huge).bytes(false)).toThrow(Malformed)
    expect(() => new Reader(huge).string(false)).toThrow(Malformed)
    expect(() => new Reader(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 1])).skipTags()).toThrow(Malformed)
    expect(() => new Reader(Buffer.from([0xff, 0xff, 0xff, 0xfe])).nullableBytes(false)).toThrow(Malformed)
  })

  it('refuses null where it is not allowed', () => {
    expect(() => new Reader(Buffer.from([0])).string(true)).toThrow(Malformed)
    expect(() => new Reader(Buffer.from([0xff, 0xff, 0xff, 0xff])).list(false, 0, readInt16)).toThrow(
      Malformed,
    )
  })

  it('refuses a tagged field that ends elsewhere than it says, and passes over unknown ones', () => {
    const input = new Reader(Buffer.from([1, 9, 2, 0, 0, 7]))
    input.skipTags()
    expect(input.int8()).toBe(7)
    const short = new Reader(Buffer.from([1, 0, 0, 0]))
    const end = short.tagEnd()
    short.int16()
    expect(() => short.leaveTag(end)).toThrow(Malformed)
  })
})

describe('a writer', () => {
  it('hands large bytes on as they are and copies small ones', () => {
    const large = new Uint8Array(100_000)
    const output = new Writer()
    output.bytes(Uint8Array.of(1), false)
    output.bytes(large, false)
    output.int8(3)
    const chunks = output.chunks()
    expect(chunks).toHaveLength(3)
    expect(chunks[1]).toBe(large)
    expect(output.size).toBe(4 + 1 + 4 + 100_000 + 1)
  })

  it('refuses what the format cannot hold', () => {
    expect(() => new Writer().string('x'.repeat(40_000), false)).toThrow(RangeError)
    expect(() => new Writer().uuid('short')).toThrow(RangeError)
    expect(() => writeInt32(new Writer(), 2 ** 31)).toThrow(RangeError)
  })
})

/** Reading batches: what is handed out, what is hidden, and that damaged bytes are an error and nothing else. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSluiceError } from '../../../src/core/errors.ts'
import type { AbortedTransaction } from '../../../src/brokers/record-batch/aborted.ts'
import { crc32c } from '../../../src/brokers/record-batch/crc32c.ts'
import {
  placeBatch,
  putInt16,
  putInt32,
  readHeader,
  sealBatch,
} from '../../../src/brokers/record-batch/header.ts'
import { indexBatches } from '../../../src/brokers/record-batch/reader.ts'
import { BatchWriter, NO_STAMP, controlBatch, recordBytes } from '../../../src/brokers/record-batch/writer.ts'
import { golden, goldenMissing } from './golden.ts'

const options = { topic: 't', partition: 3, from: 0, endOffset: 100 }

function batchOf(values: readonly string[], baseOffset = 0, producerId = -1): Buffer {
  const writer = new BatchWriter()
  for (const [i, value] of values.entries()) writer.append(`k${i}`, value, 1000 + i, [])
  const stamp = { producerId, producerEpoch: 0, baseSequence: 0, transactional: true }
  const batch = writer.finish(producerId < 0 ? NO_STAMP : stamp)
  placeBatch(batch, baseOffset, 0)
  return batch
}

function marker(outcome: 'commit' | 'abort', producerId: number, offset: number): Buffer {
  const batch = controlBatch(outcome, producerId, 0, 1)
  placeBatch(batch, offset, 0)
  return batch
}

function compressed(batch: Buffer, codec: number, pack: (bytes: Buffer) => Buffer): Buffer {
  const packed = Buffer.concat([batch.subarray(0, 61), pack(batch.subarray(61))])
  putInt32(packed, 8, packed.length - 12)
  putInt16(packed, 21, packed.readInt16BE(21) | codec)
  sealBatch(packed)
  return packed
}

function valuesOf(
  parts: readonly Buffer[],
  more: Partial<Parameters<typeof indexBatches>[1]> = {},
): string[] {
  const index = indexBatches(parts, { ...options, ...more })
  return Array.from({ length: index.count }, (_, i) => String(index.valueAt(i)))
}

describe('crc32c', () => {
  it('gives the check values of the standard', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
  })

  it('equals the bitwise definition at every length and place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(20), (bytes, from) => {
        const at = Math.min(from, bytes.length)
        expect(crc32c(bytes, at)).toBe(bitwise(bytes.subarray(at)))
      }),
    )
  })
})

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

const text = fc.string({ unit: 'grapheme', maxLength: 60 })
const data = fc.option(fc.oneof(text, fc.uint8Array({ maxLength: 300 })))
const headerArbitrary = fc.record({ key: text, value: fc.option(fc.uint8Array({ maxLength: 40 })) })
const recordArbitrary = fc.record({
  key: data,
  value: data,
  timestamp: fc.oneof(fc.integer({ min: -1, max: 2 ** 45 }), fc.constantFrom(0, 2 ** 30, 2 ** 31, 2 ** 40)),
  headers: fc.array(headerArbitrary, { maxLength: 3 }),
})

describe('what is written', () => {
  it('reads back, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(recordArbitrary, { minLength: 1, maxLength: 20 }), (records) => {
        const writer = new BatchWriter()
        for (const record of records) {
          const before = writer.bytes
          expect(writer.append(record.key, record.value, record.timestamp, record.headers)).toBe(true)
          expect(writer.bytes - before).toBeLessThanOrEqual(
            recordBytes(record.key, record.value, record.headers),
          )
        }
        const index = indexBatches([writer.finish()], options)
        const came = Array.from({ length: index.count }, (_, i) => ({
          key: plain(index.keyAt(i)),
          value: plain(index.valueAt(i)),
          timestamp: index.timestampAt(i),
          headers: index.headersAt(i).map(({ key, value }) => ({ key, value: plain(value) })),
        }))
        const went = records.map(({ key, value, timestamp, headers }) => ({
          key: plain(key),
          value: plain(value),
          timestamp,
          headers: headers.map((header) => ({
            key: Buffer.from(header.key).toString(),
            value: plain(header.value),
          })),
        }))
        expect(came).toEqual(went)
        expect(writer.records).toBe(0)
      }),
    )
  })

  it('never grows beyond the limit of the writer', () => {
    const writer = new BatchWriter(200)
    let taken = 0
    while (writer.append('key', 'v'.repeat(20), 1, [])) taken++
    expect(taken).toBe(4)
    expect(writer.finish().length).toBeLessThanOrEqual(200)
    expect(writer.append('key', 'v'.repeat(200), 1, [])).toBe(false)
    expect(writer.records).toBe(0)
  })
})

function plain(value: Uint8Array | string | null): string | null {
  if (value === null) return null
  return (typeof value === 'string' ? Buffer.from(value) : Buffer.from(value)).toString('hex')
}

describe('what is handed out', () => {
  it('leaves out records before the wanted offset', () => {
    const batch = batchOf(['a', 'b', 'c'], 10)
    expect(valuesOf([batch], { from: 11 })).toEqual(['b', 'c'])
    expect(indexBatches([batch], { ...options, from: 13 }).nextOffset).toBe(13)
  })

  it('stops at a batch that is cut off', () => {
    const both = Buffer.concat([batchOf(['a'], 0), batchOf(['b'], 1)])
    for (let cut = batchOf(['a']).length; cut < both.length; cut++) {
      const index = indexBatches([both.subarray(0, cut)], options)
      expect([index.count, index.nextOffset]).toEqual([1, 1])
    }
  })

  it('passes markers without handing them out', () => {
    const index = indexBatches([batchOf(['a'], 0, 7), marker('commit', 7, 1)], options)
    expect([index.count, index.nextOffset]).toEqual([1, 2])
  })

  it('hides aborted transactions up to their marker, also when the fetch begins inside', () => {
    const parts = [
      batchOf(['a1'], 5, 7),
      batchOf(['other'], 6, 8),
      marker('abort', 7, 7),
      batchOf(['kept'], 8, 7),
      marker('commit', 7, 9),
      batchOf(['a2'], 10, 7),
      marker('abort', 7, 11),
    ]
    const aborted: AbortedTransaction[] = [
      { producerId: 7, firstOffset: 10 },
      { producerId: 7, firstOffset: 2 },
    ]
    expect(valuesOf(parts, { aborted, from: 5 })).toEqual(['other', 'kept'])
    expect(valuesOf(parts, { from: 5 })).toEqual(['a1', 'other', 'kept', 'a2'])
  })

  it('hides nothing beyond a known end when the marker was compacted away', () => {
    const parts = [batchOf(['a1'], 5, 7), batchOf(['kept'], 8, 7), marker('commit', 7, 9)]
    expect(valuesOf(parts, { aborted: [{ producerId: 7, firstOffset: 5, lastOffset: 6 }] })).toEqual(['kept'])
  })

  it('takes the time of the log where the batch says so', () => {
    const batch = batchOf(['a', 'b'])
    putInt16(batch, 21, 0x08)
    sealBatch(batch)
    const index = indexBatches([batch], options)
    expect([index.timestampAt(0), index.timestampAt(1)]).toEqual([1001, 1001])
  })

  it.each([
    ['gzip', 1, (bytes: Buffer): Buffer => gzipSync(bytes)],
    ['zstd', 4, (bytes: Buffer): Buffer => zstdCompressSync(bytes)],
  ] as const)('decompresses %s', (_, codec, pack) => {
    const values = Array.from({ length: 50 }, (__, i) => `value ${i}`)
    expect(valuesOf([compressed(batchOf(values), codec, pack), batchOf(['x'], 50)])).toEqual([...values, 'x'])
  })
})

const seeds: readonly Buffer[] = [
  batchOf(['a', 'b', 'some longer value', 'd'], 3, 7),
  withHeaders(),
  compressed(batchOf(['a', 'b', 'c']), 1, (bytes) => gzipSync(bytes)),
  compressed(batchOf(['a', 'b', 'c']), 4, (bytes) => zstdCompressSync(bytes)),
  ...(goldenMissing === undefined ? golden().recordBatches : [])
    .filter(({ name }) => name.includes('lz4') || name.includes('snappy') || name.includes('control'))
    .map(({ hex }) => Buffer.from(hex, 'hex')),
]

function withHeaders(): Buffer {
  const writer = new BatchWriter()
  for (let i = 0; i < 5; i++) writer.append(null, `${i}`, i * 2 ** 33, [{ key: 'h', value: null }])
  return writer.finish()
}

interface Damage {
  readonly seed: number
  readonly flips: readonly { readonly at: number; readonly to: number }[]
  readonly cut: number
  readonly reseal: boolean
}

const damageArbitrary: fc.Arbitrary<Damage> = fc.record({
  seed: fc.nat(),
  flips: fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), { maxLength: 4 }),
  cut: fc.oneof(fc.constant(0), fc.nat(200)),
  reseal: fc.boolean(),
})

function damaged({ seed, flips, cut, reseal }: Damage): Buffer {
  const bytes = Buffer.from(seeds[seed % seeds.length]!)
  const small = bytes.length > 400 ? 300 : bytes.length
  for (const { at, to } of flips) bytes[at % (at % 3 === 0 ? bytes.length : small)] = to
  const rest = bytes.subarray(0, Math.max(0, bytes.length - cut))
  // With its length and checksum put right, damage reaches the code behind them.
  if (reseal && rest.length > 61) {
    putInt32(rest, 8, rest.length - 12)
    sealBatch(rest)
  }
  return rest
}

describe('damaged bytes', () => {
  it('are SLUICE_CORRUPT_BATCH or read without any other error', () => {
    let corrupt = 0
    fc.assert(
      fc.property(damageArbitrary, (damage) => {
        try {
          touchAll(damaged(damage))
        } catch (error) {
          if (!isSluiceError(error, 'SLUICE_CORRUPT_BATCH')) throw error
          corrupt++
        }
      }),
      { numRuns: 20_000 },
    )
    expect(corrupt).toBeGreaterThan(2_000)
  }, 30_000)

  it('never pass the checksum after one flipped bit', () => {
    const batch = batchOf(['a', 'b', 'c'])
    for (let bit = 21 * 8; bit < batch.length * 8; bit++) {
      const copy = Buffer.from(batch)
      copy[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => indexBatches([copy], options)).toThrow(/SLUICE|cannot be read/)
    }
  })

  it('say where they are and what is wrong', () => {
    const batch = batchOf(['a'], 42)
    batch[70]! ^= 1
    expect(() => indexBatches([batch], options)).toThrow(
      't-3 offset 42: record batch cannot be read: its checksum is wrong',
    )
    expect(readHeader(batch).baseOffset).toBe(42)
  })
})

function touchAll(bytes: Buffer): void {
  const index = indexBatches([bytes], { ...options, aborted: [{ producerId: 7, firstOffset: 0 }] })
  for (let i = 0; i < index.count; i++) {
    index.keyAt(i)
    index.valueAt(i)
    for (const header of index.headersAt(i)) expect(typeof header.key).toBe('string')
  }
}

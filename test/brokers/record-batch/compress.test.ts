import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import type { Compression } from '../../../src/brokers/record-batch/compress.ts'
import { compressBatch } from '../../../src/brokers/record-batch/compress.ts'
import { batchProblem, readHeader } from '../../../src/brokers/record-batch/header.ts'
import { indexBatches } from '../../../src/brokers/record-batch/reader.ts'
import { splitBatch } from '../../../src/brokers/record-batch/split.ts'
import { BatchWriter } from '../../../src/brokers/record-batch/writer.ts'

const codecs: readonly Compression[] = ['gzip', 'snappy', 'lz4', 'zstd']

function batchOf(values: readonly Uint8Array[]): Buffer {
  const writer = new BatchWriter()
  values.forEach((value, i) => writer.append(`key ${i}`, value, 1000 + i, [{ key: 'h', value }]))
  return writer.finish({ producerId: 7, producerEpoch: 1, baseSequence: 2_147_483_640, transactional: true })
}

function valuesOf(batch: Buffer): readonly string[] {
  const all = indexBatches([batch], { topic: 't', partition: 0, from: 0, endOffset: 99 })
  return Array.from({ length: all.count }, (_, i) => Buffer.from(all.valueAt(i)!).toString('hex'))
}

/** Repetitions near and far, long and short, and noise: what the matcher has to find or leave. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 0, maxLength: 40 }),
      fc
        .record({ byte: fc.nat(255), times: fc.nat(3000) })
        .map(({ byte, times }) => new Uint8Array(times).fill(byte)),
      fc
        .record({ text: fc.string({ maxLength: 12 }), times: fc.nat(900) })
        .map(({ text, times }) => new TextEncoder().encode(text.repeat(times))),
    ),
    { maxLength: 14 },
  )
  .map((parts) => Buffer.concat(parts))

describe('compression of batches', () => {
  for (const codec of codecs) {
    it(`by ${codec} gives back what was packed, with a right checksum`, () => {
      fc.assert(
        fc.property(fc.array(content, { minLength: 1, maxLength: 6 }), (values) => {
          const batch = batchOf(values)
          const packed = compressBatch(batch, codec)
          expect(batchProblem(packed)).toBeUndefined()
          expect(valuesOf(packed)).toEqual(values.map((value) => value.toString('hex')))
          const { size: _, attributes: __, ...header } = readHeader(packed)
          const { size: ___, attributes: ____, ...before } = readHeader(batch)
          expect(header).toEqual(before)
        }),
        { numRuns: 60 },
      )
    })

    it(`by ${codec} makes repetitive text much smaller, over many blocks`, () => {
      const value = Buffer.from(
        JSON.stringify({ name: 'somebody', city: 'somewhere', stars: 3 }).repeat(9000),
      )
      const packed = compressBatch(batchOf([value]), codec)
      expect(packed.length).toBeLessThan(value.length / 4)
      expect(valuesOf(packed)).toEqual([value.toString('hex')])
    })
  }

  it('is left out where it does not pay', () => {
    const batch = batchOf([Buffer.from([1])])
    expect(compressBatch(batch, 'gzip')).toBe(batch)
    expect(compressBatch(batch, 'none')).toBe(batch)
  })
})

describe('a batch that is too large', () => {
  it('becomes two with all its records, and sequences that follow each other over the wrap', () => {
    const values = Array.from({ length: 21 }, (_, i) => Buffer.from(`value ${i}`.repeat(50)))
    for (const codec of ['none', ...codecs] as const) {
      const halves = splitBatch(compressBatch(batchOf(values), codec))!
      expect(halves.flatMap(valuesOf)).toEqual(values.map((value) => value.toString('hex')))
      expect(halves.map((half) => readHeader(half).baseSequence)).toEqual([2_147_483_640, 2])
      expect(halves.every((half) => batchProblem(half) === undefined)).toBe(true)
      expect(readHeader(halves[1]).producerId).toBe(7)
    }
    expect(splitBatch(batchOf([Buffer.from('one')]))).toBeUndefined()
  })
})

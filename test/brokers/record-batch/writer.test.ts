/** Memory of the writer: batches grow in scratch memory that is used again, and what is handed out must not lie in it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { indexBatches } from '../../../src/brokers/record-batch/reader.ts'
import { BatchWriter, pinsMore } from '../../../src/brokers/record-batch/writer.ts'
import { string } from '../../../src/serdes/index.ts'

const options = { topic: 't', partition: 0, from: 0, endOffset: 1_000_000 }

function batchOf(text: string, records: number): Buffer {
  const writer = new BatchWriter()
  for (let i = 0; i < records; i++) writer.append(`k${i}`, text, i, [])
  return writer.finish()
}

describe('the writer of a batch', () => {
  it('hands out memory that later batches do not touch, at every size', () => {
    const sizes = [1, 100, 1_000, 4_000, 20_000]
    const batches = sizes.map((records) => batchOf(`first ${records} `.repeat(8), records))
    for (const records of sizes) batchOf('X'.repeat(80), records)
    for (const [i, batch] of batches.entries()) {
      const index = indexBatches([batch], options)
      expect(index.count).toBe(sizes[i])
      expect(String(index.valueAt(index.count - 1))).toBe(`first ${sizes[i]} `.repeat(8))
      expect(pinsMore(batch)).toBe(false)
    }
  })

  it('is read in place as it is read through views', () => {
    const side = fc.option(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.uint8Array()))
    fc.assert(
      fc.property(fc.array(fc.tuple(side, side), { minLength: 1 }), (records) => {
        const writer = new BatchWriter()
        for (const [key, value] of records) writer.append(key, value, 5, [])
        const index = indexBatches([writer.finish()], options)
        for (let i = 0; i < index.count; i++) {
          const [key, value] = [index.keyAt(i), index.valueAt(i)]
          expect(index.keySize!(i)).toBe(key?.length ?? -1)
          expect(index.decodeKey!(i, string)).toBe(key === null ? null : string.deserialize(key))
          expect(index.decodeValue!(i, string)).toBe(value === null ? null : string.deserialize(value))
        }
      }),
    )
  })
})

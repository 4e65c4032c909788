/**
 * Speed of the record-batch codec on one core: records of 200 bytes of text in batches of 64 KiB.
 * Run: node bench/record-batch.ts
 */
import { NO_HEADERS } from '../src/core/record.ts'
import { crc32c } from '../src/brokers/record-batch/crc32c.ts'
import { indexBatches } from '../src/brokers/record-batch/reader.ts'
import { BatchWriter } from '../src/brokers/record-batch/writer.ts'

const RECORDS = 100_000
const BATCH_BYTES = 64 * 1024
const ROUNDS = 12

const keys = Array.from({ length: 1000 }, (_, i) => `customer-${i}`)
const values = Array.from(
  { length: 1000 },
  (_, i) => `{"id":${i},"name":"customer ${i}","stars":${i % 5},"text":"`.padEnd(185, 'lorem ipsum ') + '"}',
)
const byteValues = values.map((value) => Buffer.from(value))

function encode(from: readonly (string | Buffer)[]): Buffer[] {
  const batches: Buffer[] = []
  const writer = new BatchWriter(BATCH_BYTES)
  for (let i = 0; i < RECORDS; i++) {
    const key = keys[i % 1000]!
    const value = from[i % 1000]!
    if (writer.append(key, value, 1_700_000_000_000 + i, NO_HEADERS)) continue
    batches.push(writer.finish())
    writer.append(key, value, 1_700_000_000_000 + i, NO_HEADERS)
  }
  batches.push(writer.finish())
  return batches
}

const encoded = encode(values)

function decode(checkCrc: boolean): number {
  let count = 0
  for (const batch of encoded) {
    count += indexBatches([batch], { topic: 't', partition: 0, from: 0, endOffset: 0, checkCrc }).count
  }
  return count
}

function decodeValues(): number {
  let bytes = 0
  for (const batch of encoded) {
    const index = indexBatches([batch], { topic: 't', partition: 0, from: 0, endOffset: 0 })
    for (let i = 0; i < index.count; i++) bytes += index.valueAt(i)!.length + index.keyAt(i)!.length
  }
  return bytes
}

/** The best round counts: the others had company on the machine. */
function measure(method: string, run: () => unknown): void {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    run()
    best = Math.min(best, Number(process.hrtime.bigint() - start))
  }
  const nanoseconds = best / RECORDS
  const rate = (1000 / nanoseconds).toFixed(2)
  process.stdout.write(
    `${method.padEnd(28)} ${nanoseconds.toFixed(0).padStart(5)} ns/record ${rate.padStart(6)} M/s\n`,
  )
}

measure('encode text, with CRC', () => encode(values))
measure('encode bytes, with CRC', () => encode(byteValues))
measure('CRC alone', () => encoded.reduce((sum, batch) => sum ^ crc32c(batch), 0))
measure('index', () => decode(false))
measure('index, with CRC', () => decode(true))
measure('index, CRC, cut every field', () => decodeValues())

/**
 * A batch with some of its records left out, for compaction. Offsets, timestamps and the place of the producer's sequence
 * stay; the result is not compressed and belongs to no transaction any more (only decided records are compacted).
 */
import type { Bytes } from '../../core/record.ts'
import { decompress } from './decompress.ts'
import type { BatchHeader } from './header.ts'
import {
  COMPRESSION_MASK,
  CONTROL,
  HEADER_BYTES,
  LENGTH_PREFIX,
  TRANSACTIONAL,
  putInt16,
  putInt32,
  sealBatch,
} from './header.ts'
import { position, readVarint, seek } from './positions.ts'

/** @param batch one whole, intact batch; @param keep offsets of the records that stay */
export function keepRecords(batch: Bytes, header: BatchHeader, keep: ReadonlySet<number>): Bytes {
  const codec = header.attributes & COMPRESSION_MASK
  const payload = codec === 0 ? batch.subarray(HEADER_BYTES) : decompress(codec, batch.subarray(HEADER_BYTES))
  const parts: Bytes[] = [Buffer.from(batch.subarray(0, HEADER_BYTES))]
  let at = 0
  for (let i = 0; i < header.count; i++) {
    seek(at)
    const size = readVarint(payload)
    const end = position() + size
    seek(position() + 1)
    skipVarint(payload)
    if (keep.has(header.baseOffset + readVarint(payload))) parts.push(payload.subarray(at, end))
    at = end
  }
  const result = Buffer.concat(parts)
  putInt32(result, 8, result.length - LENGTH_PREFIX)
  putInt16(result, 21, header.attributes & ~(COMPRESSION_MASK | TRANSACTIONAL | CONTROL))
  putInt32(result, 57, keep.size)
  sealBatch(result)
  return result
}

function skipVarint(bytes: Bytes): void {
  let at = position()
  while (bytes[at]! >= 0x80) at++
  seek(at + 1)
}

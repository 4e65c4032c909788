/** The compression of record batches by name: packs a finished batch, or leaves it as it is where packing does not pay. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { Bytes } from '../../core/record.ts'
import { HEADER_BYTES, LENGTH_PREFIX, int16At, putInt16, putInt32, sealBatch } from './header.ts'
import { lz4 } from './pack-lz4.ts'
import { snappy } from './pack-snappy.ts'

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

interface Codec {
  /** In the attributes of a batch. */
  readonly number: number
  pack(records: Bytes): Bytes
}

const CODECS: Readonly<Record<Exclude<Compression, 'none'>, Codec>> = {
  gzip: { number: 1, pack: (records) => gzipSync(records) },
  snappy: { number: 2, pack: snappy },
  lz4: { number: 3, pack: lz4 },
  zstd: { number: 4, pack: (records) => zstdCompressSync(records) },
}

/** @param batch finished and sealed, not compressed */
export function compressBatch(batch: Buffer, compression: Compression): Buffer {
  if (compression === 'none') return batch
  const { number, pack } = CODECS[compression]
  const packed = pack(batch.subarray(HEADER_BYTES))
  if (packed.length >= batch.length - HEADER_BYTES) return batch
  const result = Buffer.allocUnsafeSlow(HEADER_BYTES + packed.length)
  batch.copy(result, 0, 0, HEADER_BYTES)
  result.set(packed, HEADER_BYTES)
  putInt32(result, 8, result.length - LENGTH_PREFIX)
  putInt16(result, 21, int16At(batch, 21) | number)
  sealBatch(result)
  return result
}

/** The compression codecs of record batches by their number, decoding only: what Sluice writes is not compressed. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { Bytes } from '../../core/record.ts'
import { problemOf } from '../../core/errors.ts'
import { unlz4 } from './lz4.ts'
import { Malformed } from './malformed.ts'
import { unsnappy } from './snappy.ts'

/** No batch is larger after decompression: a damaged or hostile one must not take all memory. */
const LARGEST = 1 << 30

/** The records of a compressed batch. @throws Malformed */
export function decompress(codec: number, bytes: Bytes): Bytes {
  switch (codec) {
    case 1:
      return native('gzip', () => gunzipSync(bytes, { maxOutputLength: LARGEST }))
    case 2:
      return unsnappy(bytes)
    case 3:
      return unlz4(bytes)
    case 4:
      return native('zstd', () => zstdDecompressSync(bytes, { maxOutputLength: LARGEST }))
    default:
      throw new Malformed(`its compression ${codec} is unknown`)
  }
}

function native(name: string, decode: () => Buffer): Buffer {
  try {
    return decode()
  } catch (error) {
    throw new Malformed(`${name}: ${problemOf(error)}`)
  }
}

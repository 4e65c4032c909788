/**
 * CRC-32C (Castagnoli), the checksum of a record batch, sixteen bytes a step.
 * In JavaScript on purpose: over batches of a few KiB it keeps up with a native call, and there is nothing to install.
 */
import type { Bytes } from '../../core/record.ts'

const POLYNOMIAL = 0x82f63b78

/** T[k * 256 + b] = what byte b contributes when k more bytes follow it in the same step. */
const T: Int32Array = tables()

function tables(): Int32Array {
  const table = new Int32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    table[byte] = crc
  }
  for (let at = 256; at < table.length; at++) {
    const shorter = table[at - 256]!
    table[at] = (shorter >>> 8) ^ table[shorter & 255]!
  }
  return table
}

/** The checksum of bytes[from, to), unsigned. */
export function crc32c(bytes: Bytes, from: number = 0, to: number = bytes.length): number {
  let crc = -1
  let i = from
  for (const steps = to - 15; i < steps; i += 16) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    crc =
      T[3840 + (crc & 255)]! ^
      T[3584 + ((crc >>> 8) & 255)]! ^
      T[3328 + ((crc >>> 16) & 255)]! ^
      T[3072 + (crc >>> 24)]! ^
      T[2816 + bytes[i + 4]!]! ^
      T[2560 + bytes[i + 5]!]! ^
      T[2304 + bytes[i + 6]!]! ^
      T[2048 + bytes[i + 7]!]! ^
      T[1792 + bytes[i + 8]!]! ^
      T[1536 + bytes[i + 9]!]! ^
      T[1280 + bytes[i + 10]!]! ^
      T[1024 + bytes[i + 11]!]! ^
      T[768 + bytes[i + 12]!]! ^
      T[512 + bytes[i + 13]!]! ^
      T[256 + bytes[i + 14]!]! ^
      T[bytes[i + 15]!]!
  }
  for (; i < to; i++) crc = (crc >>> 8) ^ T[(crc ^ bytes[i]!) & 255]!
  return ~crc >>> 0
}

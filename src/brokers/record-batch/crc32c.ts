/**
 * CRC-32C (Castagnoli), the checksum of a record batch, eight bytes a step (sixteen need tables that
 * crowd the first-level cache: 1.4 GB/s against 1.55).
 * In JavaScript on purpose: it is a fifth of what encoding costs, and there is nothing to install.
 */
import type { Bytes } from '../../core/record.ts'

const POLYNOMIAL = 0x82f63b78

/** T[k * 256 + b] = what byte b contributes when k more bytes follow it in the same step. */
const T: Int32Array = tables()

function tables(): Int32Array {
  const table = new Int32Array(8 * 256)
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
  // Words can be loaded where their place in memory is a multiple of four.
  const aligned = Math.min(to, from + (-(bytes.byteOffset + from) & 3))
  for (; i < aligned; i++) crc = (crc >>> 8) ^ T[(crc ^ bytes[i]!) & 255]!
  const count = ((to - i) >>> 3) * 2
  // Every system Node runs on is little-endian, as the algorithm wants it.
  const words = new Int32Array(bytes.buffer, count === 0 ? 0 : bytes.byteOffset + i, count)
  for (let word = 0; word < count; word += 2) {
    const low = crc ^ words[word]!
    const high = words[word + 1]!
    crc =
      T[1792 + (low & 255)]! ^
      T[1536 + ((low >>> 8) & 255)]! ^
      T[1280 + ((low >>> 16) & 255)]! ^
      T[1024 + (low >>> 24)]! ^
      T[768 + (high & 255)]! ^
      T[512 + ((high >>> 8) & 255)]! ^
      T[256 + ((high >>> 16) & 255)]! ^
      T[high >>> 24]!
  }
  for (i += count * 4; i < to; i++) crc = (crc >>> 8) ^ T[(crc ^ bytes[i]!) & 255]!
  return ~crc >>> 0
}

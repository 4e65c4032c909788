/** Zig-zag variable-length integers as records use them: sizes and writing. Reading is part of the reader's loop. */
import type { Bytes } from '../../core/record.ts'

/** Zig-zag of a 32-bit integer, unsigned. */
export function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}

/** Zig-zag of an integer beyond 32 bits, as a Number (exact to 2^52). */
export function zigzagLong(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2
}

/** Bytes of an unsigned integer below 2^32. */
export function varintSize(unsigned: number): number {
  if (unsigned < 0x80) return 1
  if (unsigned < 0x4000) return 2
  if (unsigned < 0x20_0000) return 3
  return unsigned < 0x1000_0000 ? 4 : 5
}

/** Bytes of an unsigned integer below 2^53. */
export function varlongSize(unsigned: number): number {
  let size = 1
  for (let rest = unsigned; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

/** Writes an unsigned integer below 2^32 and answers with the position after it. */
export function putVarint(bytes: Bytes, at: number, unsigned: number): number {
  let rest = unsigned
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** Writes an unsigned integer below 2^53 and answers with the position after it. */
export function putVarlong(bytes: Bytes, at: number, unsigned: number): number {
  let rest = unsigned
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[at++] = rest
  return at
}

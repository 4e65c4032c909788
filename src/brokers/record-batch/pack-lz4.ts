/** Encodes the LZ4 frame format: independent blocks of 64 KiB, no checksums (the batch has its own). */
import type { Bytes } from '../../core/record.ts'
import { findMatches } from './matches.ts'

const BLOCK = 1 << 16
/** Magic, version 1 with independent blocks, 64 KiB blocks, and the checksum byte of just this descriptor. */
const HEAD = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])
/** In a block's size: its bytes are not packed. */
const PLAIN = 0x8000_0000
const MIN_MATCH = 4

export function lz4(bytes: Bytes): Bytes {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const blocks = Math.ceil(source.length / BLOCK)
  const out = Buffer.allocUnsafe(HEAD.length + blocks * (4 + worstCase(BLOCK)) + 4)
  let at = HEAD.copy(out)
  for (let from = 0; from < source.length; from += BLOCK) {
    const to = Math.min(from + BLOCK, source.length)
    const end = putBlock(out, at + 4, source, from, to)
    if (end - at - 4 < to - from) {
      out.writeUInt32LE(end - at - 4, at)
      at = end
    } else {
      out.writeUInt32LE((PLAIN | (to - from)) >>> 0, at)
      at = at + 4 + source.copy(out, at + 4, from, to)
    }
  }
  out.writeUInt32LE(0, at)
  return out.subarray(0, at + 4)
}

function worstCase(size: number): number {
  return size + Math.ceil(size / 255) + 16
}

function putBlock(out: Buffer, start: number, source: Buffer, from: number, to: number): number {
  let at = start
  findMatches(source, from, to, (literalFrom, literalTo, distance, length) => {
    const literals = literalTo - literalFrom
    const rest = length === 0 ? 0 : length - MIN_MATCH
    out[at++] = (Math.min(literals, 15) << 4) | Math.min(rest, 15)
    if (literals >= 15) at = putLength(out, at, literals - 15)
    at += source.copy(out, at, literalFrom, literalTo)
    if (length === 0) return
    out.writeUInt16LE(distance, at)
    at += 2
    if (rest >= 15) at = putLength(out, at, rest - 15)
  })
  return at
}

function putLength(out: Buffer, at: number, length: number): number {
  let rest = length
  for (; rest >= 255; rest -= 255) out[at++] = 255
  out[at++] = rest
  return at
}

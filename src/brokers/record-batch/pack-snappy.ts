/** Encodes Snappy in the framing of Java's library (blocks with their size before them), which all readers of Kafka take. */
import type { Bytes } from '../../core/record.ts'
import { findMatches } from './matches.ts'
import { putVarint } from './varint.ts'

const BLOCK = 1 << 15
/** Its name, then version 1, compatible with version 1. */
const HEAD = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const LONGEST_COPY = 64
/** Sizes of a literal: in its tag up to 60, in one more byte up to 256, in two beyond. */
const IN_TAG = 60
const IN_ONE_BYTE = 256

export function snappy(bytes: Bytes): Bytes {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const blocks = Math.ceil(source.length / BLOCK)
  const out = Buffer.allocUnsafe(HEAD.length + blocks * (4 + worstCase(BLOCK)))
  let at = HEAD.copy(out)
  for (let from = 0; from < source.length; from += BLOCK) {
    const to = Math.min(from + BLOCK, source.length)
    const end = putBlock(out, at + 4, source, from, to)
    out.writeUInt32BE(end - at - 4, at)
    at = end
  }
  return out.subarray(0, at)
}

function worstCase(size: number): number {
  return 32 + size + Math.ceil(size / 6)
}

function putBlock(out: Buffer, start: number, source: Buffer, from: number, to: number): number {
  let at = putVarint(out, start, to - from)
  findMatches(source, from, to, (literalFrom, literalTo, distance, length) => {
    if (literalTo > literalFrom) at = putLiteral(out, at, source, literalFrom, literalTo)
    for (let left = length; left > 0; left -= LONGEST_COPY) {
      out[at++] = ((Math.min(left, LONGEST_COPY) - 1) << 2) | 2
      out.writeUInt16LE(distance, at)
      at += 2
    }
  })
  return at
}

function putLiteral(out: Buffer, start: number, source: Buffer, from: number, to: number): number {
  const size = to - from
  let at = start
  if (size <= IN_TAG) out[at++] = (size - 1) << 2
  else if (size <= IN_ONE_BYTE) {
    out[at++] = 60 << 2
    out[at++] = size - 1
  } else {
    out[at++] = 61 << 2
    out.writeUInt16LE(size - 1, at)
    at += 2
  }
  return at + source.copy(out, at, from, to)
}

/** Decodes the LZ4 frame format. Decoding only; its own checksums are left alone, the batch has one. */
import type { Bytes } from '../../core/record.ts'
import { Malformed } from './malformed.ts'
import { copyBack } from './snappy.ts'

const MAGIC = 0x184d2204
/** Block sizes by their code in the frame's descriptor. */
const BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 }
const MIN_MATCH = 4

/** @throws Malformed */
export function unlz4(bytes: Bytes): Bytes {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.length < 7 || view.readUInt32LE(0) !== MAGIC) throw new Malformed('lz4: it is no frame')
  const flags = view[4]!
  const blockBytes = BLOCK_BYTES[(view[5]! >> 4) & 7]
  if (blockBytes === undefined) throw new Malformed('lz4: its block size is unknown')
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0)
  const sink = new Sink(blockBytes)
  for (;;) {
    if (at + 4 > view.length) throw new Malformed('lz4: it is cut off')
    const head = view.readUInt32LE(at)
    at += 4
    if (head === 0) return sink.bytes()
    const size = head & 0x7fff_ffff
    if (size > view.length - at) throw new Malformed('lz4: a block is cut off')
    const block = view.subarray(at, at + size)
    sink.reserve(blockBytes)
    if (head >= 0x8000_0000) sink.end = putLiteral(sink.to, sink.end, block, 0, size)
    else decodeBlock(block, sink)
    at += size + ((flags & 0x10) !== 0 ? 4 : 0)
  }
}

/** What was decoded so far; blocks may refer to earlier ones, so it is one piece. */
class Sink {
  to: Buffer
  end = 0

  constructor(size: number) {
    this.to = Buffer.allocUnsafeSlow(size)
  }

  reserve(more: number): void {
    if (this.end + more <= this.to.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.to.length * 2, this.end + more))
    larger.set(this.to.subarray(0, this.end))
    this.to = larger
  }

  bytes(): Buffer {
    return this.to.subarray(0, this.end)
  }
}

function decodeBlock(from: Buffer, sink: Sink): void {
  const to = sink.to
  let end = sink.end
  let at = 0
  while (at < from.length) {
    const token = from[at++]!
    let literal = token >> 4
    if (literal === 15) {
      literal += extra(from, at)
      at += Math.floor((literal - 15) / 255) + 1
    }
    end = putLiteral(to, end, from, at, literal)
    at += literal
    if (at === from.length) break
    if (at + 2 > from.length) throw new Malformed('lz4: a match is cut off')
    const distance = from[at]! | (from[at + 1]! << 8)
    at += 2
    let match = token & 15
    if (match === 15) {
      match += extra(from, at)
      at += Math.floor((match - 15) / 255) + 1
    }
    end = copyBack(to, end, distance, match + MIN_MATCH, 'lz4')
  }
  sink.end = end
}

/** The rest of a length: bytes of 255 and one below. It takes floor(rest / 255) + 1 bytes. */
function extra(from: Buffer, at: number): number {
  let sum = 0
  for (let i = at; i < from.length; i++) {
    sum += from[i]!
    if (from[i] !== 255) return sum
  }
  throw new Malformed('lz4: a length is cut off')
}

function putLiteral(to: Buffer, end: number, from: Buffer, at: number, size: number): number {
  if (size > from.length - at || size > to.length - end) throw new Malformed('lz4: a literal is too long')
  to.set(from.subarray(at, at + size), end)
  return end + size
}

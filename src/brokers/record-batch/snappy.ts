/** Decodes Snappy, raw or in the framing of Java's snappy streams (which Kafka's clients write). Decoding only. */
import type { Bytes } from '../../core/record.ts'
import { int32At } from './header.ts'
import { Malformed } from './malformed.ts'

/** 0x82 'SNAPPY' 0, then two version numbers, then blocks with a length before each. */
const FRAME_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]
const FRAME_HEADER = 16
/** A copy of three bytes gives at most 64: more cannot come out, whatever the length says. */
const MOST_GROWTH = 64

/** @throws Malformed */
export function unsnappy(bytes: Bytes): Bytes {
  if (!FRAME_MAGIC.every((byte, at) => bytes[at] === byte)) return decodeBlock(bytes)
  const blocks: Bytes[] = []
  let at = FRAME_HEADER
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw new Malformed('snappy: a block length is cut off')
    const size = int32At(bytes, at)
    at += 4
    if (size < 0 || size > bytes.length - at) throw new Malformed('snappy: a block is cut off')
    blocks.push(decodeBlock(bytes.subarray(at, at + size)))
    at += size
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks)
}

function decodeBlock(from: Bytes): Bytes {
  const announced = announcedSize(from)
  const to = Buffer.allocUnsafeSlow(announced.size)
  let at = announced.next
  let end = 0
  while (at < from.length) {
    const tag = from[at++]!
    const kind = tag & 3
    if (kind === 0) {
      const long = (tag >> 2) - 59
      const size = long > 0 ? littleEndian(from, at, long) + 1 : (tag >> 2) + 1
      if (long > 0) at += long
      if (size > from.length - at || size > to.length - end)
        throw new Malformed('snappy: a literal is too long')
      to.set(from.subarray(at, at + size), end)
      at += size
      end += size
    } else {
      const size = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
      const width = kind === 3 ? 4 : kind
      const near = littleEndian(from, at, width)
      at += width
      end = copyBack(to, end, kind === 1 ? near | ((tag >> 5) << 8) : near, size, 'snappy')
    }
  }
  if (end !== to.length) throw new Malformed(`snappy: ${to.length} bytes were announced, ${end} came`)
  return to
}

function announcedSize(from: Bytes): { readonly size: number; readonly next: number } {
  let size = 0
  for (let at = 0; at < 5 && at < from.length; at++) {
    size += (from[at]! & 0x7f) * 2 ** (7 * at)
    if (from[at]! >= 0x80) continue
    if (size > from.length * MOST_GROWTH)
      throw new Malformed(`snappy: ${size} bytes cannot come of ${from.length}`)
    return { size, next: at + 1 }
  }
  throw new Malformed('snappy: its length cannot be read')
}

function littleEndian(bytes: Bytes, at: number, width: number): number {
  if (at + width > bytes.length) throw new Malformed('snappy: it is cut off')
  let value = 0
  for (let i = width - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!
  return value
}

/** Repeats `size` bytes from `distance` before `end`; both may overlap, which repeats a pattern. */
export function copyBack(to: Bytes, end: number, distance: number, size: number, codec: string): number {
  if (distance <= 0 || distance > end)
    throw new Malformed(`${codec}: it refers to bytes before the beginning`)
  if (size > to.length - end) throw new Malformed(`${codec}: more bytes come than were announced`)
  if (distance >= size) to.copyWithin(end, end - distance, end - distance + size)
  else for (let i = 0; i < size; i++) to[end + i] = to[end + i - distance]!
  return end + size
}

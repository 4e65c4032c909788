/**
 * Short texts by their bytes: keys come again and again, and finding one that was read before takes half the time of making
 * it anew (a native call); the text found also knows its hash already, which every look-up in a Map needs.
 */
import type { Bytes } from '../core/record.ts'

const LONGEST = 24
/** A power of two. 16,384 texts of up to 24 characters are less than a megabyte. */
const SLOTS = 1 << 14

/** By hash; a newer text takes the place of an older one. */
const known: string[] = Array.from({ length: SLOTS }, () => '')

/** The text in bytes[from, to), or undefined when it is long or not ASCII. */
export function shortTextAt(bytes: Bytes, from: number, to: number): string | undefined {
  if (to - from > LONGEST) return undefined
  let hash = 0
  let all = 0
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    all |= byte
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  if (all >= 0x80) return undefined
  const slot = (hash ^ (hash >>> 14)) & (SLOTS - 1)
  const text = known[slot]!
  return isAt(text, bytes, from, to) ? text : (known[slot] = asciiOf(bytes, from, to))
}

function isAt(text: string, bytes: Bytes, from: number, to: number): boolean {
  if (text.length !== to - from) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false
  return true
}

function asciiOf(bytes: Bytes, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
}

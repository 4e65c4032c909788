/** Which partition a key goes to: exactly Kafka's default (murmur2, seed 0x9747b28c), or data would be split between Java and us. */
import type { Bytes, Encoded } from './record.ts'

/** Kafka's murmur2 of the first `length` bytes as a signed 32-bit integer. */
export function murmur2(data: Bytes, length: number = data.length): number {
  const m = 0x5bd1e995
  let h = 0x9747b28c ^ length
  const words = length >> 2
  for (let word = 0; word < words; word++) {
    const at = word << 2
    let k = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    k = Math.imul(k, m)
    h = Math.imul(h, m) ^ k
  }
  const tail = length & ~3
  const rest = length & 3
  if (rest === 3) h ^= data[tail + 2]! << 16
  if (rest >= 2) h ^= data[tail + 1]! << 8
  if (rest >= 1) {
    h ^= data[tail]!
    h = Math.imul(h, m)
  }
  h ^= h >>> 13
  h = Math.imul(h, m)
  h ^= h >>> 15
  return h
}

/** The partition of a serialised key among `partitions`. @param windowBytes bytes at its end that do not count (`Serde`) */
export function partitionOf(key: Encoded, partitions: number, windowBytes: number = 0): number {
  const hash = typeof key === 'string' ? murmur2OfText(key) : murmur2(key, key.length - windowBytes)
  return (hash & 0x7fffffff) % partitions
}

/** Where short text is spelt out for hashing: encoding it would allocate bytes that are thrown away at once. */
const SPELT: Bytes = Buffer.alloc(64)

function murmur2OfText(text: string): number {
  if (text.length > SPELT.length) return murmur2(Buffer.from(text, 'utf8'))
  let all = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    all |= code
    SPELT[i] = code
  }
  return all < 0x80 ? murmur2(SPELT, text.length) : murmur2(Buffer.from(text, 'utf8'))
}

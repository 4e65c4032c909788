/**
 * How keys and values lie in LMDB, which has neither empty keys nor keys above 1,978 bytes. Every key gets a first byte;
 * a longer key is stored as its head and a hash, with the whole key in front of its value. It must never lose order:
 * keys that share such a head are sorted again by whoever reads them.
 */
import { createHash } from 'node:crypto'
import type { Bytes } from '../core/record.ts'

/** Keys up to this many bytes are stored as they are. */
export const LONGEST_PLAIN_KEY = 1900
const HASH_BYTES = 32
const FIRST_BYTE = 1

/** lmdb's key encoder for keys in stored form: puts the first byte in front without a copy of our own. */
export const KEY_ENCODER = {
  writeKey(key: Bytes, target: Bytes, start: number): number {
    target[start] = FIRST_BYTE
    target.set(key, start + 1)
    return start + 1 + key.length
  },
  readKey(source: Bytes, start: number, end: number): Bytes {
    return Uint8Array.prototype.slice.call(source, start + 1, end)
  },
}

export function isLong(key: Bytes): boolean {
  return key.length > LONGEST_PLAIN_KEY
}

/** The stored form of a key. Only long ones differ from the key itself; no plain key is as long as theirs. */
export function storedKey(key: Bytes): Bytes {
  if (!isLong(key)) return key
  const hash = createHash('sha256').update(key).digest()
  return Buffer.concat([headOf(key), hash])
}

/** What all long keys sharing this head sort behind, in stored form. */
export function lowerEdge(key: Bytes): Bytes {
  return isLong(key) ? headOf(key) : key
}

/** What all long keys sharing this head sort before, in stored form. */
export function upperEdge(key: Bytes): Bytes {
  return isLong(key) ? Buffer.concat([headOf(key), Buffer.alloc(HASH_BYTES + 1, 0xff)]) : key
}

/** The value stored under a long key: the length of the key, the key, the value. */
export function withKey(key: Bytes, value: Bytes): Bytes {
  const stored = Buffer.allocUnsafe(4 + key.length + value.length)
  stored.writeUInt32BE(key.length, 0)
  stored.set(key, 4)
  stored.set(value, 4 + key.length)
  return stored
}

/** The entry that a stored key and value stand for. */
export function entryOf(stored: Bytes, value: Bytes): [Bytes, Bytes] {
  if (!isLong(stored)) return [stored, value]
  const length = new DataView(value.buffer, value.byteOffset).getUint32(0)
  return [value.subarray(4, 4 + length), value.subarray(4 + length)]
}

/** True when two stored keys are of long keys with one head. */
export function sameHead(a: Bytes, b: Bytes): boolean {
  return isLong(a) && isLong(b) && Buffer.compare(headOf(a), headOf(b)) === 0
}

function headOf(key: Bytes): Bytes {
  return key.subarray(0, LONGEST_PLAIN_KEY)
}

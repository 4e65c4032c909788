/**
 * The bytes of one entry of an in-flight ledger: everything needed to admit a record again after a crash.
 * Version 1; an unknown version is refused, since guessing would lose a record.
 */
import { sluiceError } from '../../core/errors.ts'
import type { Bytes, Header, Headers } from '../../core/record.ts'

export interface LedgerEntry {
  readonly deadline: number
  readonly attempts: number
  readonly timestamp: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly headers: Headers
}

const VERSION = 1
const FIXED = 1 + 8 + 4 + 8 + 4 + 8

/** Keys order entries by admission: 8 bytes big-endian. */
export function sequenceKey(sequence: number): Bytes {
  const key = Buffer.alloc(8)
  key.writeBigUInt64BE(BigInt(sequence))
  return key
}

export function sequenceOf(key: Bytes): number {
  return Number(Buffer.from(key.buffer, key.byteOffset, key.length).readBigUInt64BE(0))
}

export function encodeLedgerEntry(entry: LedgerEntry): Bytes {
  const parts: (Bytes | null)[] = [Buffer.from(entry.topic, 'utf8'), entry.key, entry.value]
  for (const { key, value } of entry.headers) parts.push(Buffer.from(key, 'utf8'), value)
  const size = parts.reduce((sum, part) => sum + 4 + (part?.length ?? 0), FIXED)
  const out = Buffer.allocUnsafe(size)
  out[0] = VERSION
  out.writeDoubleBE(entry.deadline, 1)
  out.writeInt32BE(entry.attempts, 9)
  out.writeDoubleBE(entry.timestamp, 13)
  out.writeInt32BE(entry.partition, 21)
  out.writeDoubleBE(entry.offset, 25)
  let at = FIXED
  for (const part of parts) {
    at = out.writeInt32BE(part === null ? -1 : part.length, at)
    if (part !== null) {
      out.set(part, at)
      at += part.length
    }
  }
  return out
}

/** @throws SLUICE_INTERNAL for bytes that are no entry */
export function decodeLedgerEntry(bytes: Bytes): LedgerEntry {
  const from = Buffer.from(bytes)
  if (from.length < FIXED || from[0] !== VERSION) {
    throw sluiceError('SLUICE_INTERNAL', { place: 'ledger', problem: `entry of unknown version ${from[0]}` })
  }
  const parts: (Bytes | null)[] = []
  for (let at = FIXED; at < from.length;) {
    const length = from.readInt32BE(at)
    at += 4
    parts.push(length < 0 ? null : from.subarray(at, at + length))
    at += Math.max(0, length)
  }
  const headers: Header[] = []
  for (let at = 3; at + 1 < parts.length; at += 2) {
    headers.push({ key: textOf(parts[at]!), value: parts[at + 1]! })
  }
  return {
    deadline: from.readDoubleBE(1),
    attempts: from.readInt32BE(9),
    timestamp: from.readDoubleBE(13),
    topic: textOf(parts[0]!),
    partition: from.readInt32BE(21),
    offset: from.readDoubleBE(25),
    key: parts[1]!,
    value: parts[2]!,
    headers,
  }
}

function textOf(bytes: Bytes | null): string {
  return bytes === null ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}

/** Nine bytes no sequence begins with: what an operator keeps beside its records stands behind them all. */
const KEPT_PREFIX = new Uint8Array(9).fill(0xff)

/** The key of something an operator keeps over restarts. */
export function keptKey(name: string): Bytes {
  return Buffer.concat([KEPT_PREFIX, Buffer.from(name)])
}

/** Its name, or undefined for the key of a record. */
export function keptName(key: Bytes): string | undefined {
  if (key.length < KEPT_PREFIX.length) return undefined
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('utf8', KEPT_PREFIX.length)
}

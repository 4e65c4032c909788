/**
 * The metadata committed with an offset: Kafka Streams' version 2 (base64 of version, partition time, processor
 * metadata), so that Java reads ours and we read Java's. Our own entries have names starting with `sluice.`.
 * Must never fail a start: what can't be read is as if absent.
 */
import { murmur2 } from '../../core/partitioner.ts'

export interface Envelope {
  /** Highest event time read from the partition up to the offset; -1 unknown. */
  readonly partitionTime: number
  /** 64-bit numbers by name. */
  readonly entries: ReadonlyMap<string, number>
}

export const EMPTY_ENVELOPE: Envelope = { partitionTime: -1, entries: new Map() }

const VERSION = 2

/** What brokers take (`offset.metadata.max.bytes`); a longer text would have every commit refused, for ever. */
const MAX_LENGTH = 4_096

/** The name under which an entry is found when the full names together are too long. */
export function shortName(name: string): string {
  const half = (text: string): string => (murmur2(Buffer.from(text, 'utf8')) >>> 0).toString(36)
  return `sluice.~${half(name)}.${half(`${name}~`)}`
}

/** Entries have their full names, or, where those would be too long together, short ones (`shortName`). */
export function encodeEnvelope(envelope: Envelope): string {
  const full = encoded(envelope)
  if (full.length <= MAX_LENGTH) return full
  const entries = new Map([...envelope.entries].map(([name, value]) => [shortName(name), value]))
  return encoded({ ...envelope, entries })
}

function encoded(envelope: Envelope): string {
  const names = [...envelope.entries.keys()].map((name) => Buffer.from(name, 'utf8'))
  const size = names.reduce((sum, name) => sum + 12 + name.length, names.length === 0 ? 9 : 13)
  const out = Buffer.alloc(size)
  out[0] = VERSION
  out.writeBigInt64BE(BigInt(envelope.partitionTime), 1)
  if (names.length > 0) {
    let at = out.writeInt32BE(names.length, 9)
    let index = 0
    for (const value of envelope.entries.values()) {
      const name = names[index++]!
      at = out.writeInt32BE(name.length, at)
      at += name.copy(out, at)
      at = out.writeBigInt64BE(BigInt(value), at)
    }
  }
  return out.toString('base64')
}

export function decodeEnvelope(text: string): Envelope {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length < 9 || (bytes[0] !== 1 && bytes[0] !== VERSION)) return EMPTY_ENVELOPE
  const partitionTime = Number(bytes.readBigInt64BE(1))
  if (bytes.length < 13 || bytes[0] === 1) return { partitionTime, entries: new Map() }
  try {
    return { partitionTime, entries: readEntries(bytes) }
  } catch (error) {
    if (error instanceof RangeError) return { partitionTime, entries: new Map() }
    throw error
  }
}

function readEntries(bytes: Buffer): Map<string, number> {
  const entries = new Map<string, number>()
  let at = 13
  for (let left = bytes.readInt32BE(9); left > 0; left--) {
    const length = bytes.readInt32BE(at)
    const name = bytes.toString('utf8', at + 4, at + 4 + length)
    entries.set(name, Number(bytes.readBigInt64BE(at + 4 + length)))
    at += 12 + length
  }
  return entries
}

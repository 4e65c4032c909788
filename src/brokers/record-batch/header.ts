/**
 * The 61 bytes before the records of a batch (RecordBatch v2): reading, checking and patching them.
 * Base offset and leader epoch lie outside the checksum, so a log may set them; everything else needs `sealBatch`.
 */
import type { Bytes } from '../../core/record.ts'
import { crc32c } from './crc32c.ts'

/** Bytes of a batch without records. */
export const HEADER_BYTES = 61
/** Bytes before the part that the length field counts. */
export const LENGTH_PREFIX = 12
/** Where the checksum lies, and from where on it counts. */
export const CRC_AT = 17
export const CRC_FROM = 21

export const LOG_APPEND_TIME = 0x08
export const TRANSACTIONAL = 0x10
export const CONTROL = 0x20
export const COMPRESSION_MASK = 0x07

const TWO_32 = 4_294_967_296

/** One batch header, read once. Times in ms since 1970. */
export interface BatchHeader {
  /** Bytes of the whole batch. */
  readonly size: number
  readonly baseOffset: number
  /** Last offset the batch covers, also when compaction removed that record. */
  readonly lastOffset: number
  readonly leaderEpoch: number
  readonly attributes: number
  readonly transactional: boolean
  readonly control: boolean
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** -1: not idempotent. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count: number
}

export function int16At(bytes: Bytes, at: number): number {
  return ((bytes[at]! << 24) >> 16) | bytes[at + 1]!
}

export function int32At(bytes: Bytes, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

export function int64At(bytes: Bytes, at: number): number {
  return int32At(bytes, at) * TWO_32 + (int32At(bytes, at + 4) >>> 0)
}

export function putInt16(bytes: Bytes, at: number, value: number): void {
  bytes[at] = value >> 8
  bytes[at + 1] = value
}

export function putInt32(bytes: Bytes, at: number, value: number): void {
  bytes[at] = value >> 24
  bytes[at + 1] = value >> 16
  bytes[at + 2] = value >> 8
  bytes[at + 3] = value
}

export function putInt64(bytes: Bytes, at: number, value: number): void {
  const high = Math.floor(value / TWO_32)
  putInt32(bytes, at, high)
  putInt32(bytes, at + 4, value - high * TWO_32)
}

/** The header of the batch at `at`; what it says is not checked (see `batchProblem`). */
export function readHeader(bytes: Bytes, at: number = 0): BatchHeader {
  const baseOffset = int64At(bytes, at)
  const attributes = int16At(bytes, at + 21)
  return {
    size: LENGTH_PREFIX + int32At(bytes, at + 8),
    baseOffset,
    lastOffset: baseOffset + int32At(bytes, at + 23),
    leaderEpoch: int32At(bytes, at + 12),
    attributes,
    transactional: (attributes & TRANSACTIONAL) !== 0,
    control: (attributes & CONTROL) !== 0,
    baseTimestamp: int64At(bytes, at + 27),
    maxTimestamp: int64At(bytes, at + 35),
    producerId: int64At(bytes, at + 43),
    producerEpoch: int16At(bytes, at + 51),
    baseSequence: int32At(bytes, at + 53),
    count: int32At(bytes, at + 57),
  }
}

/**
 * What is wrong with the header at `at`, or undefined. Needs HEADER_BYTES there. A size beyond the end of `bytes` is no
 * problem here: it may be a batch of which only the beginning was read.
 */
export function headerProblem(bytes: Bytes, at: number = 0): string | undefined {
  const length = int32At(bytes, at + 8)
  if (bytes[at + 16] !== 2) return `its format is version ${bytes[at + 16]}, only 2 is known`
  if (length < HEADER_BYTES - LENGTH_PREFIX) return `its length ${length} is less than a header`
  const baseOffset = int64At(bytes, at)
  if (baseOffset < 0 || !Number.isSafeInteger(baseOffset))
    return `its base offset ${baseOffset} is impossible`
  const lastDelta = int32At(bytes, at + 23)
  if (lastDelta < 0) return `its last offset delta ${lastDelta} is negative`
  const count = int32At(bytes, at + 57)
  if (count < 0 || count > lastDelta + 1)
    return `it says to hold ${count} records in ${lastDelta + 1} offsets`
  return undefined
}

/** True if the checksum of the whole batch at `at` fits. */
export function crcFits(bytes: Bytes, at: number = 0): boolean {
  const end = at + LENGTH_PREFIX + int32At(bytes, at + 8)
  return crc32c(bytes, at + CRC_FROM, end) === int32At(bytes, at + CRC_AT) >>> 0
}

/** What is wrong with the whole batch at `at` of `bytes`, checksum included (unless `checkCrc` is false), or undefined. */
export function batchProblem(bytes: Bytes, at: number = 0, checkCrc: boolean = true): string | undefined {
  if (bytes.length - at < HEADER_BYTES) return `${bytes.length - at} bytes are less than a header`
  const problem = headerProblem(bytes, at)
  if (problem !== undefined) return problem
  const size = LENGTH_PREFIX + int32At(bytes, at + 8)
  if (size > bytes.length - at) return `${size} bytes are announced, ${bytes.length - at} are there`
  return !checkCrc || crcFits(bytes, at) ? undefined : 'its checksum is wrong'
}

/** Gives a batch its place in a log. The checksum stays valid. */
export function placeBatch(batch: Bytes, baseOffset: number, leaderEpoch: number): void {
  putInt64(batch, 0, baseOffset)
  putInt32(batch, LENGTH_PREFIX, leaderEpoch)
}

/** Writes the checksum of a finished batch. */
export function sealBatch(batch: Bytes): void {
  putInt32(batch, CRC_AT, crc32c(batch, CRC_FROM))
}

/** `sequence` advanced by `by`; sequences wrap to 0 after 2^31 - 1. */
export function nextSequence(sequence: number, by: number): number {
  return (sequence + by) % 2_147_483_648
}

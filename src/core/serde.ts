/**
 * The port between values and bytes. A serde must never see null: absent keys and values stay null outside it.
 */
import type { Bytes, Encoded } from './record.ts'

export interface Serde<T> {
  /**
   * Names the byte format, for instance `json` or `int64`. Two serdes of equal format read and write the same
   * bytes, so a record whose value nobody touched may be passed on as the bytes it came in.
   */
  readonly format: string
  /**
   * Called once per written key or value, on the processing path: must be synchronous and must not keep `value`.
   * Text stands for its UTF-8 bytes.
   * @throws any error: the runtime wraps it as SLUICE_SERIALIZE with the place and follows the error policy.
   */
  serialize(value: T): Encoded
  /**
   * Called at most once per record and side. `bytes` belong to the fetched batch: copy what outlives the call.
   * @throws any error: the runtime wraps it as SLUICE_DESERIALIZE with topic, partition and offset; the record
   * goes to the dead-letter topic in the same transaction.
   */
  deserialize(bytes: Bytes): T
  /**
   * The same as `deserialize` of `bytes.subarray(from, to)`, for formats that can read in place: making the view costs as
   * much as reading a short text. Optional.
   */
  deserializeAt?(bytes: Bytes, from: number, to: number): T
  /**
   * Whether serialising `value`, just read from `size` bytes, gives exactly those bytes again. Then nobody needs to keep
   * them. Must cost next to nothing; formats that can't tell leave it out.
   */
  reproduces?(value: T, size: number): boolean
  /**
   * A constant-time check for bytes that no operator reads (a length, a magic byte), so that a malformed record is
   * refused at the source even where its value is never decoded. Formats that can't be checked cheaply leave it out.
   */
  check?(bytes: Bytes): void
  /**
   * Bytes at the end of a serialised key that do not take part in choosing its partition: the window of a windowed key, so that
   * all windows of a key stay together. Default 0.
   */
  readonly windowBytes?: number
}

/** Text stands for UTF-8: the bytes of an encoded key or value. */
export function encodedBytes(encoded: Encoded): Bytes {
  return typeof encoded === 'string' ? Buffer.from(encoded, 'utf8') : encoded
}

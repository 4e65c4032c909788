/**
 * Serdes of windowed keys, byte-equal with Java's: `key | start` of time windows, whose end follows from their size, and
 * `key | end | start` of sessions. Records are partitioned by the key alone, so that all windows of a key stay together.
 */
import type { Bytes, Encoded } from '../core/record.ts'
import { milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import type { Serde } from '../core/serde.ts'
import type { Windowed } from '../core/windowed.ts'

const TIME_BYTES = 8

/**
 * Keys of tumbling, hopping, sliding and unlimited windows.
 * @param size of the windows (sliding: the difference), which is not written
 * @example
 * import { topic } from 'sluice'
 * import { int64, string, timeWindowed } from 'sluice/serdes'
 *
 * const counts = topic('counts', { key: timeWindowed(string, '1m'), value: int64 })
 */
export function timeWindowed<K>(key: Serde<K>, size: Duration): Serde<Windowed<K>> {
  const sizeMs = milliseconds(size, 'timeWindowed: size')
  const from = (bytes: Bytes): Windowed<K> => {
    const at = lengthOfKey(bytes, TIME_BYTES)
    const start = readTime(bytes, at)
    return {
      key: key.deserialize(bytes.subarray(0, at)),
      start,
      end: Math.min(start + sizeMs, Number.MAX_SAFE_INTEGER),
    }
  }
  return Object.freeze({
    format: `time-windowed ${key.format}`,
    serialize: (windowed: Windowed<K>) => withTimes(key.serialize(windowed.key), windowed.start),
    deserialize: from,
    windowBytes: TIME_BYTES,
  })
}

/**
 * Keys of sessions.
 * @example
 * import { topic } from 'sluice'
 * import { int64, sessionWindowed, string } from 'sluice/serdes'
 *
 * const visits = topic('visits', { key: sessionWindowed(string), value: int64 })
 */
export function sessionWindowed<K>(key: Serde<K>): Serde<Windowed<K>> {
  const from = (bytes: Bytes): Windowed<K> => {
    const at = lengthOfKey(bytes, 2 * TIME_BYTES)
    return {
      key: key.deserialize(bytes.subarray(0, at)),
      start: readTime(bytes, at + TIME_BYTES),
      end: readTime(bytes, at),
    }
  }
  return Object.freeze({
    format: `session-windowed ${key.format}`,
    serialize: ({ key: base, start, end }: Windowed<K>) => withTimes(key.serialize(base), end, start),
    deserialize: from,
    windowBytes: 2 * TIME_BYTES,
  })
}

function withTimes(key: Encoded, first: number, second?: number): Bytes {
  const length = typeof key === 'string' ? Buffer.byteLength(key) : key.length
  const bytes = Buffer.allocUnsafe(length + (second === undefined ? TIME_BYTES : 2 * TIME_BYTES))
  if (typeof key === 'string') bytes.write(key)
  else bytes.set(key)
  writeTime(bytes, first, length)
  if (second !== undefined) writeTime(bytes, second, length + TIME_BYTES)
  return bytes
}

/** 64 bits without a BigInt: times are safe integers. */
function writeTime(into: Buffer, time: number, at: number): void {
  into.writeInt32BE(Math.floor(time / 0x1_0000_0000), at)
  into.writeUInt32BE(time >>> 0, at + 4)
}

function readTime(bytes: Bytes, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, TIME_BYTES)
  return view.getInt32(0) * 0x1_0000_0000 + view.getUint32(4)
}

function lengthOfKey(bytes: Bytes, timeBytes: number): number {
  if (bytes.length >= timeBytes) return bytes.length - timeBytes
  throw new RangeError(`expected at least ${timeBytes} bytes of a windowed key, got ${bytes.length}`)
}

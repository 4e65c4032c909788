/**
 * One segment in a file: batches one after the other, with a sparse index of positions in memory. It reads; writing and
 * removing the file is the store's business, which must `retire` it first.
 */
import type { Disk, DiskFile } from '../../core/disk.ts'
import type { Bytes } from '../../core/record.ts'
import { sluiceError } from '../../core/errors.ts'
import type { BatchHeader } from '../record-batch/header.ts'
import { HEADER_BYTES, crcFits, headerProblem, readHeader } from '../record-batch/header.ts'
import { firstAtLeast } from './memory-segment.ts'
import type { Segment } from './segment.ts'

/** A batch is entered into the index when the last entry is this many bytes away. */
const INDEX_EVERY = 16 * 1024

/** What it was replaced by, or undefined when it is gone. */
type Successor = Promise<Segment> | undefined

export class FileSegment implements Segment {
  readonly baseOffset: number
  readonly path: string
  readonly #disk: Disk
  /** Of the batches in the index: last offset and newest record of everything before them, and where they begin. */
  readonly #offsetsBefore: number[] = []
  readonly #timesBefore: number[] = []
  readonly #positions: number[] = []
  #lastOffset: number
  #bytes = 0
  #maxTimestamp = -1
  #durableBytes = 0
  #readers = 0
  #drained: (() => void) | undefined
  #retired: { readonly successor: Successor } | undefined

  constructor(disk: Disk, folder: string, baseOffset: number) {
    this.#disk = disk
    this.baseOffset = baseOffset
    this.path = `${folder}/${segmentName(baseOffset)}`
    this.#lastOffset = baseOffset - 1
  }

  get nextOffset(): number {
    return this.#lastOffset + 1
  }

  get bytes(): number {
    return this.#bytes
  }

  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  /** Enters a batch at the end. @returns the position of its first byte */
  add(header: BatchHeader): number {
    const position = this.#bytes
    if (this.#positions.length === 0 || position - this.#positions.at(-1)! >= INDEX_EVERY) {
      this.#offsetsBefore.push(this.#lastOffset)
      this.#timesBefore.push(this.#maxTimestamp)
      this.#positions.push(position)
    }
    this.#bytes += header.size
    this.#lastOffset = header.lastOffset
    this.#maxTimestamp = Math.max(this.#maxTimestamp, header.maxTimestamp)
    return position
  }

  /** Everything up to `bytes` is in the file and durable: readers may look at it. */
  madeDurable(bytes: number): void {
    this.#durableBytes = bytes
  }

  offsetBefore(timestamp: number): number {
    const index = Math.max(0, firstAtLeast(this.#timesBefore, timestamp) - 1)
    return (this.#offsetsBefore[index] ?? this.baseOffset - 1) + 1
  }

  async read(offset: number, maxBytes: number, limit: number): Promise<readonly Bytes[]> {
    if (this.#retired !== undefined) {
      const successor = await this.#retired.successor
      return successor === undefined ? [] : successor.read(offset, maxBytes, limit)
    }
    this.#readers++
    try {
      const file = await this.#disk.open(this.path)
      try {
        return await this.#take(file, offset, maxBytes, limit)
      } finally {
        await file.close()
      }
    } finally {
      this.#readers--
      if (this.#readers === 0) this.#drained?.()
    }
  }

  /** Ends reading of the file: later readers go to the successor. Resolves when nobody reads any more. */
  async retire(successor: Successor): Promise<void> {
    this.#retired = { successor }
    if (this.#readers > 0) await new Promise<void>((resolve) => (this.#drained = resolve))
  }

  /** Reads from the index entry before `offset` on until whole wanted batches are in hand. */
  async #take(file: DiskFile, offset: number, maxBytes: number, limit: number): Promise<readonly Bytes[]> {
    const index = Math.max(0, firstAtLeast(this.#offsetsBefore, offset) - 1)
    let position = this.#positions[index] ?? 0
    let want = maxBytes + INDEX_EVERY
    while (position < this.#durableBytes) {
      const length = Math.min(Math.max(want, HEADER_BYTES), this.#durableBytes - position)
      const chunk = await file.read(position, length)
      if (chunk.length < length)
        throw this.#broken(position + chunk.length, 'the file ends before its last batch')
      const found = this.#scan(chunk, position, { offset, maxBytes, limit })
      if (found.parts.length > 0 || found.ended) return found.parts
      position += found.passed
      want = Math.max(found.need, maxBytes)
    }
    return []
  }

  /** Finds the wanted whole batches in a chunk that begins with a batch. */
  #scan(
    chunk: Bytes,
    position: number,
    wanted: { readonly offset: number; readonly maxBytes: number; readonly limit: number },
  ): {
    readonly parts: readonly Bytes[]
    readonly ended: boolean
    readonly passed: number
    readonly need: number
  } {
    let begin = -1
    let at = 0
    let need = 0
    while (chunk.length - at >= HEADER_BYTES) {
      const problem = headerProblem(chunk, at)
      if (problem !== undefined) throw this.#broken(position + at, problem)
      const header = readHeader(chunk, at)
      if (header.baseOffset >= wanted.limit)
        return { parts: part(chunk, begin, at), ended: true, passed: at, need }
      if (begin < 0 && header.lastOffset >= wanted.offset) begin = at
      need = header.size
      const enough = begin >= 0 && at > begin && at + header.size - begin > wanted.maxBytes
      if (enough || (begin >= 0 && header.size > chunk.length - at)) break
      // Checked here and not by the reader of the records: only here file and position are known.
      if (begin >= 0 && !crcFits(chunk, at)) throw this.#broken(position + at, 'its checksum is wrong')
      at += header.size
    }
    return { parts: part(chunk, begin, at), ended: false, passed: at, need }
  }

  #broken(position: number, problem: string): Error {
    return sluiceError('SLUICE_SEGMENT_BROKEN', { file: this.path, position, problem })
  }
}

function part(chunk: Bytes, begin: number, end: number): readonly Bytes[] {
  return begin >= 0 && end > begin ? [chunk.subarray(begin, end)] : []
}

/** The file name of a segment: its base offset in twenty digits, so that names sort like offsets. */
export function segmentName(baseOffset: number): string {
  return `${String(baseOffset).padStart(20, '0')}.log`
}

/** The base offset in a file name, or undefined when it is no segment's. */
export function offsetInName(name: string): number | undefined {
  const match = /^(\d{20})\.log$/.exec(name)
  return match === null ? undefined : Number(match[1])
}

/**
 * A map ordered by its text keys (UTF-16 code units; bytes as latin1 text sort as unsigned bytes), for storages and
 * overlays. Iterators see the content as of their creation; it must never re-sort or copy itself for a range.
 */

import type { Bytes } from './record.ts'

const CHUNK = 128

/** Bytes as latin1 text: one char a byte, so that text order is unsigned byte order. */
export function latin1Of(bytes: Bytes): string {
  const buffer =
    bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.toString('latin1')
}

interface Chunk<V> {
  keys: string[]
  values: V[]
  /** The epoch in which this chunk was made; older ones may be seen by an iterator and are copied before a change. */
  epoch: number
}

/** Sorted chunks, copied on write after an iterator was made: `range` costs nothing but the search. */
export class OrderedMap<V> {
  #chunks: Chunk<V>[] = []
  #chunksEpoch = 0
  #epoch = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: string): V | undefined {
    const chunk = this.#chunks[chunkOf(this.#chunks, key)]
    if (chunk === undefined) return undefined
    const at = lowerBound(chunk.keys, key)
    return chunk.keys[at] === key ? chunk.values[at] : undefined
  }

  /** The entry with the smallest key. */
  first(): readonly [string, V] | undefined {
    const chunk = this.#chunks[0]
    return chunk === undefined ? undefined : [chunk.keys[0]!, chunk.values[0]!]
  }

  set(key: string, value: V): void {
    this.#own()
    const chunks = this.#chunks
    if (chunks.length === 0) {
      chunks.push({ keys: [key], values: [value], epoch: this.#epoch })
      this.#size = 1
      return
    }
    const index = Math.min(chunkOf(chunks, key), chunks.length - 1)
    const chunk = this.#ownChunk(index)
    const at = lowerBound(chunk.keys, key)
    if (chunk.keys[at] === key) {
      chunk.values[at] = value
      return
    }
    insert(chunk, at, key, value)
    this.#size++
    if (chunk.keys.length > CHUNK) this.#split(index, at)
  }

  delete(key: string): boolean {
    const index = chunkOf(this.#chunks, key)
    const found = this.#chunks[index]
    if (found === undefined) return false
    const at = lowerBound(found.keys, key)
    if (found.keys[at] !== key) return false
    this.#own()
    const chunk = this.#ownChunk(index)
    chunk.keys.splice(at, 1)
    chunk.values.splice(at, 1)
    this.#size--
    if (chunk.keys.length === 0) this.#chunks.splice(index, 1)
    return true
  }

  clear(): void {
    this.#chunks = []
    this.#chunksEpoch = this.#epoch
    this.#size = 0
  }

  /** Entries with from <= key <= to (`undefined` = open end), descending with `reverse`. */
  range(from?: string, to?: string, reverse = false): IterableIterator<[string, V]> {
    this.#epoch++
    return reverse ? descending(this.#chunks, from, to) : ascending(this.#chunks, from, to)
  }

  #own(): void {
    if (this.#chunksEpoch === this.#epoch) return
    this.#chunks = this.#chunks.slice()
    this.#chunksEpoch = this.#epoch
  }

  #ownChunk(index: number): Chunk<V> {
    const chunk = this.#chunks[index]!
    if (chunk.epoch === this.#epoch) return chunk
    const copy = { keys: chunk.keys.slice(), values: chunk.values.slice(), epoch: this.#epoch }
    this.#chunks[index] = copy
    return copy
  }

  /** Halves a full chunk, or only opens a new one when keys arrive in ascending order, so that chunks stay full. */
  #split(index: number, insertedAt: number): void {
    const chunk = this.#chunks[index]!
    const length = chunk.keys.length
    const at = insertedAt === length - 1 ? length - 1 : length >> 1
    const keys = chunk.keys.splice(at)
    const values = chunk.values.splice(at)
    this.#chunks.splice(index + 1, 0, { keys, values, epoch: this.#epoch })
  }
}

/** Appending is by far the commonest insert (ascending keys), and `push` is cheaper than `splice`. */
function insert<V>(chunk: Chunk<V>, at: number, key: string, value: V): void {
  if (at === chunk.keys.length) {
    chunk.keys.push(key)
    chunk.values.push(value)
  } else {
    chunk.keys.splice(at, 0, key)
    chunk.values.splice(at, 0, value)
  }
}

/** Index of the first chunk whose last key is >= key; the number of chunks when there is none. */
function chunkOf<V>(chunks: readonly Chunk<V>[], key: string): number {
  let low = 0
  let high = chunks.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const keys = chunks[middle]!.keys
    if (keys[keys.length - 1]! < key) low = middle + 1
    else high = middle
  }
  return low
}

/** Index of the first key >= key. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}

function* ascending<V>(
  chunks: readonly Chunk<V>[],
  from: string | undefined,
  to: string | undefined,
): IterableIterator<[string, V]> {
  let index = from === undefined ? 0 : chunkOf(chunks, from)
  let at = from === undefined || index >= chunks.length ? 0 : lowerBound(chunks[index]!.keys, from)
  for (; index < chunks.length; index++, at = 0) {
    const { keys, values } = chunks[index]!
    for (; at < keys.length; at++) {
      const key = keys[at]!
      if (to !== undefined && key > to) return
      yield [key, values[at]!]
    }
  }
}

function* descending<V>(
  chunks: readonly Chunk<V>[],
  from: string | undefined,
  to: string | undefined,
): IterableIterator<[string, V]> {
  let index = to === undefined ? chunks.length - 1 : Math.min(chunkOf(chunks, to), chunks.length - 1)
  for (; index >= 0; index--) {
    const { keys, values } = chunks[index]!
    for (let at = keys.length - 1; at >= 0; at--) {
      const key = keys[at]!
      if (to !== undefined && key > to) continue
      if (from !== undefined && key < from) return
      yield [key, values[at]!]
    }
  }
}

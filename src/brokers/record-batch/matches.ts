/**
 * Finds repetitions in a block of at most 64 KiB, greedily, by a table of four-byte words: the common half of the LZ4 and
 * Snappy encoders. It allocates nothing per block.
 */

/** Told in order: bytes as they are, then `length` bytes that repeat what lies `distance` before; 0 at the end. */
export type OnSequence = (literalFrom: number, literalTo: number, distance: number, length: number) => void

const HASH_BITS = 14
const MIN_MATCH = 4
/** No match begins in the last bytes of a block, and none ends in the last five (rules of LZ4, harmless elsewhere). */
const LAST_START = 12
const LAST_LITERALS = 5

/** Position + 1 of the last word with that hash, within the block at hand; 0: none. */
const table = new Int32Array(1 << HASH_BITS)

export function findMatches(source: Buffer, from: number, to: number, onSequence: OnSequence): void {
  table.fill(0)
  let literalFrom = from
  for (let at = from; at <= to - LAST_START;) {
    const word = source.readInt32LE(at)
    const slot = Math.imul(word, -1640531535) >>> (32 - HASH_BITS)
    const before = table[slot]! - 1 + from
    table[slot] = at - from + 1
    if (before < from || before >= at || source.readInt32LE(before) !== word) {
      at++
      continue
    }
    let length = MIN_MATCH
    const longest = to - LAST_LITERALS - at
    while (length < longest && source[before + length] === source[at + length]) length++
    onSequence(literalFrom, at, at - before, length)
    at += length
    literalFrom = at
  }
  onSequence(literalFrom, to, 0, 0)
}

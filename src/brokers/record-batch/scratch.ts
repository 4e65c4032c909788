/**
 * Memory in which batches grow before they are copied out at their size. It is used again and again: fresh memory costs a
 * page fault per 4 KiB at first touch (up to 2.5 µs in a virtual machine), and growing by doubling touches twice what a
 * batch needs. It must never be part of what anybody keeps.
 */

export const EMPTY: Buffer = Buffer.alloc(0)

/** The first is enough for a commit's worth of most partitions; four times the size each, so that few copies are made. */
const FIRST_BYTES = 16 * 1024
const GROWTH = 4
/** FIRST_BYTES × GROWTH^3 = 1 MiB, a full batch of Kafka's default limit with room. */
const CLASSES = 4
/** Free memory kept per class; what a burst needed beyond that goes back to the system. */
const KEPT_BYTES = 4 * 1024 * 1024

const free: readonly Buffer[][] = Array.from({ length: CLASSES }, () => [])

/** Memory of at least `bytes`, with anything in it. */
export function takeScratch(bytes: number): Buffer {
  let size = FIRST_BYTES
  for (let kind = 0; kind < CLASSES; kind++, size *= GROWTH) {
    if (bytes <= size) return free[kind]!.pop() ?? Buffer.allocUnsafeSlow(size)
  }
  // Larger than any batch of default limits: doubled, and not kept.
  return Buffer.allocUnsafeSlow(Math.max(bytes, size / GROWTH) * 2)
}

/** Takes memory back from its only user. */
export function giveBack(buffer: Buffer): void {
  let size = FIRST_BYTES
  for (let kind = 0; kind < CLASSES; kind++, size *= GROWTH) {
    if (buffer.length !== size) continue
    if (free[kind]!.length * size < KEPT_BYTES) free[kind]!.push(buffer)
    return
  }
}

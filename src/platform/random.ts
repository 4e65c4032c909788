/** Real chance, from the cryptographic generator of the system: ids of two processes must never meet. */
import { randomFillSync, randomUUID } from 'node:crypto'
import type { Random } from '../core/random.ts'

// One system call serves 512 draws; retry jitter may draw once per call.
const pool = new Uint32Array(1024)
let used = pool.length

/** Unpredictable numbers and ids. */
export const systemRandom: Random = {
  next(): number {
    if (used === pool.length) {
      randomFillSync(pool)
      used = 0
    }
    const high = pool[used++]! >>> 5
    const low = pool[used++]! >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  },
  uuid: () => randomUUID(),
}

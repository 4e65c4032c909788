/** Damages bytes at random, as a broken network, a proxy or an attacker might. */
import type { Random } from '../../../../src/core/random.ts'

/** A damaged copy: bytes changed, sizes blown up, pieces cut out, doubled or put at the end. */
export function hurt(bytes: Buffer, random: Random): Buffer {
  const below = (limit: number): number => Math.floor(random.next() * limit)
  let damaged = Buffer.from(bytes)
  for (let times = 1 + below(3); times > 0; times--) {
    if (damaged.length === 0) break
    const at = below(damaged.length)
    switch (below(5)) {
      case 0:
        damaged[at] = below(256)
        break
      case 1:
        // Where sizes stand, these are the largest ones.
        damaged.fill(random.next() < 0.5 ? 0xff : 0x7f, at, Math.min(damaged.length, at + 1 + below(5)))
        break
      case 2:
        damaged = damaged.subarray(0, at)
        break
      case 3:
        damaged = Buffer.concat([damaged.subarray(0, at), damaged.subarray(at + below(8))])
        break
      default:
        damaged = Buffer.concat([damaged.subarray(0, at), damaged.subarray(below(at + 1))])
    }
  }
  return damaged
}

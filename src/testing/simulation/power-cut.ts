/**
 * What a power cut leaves of things that were done but not yet made durable. Reality has no one answer (order of the
 * disk, of the file system, luck), so the way it goes is drawn too.
 */
import type { SeededRandom } from './random.ts'

/** `torn`: only the first part of it arrived; what cannot be torn counts it as lost. */
export type Fate = 'kept' | 'torn' | 'lost'

const WAYS = ['none', 'all', 'prefix', 'mixed', 'mixed'] as const

/** The fates of `count` things in the order in which they were done. */
export function drawFates(count: number, random: SeededRandom): readonly Fate[] {
  const way = random.pick(WAYS)
  const edge = random.int(0, count)
  return Array.from({ length: count }, (_, at): Fate => {
    const drawn = random.next()
    if (way === 'none') return 'lost'
    if (way === 'all') return 'kept'
    if (way === 'prefix') return at < edge ? 'kept' : at === edge ? 'torn' : 'lost'
    return drawn < 0.5 ? 'kept' : drawn < 0.75 ? 'torn' : 'lost'
  })
}

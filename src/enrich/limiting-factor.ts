/**
 * What keeps a task from asking faster right now, told from its levels when somebody looks; nothing is counted for it. The
 * first that holds of: an open breaker, the rate limit, a hot key, the window of records, its bytes, the slots.
 */

/** `none`: neither records nor calls wait; records do not come faster, or leave as fast as they come. */
export type LimitingFactor = 'none' | 'concurrency' | 'rate' | 'breaker' | 'hot-key' | 'window' | 'bytes'

export const LIMITING_FACTORS: readonly LimitingFactor[] = [
  'none',
  'concurrency',
  'rate',
  'breaker',
  'hot-key',
  'window',
  'bytes',
]

export interface Levels {
  /** Calls that a circuit breaker holds, and that wait for the rate limit, of the endpoints this task asks. */
  readonly heldByBreaker: number
  readonly waitingForRate: number
  /** A key has as many records as it may, or all that wait do so for their predecessors of the same key. */
  readonly hotKey: boolean
  readonly windowFull: boolean
  readonly bytesFull: boolean
  readonly freeSlots: number
  readonly waitingForSlot: number
}

export function limitingFactor(levels: Levels): LimitingFactor {
  if (levels.heldByBreaker > 0) return 'breaker'
  if (levels.waitingForRate > 0) return 'rate'
  if (levels.hotKey) return 'hot-key'
  // With all slots taken more records would not help.
  if (levels.freeSlots <= 0) return levels.waitingForSlot > 0 ? 'concurrency' : 'none'
  if (levels.bytesFull) return 'bytes'
  return levels.windowFull ? 'window' : 'none'
}

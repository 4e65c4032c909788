/**
 * Batches written and fsynced together form a group. Its number within the segment, and whether a batch is the last of its
 * group, are kept in the leader epoch of each batch (outside the checksum; nothing else uses it in a log of one process).
 *
 * Why: a power cut may keep any part of what was not synced, so a valid batch can follow a lost one. That is a torn tail if
 * both were in one unacknowledged group, and real damage if the lost one had been acknowledged; only this tells which.
 */

export interface WriteGroup {
  readonly number: number
  readonly last: boolean
}

const NUMBERS = 2 ** 30

export function groupEpoch(group: number, last: boolean): number {
  return (group % NUMBERS) * 2 + (last ? 1 : 0)
}

export function groupOf(leaderEpoch: number): WriteGroup {
  return { number: leaderEpoch >> 1, last: (leaderEpoch & 1) === 1 }
}

/** The group that comes after `before`, the last whole batch of a segment; groups of a segment begin with 0. */
export function groupAfter(before: WriteGroup | undefined): number {
  if (before === undefined) return 0
  return before.last ? (before.number + 1) % NUMBERS : before.number
}

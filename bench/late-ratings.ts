/**
 * Ratings as the peer's S3 has them: users by Zipf(1.0) over 100,000, event time a step per record, 5% late by up to 45 s. The same on
 * every machine.
 */

const USERS = 100_000
const LATE_SHARE = 0.05
const LATE_MS = 45_000

/** User and event time of a record. @param stepMs 1: dense, 100: sparse */
export function lateRating(index: number, stepMs: number): { readonly user: number; readonly time: number } {
  // The density of Zipf(1.0) falls as 1/x: its quantile is a power of the number of users.
  const user = Math.min(USERS, Math.floor(USERS ** uniform(index, 0x9e3779b9)))
  const late = uniform(index, 0x7feb352d) < LATE_SHARE ? uniform(index, 0x846ca68b) * LATE_MS : 0
  return { user, time: 1_700_000_000_000 + index * stepMs - Math.floor(late) }
}

/** From 0 up to 1, by index and salt. */
function uniform(index: number, salt: number): number {
  let mixed = Math.imul(index ^ salt, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 13)) >>> 0) / 0x1_0000_0000
}

/**
 * Named places in commit, restore and revoke at which tests may stop, kill or fail an instance.
 * In production every place costs one call that returns undefined.
 */

export const FAILPOINTS = [
  'commit.close',
  'commit.flush',
  'commit.ledger',
  'commit.send',
  'commit.acknowledged',
  'commit.offsets',
  'commit.end',
  'commit.ended',
  'commit.store',
  'commit.stored',
  'restore.open',
  'restore.offsets',
  'restore.read',
  'restore.apply',
  'restore.done',
  'standby.apply',
  'revoke.start',
  'revoke.commit',
  'revoke.close',
  'revoke.acknowledge',
  'abort.start',
  'abort.rebuilt',
] as const

export type Failpoint = (typeof FAILPOINTS)[number]

export interface Failpoints {
  /** Called at each place. A promise holds the caller there (for ever = killed); a rejection is a fault at that place. */
  hit(place: Failpoint): Promise<void> | undefined
}

export const NO_FAILPOINTS: Failpoints = { hit: () => undefined }

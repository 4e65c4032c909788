/** Everything of a simulated run but its scenario, and how a seed draws it. */
import type { Guarantee } from '../../engine/runtime/options.ts'
import type { FailpointFaults } from '../simulation/failpoints.ts'
import type { SeededRandom } from '../simulation/random.ts'

export interface RunPlan {
  readonly guarantee: Guarantee
  readonly partitions: number
  readonly records: number
  /** Broker in a folder (it may die, the power may go) or in memory. */
  readonly folder: boolean
  /** Local stores outlive a process. */
  readonly persistent: boolean
  /** Shorter than the session: an owner's transaction ends before its tasks move on. Longer: they move first. */
  readonly transactionTimeoutMs: number
  /** Objects a store caches; few make it read its storage. */
  readonly cacheEntries: number
  /** How many instances run, step by step over the time of the run. */
  readonly instances: readonly number[]
  /** Duration of the faulty part, virtual ms. */
  readonly durationMs: number
  readonly failpoints: FailpointFaults
  readonly broker: {
    readonly delay: number
    readonly split: number
    readonly hold: number
    readonly unavailable: number
    readonly lostCommit: number
    readonly lostSend: number
    readonly lostOffsets: number
    /** Zombies that do not know it: only with transactions, nothing else stops them. */
    readonly lateLoss: number
  }
  /** Times the broker process dies, and how many of these are power cuts. */
  readonly brokerCrashes: number
  readonly powerCuts: number
  /** Random kills and pauses besides those at failpoints. */
  readonly kills: number
  readonly pauses: number
  readonly disk: {
    /** Probability that an operation takes long. */
    readonly slow: number
    /**
     * Probability that a sync resolves without having made anything durable. After a power cut data may then be missing whatever
     * one does: such a run must end in order or in an error that names the damage, its outputs prove nothing.
     */
    readonly lies: number
  }
  /** Probability that a write to a local store fails; the instance ends and is started again. */
  readonly storeFailure: number
  readonly service: {
    readonly medianMs: number
    readonly p99Ms: number
    readonly failure: number
    readonly hang: number
  }
}

/** Draws everything of a run but the scenario from the seed. */
export function drawPlan(random: SeededRandom): RunPlan {
  const calm = random.chance(0.1)
  const folder = random.chance(0.5)
  const some = (p: number): number => (calm ? 0 : random.chance(0.7) ? p * random.next() * 2 : 0)
  const brokerCrashes = folder && !calm ? random.int(0, 2) : 0
  const powerCuts = brokerCrashes > 0 ? random.int(0, brokerCrashes) : 0
  const guarantee = random.chance(0.75) ? 'exactly-once' : 'at-least-once'
  return {
    guarantee,
    partitions: random.int(1, 4),
    records: random.int(20, 120),
    folder,
    persistent: random.chance(0.8),
    transactionTimeoutMs: random.pick([2_000, 10_000]),
    cacheEntries: random.pick([3, 100_000]),
    instances: random.pick([[1], [1], [2], [1, 3, 2], [1, 3, 2], [2, 1], [3, 1, 2]]),
    durationMs: random.int(3_000, 15_000),
    failpoints: { kill: some(0.008), pause: some(0.004), delay: some(0.1), error: some(0.01) },
    broker: {
      delay: some(0.3),
      split: some(0.2),
      hold: some(0.1),
      unavailable: some(0.01),
      lostCommit: some(0.03),
      lostSend: some(0.01),
      lostOffsets: some(0.01),
      lateLoss: guarantee === 'exactly-once' ? 1 : 0,
    },
    brokerCrashes,
    powerCuts,
    disk: { slow: some(0.02), lies: powerCuts > 0 && random.chance(0.15) ? 0.3 : 0 },
    storeFailure: random.chance(0.2) ? some(0.003) : 0,
    kills: calm ? 0 : random.int(0, 3),
    pauses: calm ? 0 : random.int(0, 2),
    service: { medianMs: 50, p99Ms: 400, failure: some(0.05), hang: some(0.01) },
  }
}

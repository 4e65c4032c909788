/**
 * Failpoints driven by the seed: at each named place the process may be killed, paused beyond its session, delayed, or told
 * that the broker is away. Counts every hit, so that a run can show that no place was forgotten.
 */
import { sluiceError } from '../../core/errors.ts'
import { FAILPOINTS, type Failpoint, type Failpoints } from '../../core/failpoint.ts'
import type { Life } from './life.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

export interface FailpointFaults {
  /** Probabilities per hit. */
  readonly kill: number
  readonly pause: number
  readonly delay: number
  readonly error: number
}

export type FailpointCounts = Map<Failpoint, { hits: number; kills: number; pauses: number; errors: number }>

export function failpointCounts(): FailpointCounts {
  return new Map(FAILPOINTS.map((place) => [place, { hits: 0, kills: 0, pauses: 0, errors: 0 }]))
}

export interface SimulatedFailpointsOptions {
  readonly world: World
  readonly life: Life
  readonly random: SeededRandom
  readonly counts: FailpointCounts
  /** Asked at each hit: the scenario ends the faults at some time. */
  readonly faults: () => FailpointFaults
  readonly instance: string
  /** Pauses last from 0.7 to 2.7 times this, ms: most outlast a session. */
  readonly pauseMs: number
  /** Kills the process (its life, its locks, what else it held). */
  readonly kill: (place: Failpoint) => void
}

export function simulatedFailpoints(options: SimulatedFailpointsOptions): Failpoints {
  const { world, life, random, counts, instance } = options
  const say = (what: string, place: Failpoint): void => world.trace(`${what} ${instance}`, place)
  return {
    hit(place) {
      const count = counts.get(place)!
      count.hits++
      const { kill, pause, delay, error } = options.faults()
      const drawn = random.next()
      const amount = random.next()
      if (drawn < kill) {
        count.kills++
        say('kill', place)
        options.kill(place)
        return new Promise(() => {})
      }
      if (drawn < kill + pause) {
        count.pauses++
        say('pause', place)
        life.pause(options.pauseMs * (0.7 + 2 * amount))
        return life.gate(Promise.resolve())
      }
      if (drawn < kill + pause + delay) return life.gate(world.sleep(amount * 50))
      if (drawn < kill + pause + delay + error) {
        count.errors++
        say('error', place)
        return Promise.reject(
          sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation: place, problem: 'injected' }),
        )
      }
      return undefined
    },
  }
}

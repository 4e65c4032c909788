/** Which deaths a run has, from its seed: every failpoint in turn, plain random instants, and restores with and without local state. */
import { FAILPOINTS, type Failpoint } from '../../src/core/failpoint.ts'
import { seededRandom } from '../../src/testing/simulation/random.ts'

export interface Kill {
  /** `anytime`: the parent kills, whatever the instance is doing. */
  readonly place: Failpoint | 'anytime'
  /** Milliseconds at work before. */
  readonly afterMs: number
  readonly second: boolean
  /** The local state is deleted before this life, so that everything is restored from the changelogs. */
  readonly loseState: boolean
  /** What happens to a living instance first, on Kafka: it stands still for longer than its session, or its broker dies. */
  readonly fault?: 'paused' | 'broker killed'
}

/** Places that are reached while the transaction of the load is open; the others can't be inside one. */
const INSIDE = [
  'commit.close',
  'commit.flush',
  'commit.ledger',
  'commit.send',
  'commit.acknowledged',
  'commit.offsets',
  'commit.end',
  'revoke.start',
  'revoke.commit',
  'abort.start',
] as const satisfies readonly Failpoint[]

export function isInside(place: string): boolean {
  return (INSIDE as readonly string[]).includes(place)
}

/** The places around the end of a transaction, where most can go wrong. */
const TWICE = [
  'commit.ledger',
  'commit.send',
  'commit.acknowledged',
  'commit.offsets',
  'commit.end',
  'revoke.commit',
] as const satisfies readonly Failpoint[]

const OUTSIDE = FAILPOINTS.filter((place) => !isInside(place))
const RESTORE = OUTSIDE.filter((place) => place.startsWith('restore.'))
const OTHERS = OUTSIDE.filter((place) => !place.startsWith('restore.'))

/** Of 20 kills, 16 at places inside a transaction, 2 at any time, 1 during a restore, 1 elsewhere; all places in turn. */
export function killsOf(seed: number, count: number): readonly Kill[] {
  const random = seededRandom(`kills ${seed}`)
  const kills: Kill[] = []
  for (let round = seed; kills.length < count; round++) {
    const anytime = Array.from({ length: 2 }, () => 'anytime' as const)
    const places: Kill['place'][] = [...INSIDE, ...TWICE, ...anytime]
    places.push(RESTORE[round % RESTORE.length]!)
    places.push(OTHERS[round % OTHERS.length]!)
    while (places.length > 0 && kills.length < count) {
      const [place] = places.splice(random.int(0, places.length - 1), 1)
      kills.push(killAt(place!, random))
    }
  }
  return kills
}

function killAt(place: Kill['place'], random: ReturnType<typeof seededRandom>): Kill {
  const restoring = place.startsWith('restore.')
  const chance = random.next()
  return {
    place,
    afterMs: restoring ? 0 : random.int(500, 3_000),
    second: place.startsWith('revoke.') || (place === 'anytime' && chance < 0.4),
    loseState: restoring ? chance < 0.6 : chance < 0.1,
  }
}

/** For Kafka: after every fourth kill one more, of an instance that lived through a pause or the death of a broker. */
export function withFaults(kills: readonly Kill[]): readonly Kill[] {
  return kills.flatMap((kill, at) => {
    if (at % 4 !== 3) return [kill]
    const fault = at % 8 === 3 ? 'paused' : 'broker killed'
    return [kill, { place: 'anytime', afterMs: 500, second: false, loseState: false, fault } as const]
  })
}

import { describe, expect, it } from 'vitest'
import { isSluiceError } from '../../../src/core/errors.ts'
import { FAILPOINTS, type Failpoints } from '../../../src/core/failpoint.ts'
import {
  failpointCounts,
  simulatedFailpoints,
  type FailpointCounts,
  type FailpointFaults,
} from '../../../src/testing/simulation/failpoints.ts'
import { Life } from '../../../src/testing/simulation/life.ts'
import { World } from '../../../src/testing/simulation/world.ts'

const NONE: FailpointFaults = { kill: 0, pause: 0, delay: 0, error: 0 }

interface Bench {
  readonly world: World
  readonly life: Life
  readonly counts: FailpointCounts
  readonly failpoints: Failpoints
  readonly killed: string[]
  faults: FailpointFaults
}

function bench(faults: Partial<FailpointFaults> = {}, seed = 1): Bench {
  const world = new World({ seed })
  const life = new Life(world)
  const counts = failpointCounts()
  const killed: string[] = []
  const made: Bench = {
    world,
    life,
    counts,
    killed,
    faults: { ...NONE, ...faults },
    failpoints: simulatedFailpoints({
      world,
      life,
      random: world.random.fork('failpoints'),
      counts,
      faults: () => made.faults,
      instance: 'a',
      pauseMs: 1_000,
      kill: (place) => {
        killed.push(place)
        life.kill()
      },
    }),
  }
  return made
}

describe('a failpoint', () => {
  it('costs nothing and holds nobody without faults, and is counted', () => {
    const { failpoints, counts } = bench()
    for (const place of FAILPOINTS) expect(failpoints.hit(place)).toBeUndefined()
    expect(failpoints.hit('commit.end')).toBeUndefined()
    expect(counts.get('commit.end')).toEqual({ hits: 2, kills: 0, pauses: 0, errors: 0 })
    expect([...counts.values()].every(({ hits }) => hits > 0)).toBe(true)
  })

  it('kills: whoever hit it never comes back', async () => {
    const { world, failpoints, counts, killed } = bench({ kill: 1 })
    let back = 0
    await world.run(async () => {
      failpoints.hit('commit.send')!.then(
        () => back++,
        () => back++,
      )
      await world.sleep(10_000)
    })
    expect(killed).toEqual(['commit.send'])
    expect(back).toBe(0)
    expect(counts.get('commit.send')!.kills).toBe(1)
  })

  it('pauses for longer than a session', async () => {
    const { world, life, failpoints, counts } = bench({ pause: 1 })
    const at = await world.run(async () => {
      const held = failpoints.hit('revoke.commit')!
      expect(life.paused).toBe(true)
      await held
      return world.time
    })
    expect(at).toBeGreaterThanOrEqual(1_000)
    expect(at).toBeLessThanOrEqual(3_000)
    expect(counts.get('revoke.commit')!.pauses).toBe(1)
  })

  it('delays for a while without a pause', async () => {
    const { world, life, failpoints } = bench({ delay: 1 })
    const at = await world.run(async () => {
      const held = failpoints.hit('restore.read')!
      expect(life.paused).toBe(false)
      await held
      return world.time
    })
    expect(at).toBeGreaterThan(0)
    expect(at).toBeLessThanOrEqual(50)
  })

  it('fails as a broker that is away', async () => {
    const { failpoints, counts } = bench({ error: 1 })
    const error: unknown = await failpoints.hit('commit.offsets')!.catch((caught: unknown) => caught)
    expect(isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')).toBe(true)
    expect(counts.get('commit.offsets')!.errors).toBe(1)
  })

  it('asks for the faults at every hit, so that a run can end them', () => {
    const made = bench({ kill: 1 })
    made.faults = NONE
    expect(made.failpoints.hit('commit.close')).toBeUndefined()
    expect(made.killed).toEqual([])
  })

  it('draws the same fate for the same seed, whatever faults were possible before', () => {
    const fates = (first: Partial<FailpointFaults>): number => {
      const made = bench(first, 7)
      made.failpoints.hit('commit.close')?.catch(() => undefined)
      made.faults = { ...NONE, error: 0.5 }
      for (let at = 0; at < 200; at++) made.failpoints.hit('commit.end')?.catch(() => undefined)
      return made.counts.get('commit.end')!.errors
    }
    expect(fates({})).toBe(fates({ error: 1 }))
    expect(fates({})).toBeGreaterThan(60)
    expect(fates({})).toBeLessThan(140)
  })
})

import { describe, expect, it } from 'vitest'
import { sleep } from '../../../src/core/clock.ts'
import { isSluiceError } from '../../../src/core/errors.ts'
import { World } from '../../../src/testing/simulation/world.ts'

/** Three workers that sleep, yield and draw for a while; gives what they did, in order. */
async function story(seed: number): Promise<{ hash: string; said: readonly string[] }> {
  const world = new World({ seed })
  const said: string[] = []
  const work = async (name: string): Promise<void> => {
    const random = world.random.fork(name)
    for (let at = 0; at < 20; at++) {
      await sleep(world.clock, random.int(0, 3))
      await world.scheduler.yield()
      said.push(`${name}${at}`)
      world.trace('work', `${name}${at}`)
    }
  }
  await world.run(async () => {
    await Promise.all([work('a'), work('b'), work('c')])
  })
  return { hash: world.traceHash, said }
}

const failure = async (run: Promise<unknown>): Promise<string> => {
  const error: unknown = await run.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  if (!isSluiceError(error, 'SLUICE_SIMULATION')) throw new Error(`no SLUICE_SIMULATION: ${String(error)}`)
  return error.message
}

describe('one seed', () => {
  it('gives one story and one trace hash', async () => {
    expect(await story(1)).toEqual(await story(1))
  })

  it('gives another story than the next', async () => {
    const stories = await Promise.all([1, 2, 3, 4, 5].map(story))
    expect(new Set(stories.map(({ hash }) => hash)).size).toBe(5)
    expect(new Set(stories.map(({ said }) => said.join())).size).toBe(5)
  })
})

describe('time', () => {
  it('jumps from event to event, in order, whatever the order of setting', async () => {
    const world = new World({ seed: 1, startsAt: 1_000 })
    const fired: string[] = []
    for (const ms of [86_000, 5, 70, 5.25])
      world.clock.setTimer(ms, () => fired.push(`${ms} at ${world.clock.monotonic()}`))
    await world.run(() => world.sleep(86_001))
    expect(fired).toEqual(['5 at 5', '5.25 at 5.25', '70 at 70', '86000 at 86000'])
    expect(world.clock.now()).toBe(87_001)
  })

  it('orders timers of one instant by the seed', async () => {
    const orders = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const world = new World({ seed })
      const order: string[] = []
      for (const name of ['a', 'b', 'c']) world.clock.setTimer(1, () => order.push(name))
      await world.run(() => world.sleep(2))
      orders.add(order.join(''))
    }
    expect(orders.size).toBe(6)
  })

  it('never fires a cancelled timer, not even one cancelled in the instant in which both are due', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = new World({ seed })
      const fired: string[] = []
      const timers = ['a', 'b'].map((name, at) =>
        world.clock.setTimer(1, () => {
          fired.push(name)
          timers[1 - at]!.cancel()
        }),
      )
      await world.run(() => world.sleep(2))
      expect(fired).toHaveLength(1)
    }
  })

  it('stands still until every microtask has run', async () => {
    const world = new World({ seed: 1 })
    let depth = 0
    let seen = 0
    world.clock.setTimer(1, () => (seen = depth))
    await world.run(async () => {
      for (; depth < 5_000; depth++) await Promise.resolve()
      await world.sleep(2)
    })
    expect(seen).toBe(5_000)
  })

  it('goes on in a later run with what was left', async () => {
    const world = new World({ seed: 1 })
    let fired = false
    world.clock.setTimer(10, () => (fired = true))
    await world.run(() => world.sleep(5))
    expect(fired).toBe(false)
    await world.run(() => world.sleep(6))
    expect(fired).toBe(true)
  })
})

describe('a run', () => {
  it('gives the value of main, or throws what it rejects with', async () => {
    const world = new World({ seed: 1 })
    expect(await world.run(() => world.sleep(1).then(() => 42))).toBe(42)
    const error = new Error('mine')
    await expect(world.run(() => Promise.reject(error))).rejects.toBe(error)
  })

  it('that can never end is a deadlock, reported with the seed and the last lines', async () => {
    const world = new World({ seed: 99 })
    const message = await failure(
      world.run(async () => {
        await world.sleep(3)
        world.trace('waiting', 'for nobody')
        await new Promise(() => undefined)
      }),
    )
    expect(message).toMatch(/deadlocked/)
    expect(message).toMatch(/seed 99/)
    expect(message).toMatch(/3\.000 ms {2}waiting for nobody/)
  })

  it('that never comes to rest is a runaway, by events or by time', async () => {
    const busy = new World({ seed: 1, maxEvents: 500 })
    const spin = async (world: World, ms: number): Promise<never> => {
      for (;;) await world.sleep(ms)
    }
    expect(await failure(busy.run(() => spin(busy, 0)))).toMatch(/ran away: 500 events/)
    const slow = new World({ seed: 1, maxTime: 10_000 })
    expect(await failure(slow.run(() => spin(slow, 999)))).toMatch(/stuck: 10000 ms/)
  })

  it('is stopped by an exception in an event, which is the cause', async () => {
    const world = new World({ seed: 1 })
    world.clock.setTimer(1, () => {
      throw new Error('boom')
    })
    await expect(world.run(() => world.sleep(5))).rejects.toMatchObject({
      code: 'SLUICE_SIMULATION',
      cause: { message: 'boom' },
    })
  })

  it('cannot be entered twice at once', async () => {
    const world = new World({ seed: 1 })
    const first = world.run(() => world.sleep(1))
    expect(await failure(world.run(() => world.sleep(1)))).toMatch(/while it was running/)
    await first
  })
})

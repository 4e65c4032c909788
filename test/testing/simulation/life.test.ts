import { describe, expect, it } from 'vitest'
import { Life } from '../../../src/testing/simulation/life.ts'
import { World } from '../../../src/testing/simulation/world.ts'

/** A port whose calls are counted where they arrive, with the virtual time of arrival. */
function port(world: World): { readonly arrived: string[]; send(what: string): Promise<string> } {
  const arrived: string[] = []
  return {
    arrived,
    send: async (what) => {
      arrived.push(`${what} at ${world.time}`)
      await world.sleep(10)
      return `re: ${what}`
    },
  }
}

describe('timers of a life', () => {
  it('fire in time while it lives', async () => {
    const world = new World({ seed: 1 })
    const { clock } = new Life(world)
    const fired: number[] = []
    await world.run(async () => {
      clock.setTimer(5, () => fired.push(world.time))
      await world.sleep(20)
    })
    expect(fired).toEqual([5])
  })

  it('that come due in a pause fire when it ends', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const fired: number[] = []
    await world.run(async () => {
      life.clock.setTimer(5, () => fired.push(world.time))
      life.pause(100)
      await world.sleep(200)
    })
    expect(fired).toEqual([100])
  })

  it('never fire when they were cancelled in a pause, before or after they came due', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const fired: string[] = []
    await world.run(async () => {
      const due = life.clock.setTimer(5, () => fired.push('due'))
      const later = life.clock.setTimer(80, () => fired.push('later'))
      life.pause(100)
      await world.sleep(50)
      due.cancel()
      later.cancel()
      await world.sleep(200)
    })
    expect(fired).toEqual([])
  })

  it('never fire when one that was held back before them cancels them', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const fired: string[] = []
    await world.run(async () => {
      life.clock.setTimer(5, () => {
        fired.push('first')
        second.cancel()
      })
      const second = life.clock.setTimer(6, () => fired.push('second'))
      life.pause(100)
      await world.sleep(200)
    })
    expect(fired).toEqual(['first'])
  })

  it('never fire after death', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const fired: string[] = []
    await world.run(async () => {
      life.clock.setTimer(5, () => fired.push('while dead'))
      life.pause(3)
      life.kill()
      await world.sleep(50)
    })
    expect(fired).toEqual([])
  })
})

describe('what a pause holds back', () => {
  it('happens afterwards in its order, one event each, later things behind it', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const story: string[] = []
    const say = (what: string): void => {
      story.push(`${what} in event ${world.events}`)
    }
    await world.run(async () => {
      for (const ms of [3, 1, 2]) life.clock.setTimer(ms, () => say(`timer ${ms}`))
      life.pause(100)
      // Due in the very instant in which the pause ends.
      life.clock.setTimer(100, () => say('timer 100'))
      await world.sleep(200)
    })
    expect(story.map((line) => line.split(' in ')[0])).toEqual(['timer 1', 'timer 2', 'timer 3', 'timer 100'])
    expect(new Set(story.map((line) => line.split(' in ')[1])).size).toBe(4)
    expect(life.paused).toBe(false)
  })

  it('waits for the end of the longer of two pauses', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const fired: number[] = []
    await world.run(async () => {
      life.clock.setTimer(5, () => fired.push(world.time))
      life.pause(50)
      life.pause(100)
      life.pause(20)
      await world.sleep(200)
    })
    expect(fired).toEqual([100])
  })

  it('stays held when a new pause begins before all of it has happened', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const fired: string[] = []
    await world.run(async () => {
      life.clock.setTimer(1, () => {
        fired.push(`first at ${world.time}`)
        life.pause(100)
      })
      life.clock.setTimer(2, () => fired.push(`second at ${world.time}`))
      life.pause(50)
      await world.sleep(300)
    })
    expect(fired).toEqual(['first at 50', 'second at 150'])
  })
})

describe('calls of a life', () => {
  it('leave after the pause in which they were made', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const target = port(world)
    const answer = await world.run(() => {
      life.pause(100)
      return life.guard(target).send('hello')
    })
    expect(target.arrived).toEqual(['hello at 100'])
    expect(answer).toBe('re: hello')
  })

  it('get their answer after a pause that began meanwhile', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const target = port(world)
    const at = await world.run(async () => {
      const answer = life.guard(target).send('hello')
      life.pause(100)
      await answer
      return world.time
    })
    expect(target.arrived).toEqual(['hello at 0'])
    expect(at).toBe(100)
  })

  it('never leave and never return once it is dead', async () => {
    const world = new World({ seed: 1 })
    const life = new Life(world)
    const target = port(world)
    const guarded = life.guard(target)
    let answers = 0
    const count = (): void => {
      answers++
    }
    await world.run(async () => {
      guarded.send('before').then(count, count)
      life.pause(20)
      guarded.send('paused').then(count, count)
      life.kill()
      guarded.send('dead').then(count, count)
      await world.sleep(200)
    })
    expect(target.arrived).toEqual(['before at 0'])
    expect(answers).toBe(0)
  })
})

describe('clocks of a life', () => {
  it('go on by a little at each look, so that a slice ends', () => {
    const { clock } = new Life(new World({ seed: 1 }))
    const looks = Array.from({ length: 10 }, () => clock.monotonic())
    expect(new Set(looks).size).toBe(10)
    expect(looks).toEqual(looks.toSorted((a, b) => a - b))
  })

  it('may tell another time of day than the world', () => {
    const world = new World({ seed: 1 })
    expect(new Life(world, -7_000).clock.now()).toBe(world.clock.now() - 7_000)
  })
})

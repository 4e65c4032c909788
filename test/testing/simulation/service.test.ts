import { describe, expect, it } from 'vitest'
import { CallError } from '../../../src/enrich/index.ts'
import { createSimulatedService } from '../../../src/testing/simulation/service.ts'
import { World } from '../../../src/testing/simulation/world.ts'

const answer = (n: number): string => `answer ${n}`

/** Calls 4,000 times at once, and gives what each became. */
async function many(seed: number, options: { failure?: number; hang?: number }) {
  const world = new World({ seed })
  const service = createSimulatedService(world, { answer, ...options })
  const controller = new AbortController()
  world.after(10_000, 'abort', () => controller.abort(new Error('gave up')))
  const results = await world.run(() =>
    Promise.allSettled(
      Array.from({ length: 4000 }, (_, n) =>
        service.call(n, { signal: controller.signal, id: `${n % 3990}` }),
      ),
    ),
  )
  return { world, service, results }
}

describe('a simulated service', () => {
  it('answers by the request alone, with half of the calls below the median and 1 % above p99', async () => {
    const { service, results } = await many(1, { failure: 0, hang: 0 })
    expect(results.every((one, n) => one.status === 'fulfilled' && one.value === answer(n))).toBe(true)
    const times = service.calls.map(({ start, end }) => end! - start).sort((a, b) => a - b)
    expect(times[2000]).toBeGreaterThan(47)
    expect(times[2000]).toBeLessThan(53)
    expect(times[3960]).toBeGreaterThan(170)
    expect(times[3960]).toBeLessThan(235)
  })

  it('fails and hangs as often as it is told to; a hang ends with its signal', async () => {
    const { service, results } = await many(2, { failure: 0.1, hang: 0.05 })
    const outcomes = Map.groupBy(service.calls, ({ outcome }) => outcome)
    expect(outcomes.get('failed')!.length / 4000).toBeCloseTo(0.1, 1)
    expect(outcomes.get('aborted')!.length / 4000).toBeCloseTo(0.05, 1)
    const told = results.map((one) => {
      if (one.status === 'fulfilled') return 'answered'
      const reason: unknown = one.reason
      if (reason instanceof CallError) return reason.retriable ? 'failed' : 'failed for good'
      return reason instanceof Error && reason.message === 'gave up' ? 'aborted' : 'wrong'
    })
    expect(told).toEqual(service.calls.map(({ outcome }) => outcome))
  })

  it('counts what is in flight and which ids came again', async () => {
    const { service } = await many(3, {})
    expect([service.inFlight, service.maxInFlight]).toEqual([0, 4000])
    expect([...service.repeatedIds()]).toEqual(Array.from({ length: 10 }, (_, n) => [String(n), 2]))
  })

  it('leaves a hanging call open for ever without a signal, and refuses one that is aborted already', async () => {
    const world = new World({ seed: 4 })
    const service = createSimulatedService(world, { answer, hang: 1 })
    await world.run(async () => {
      const late = service.call(1).then(() => 'answered')
      expect(await Promise.race([late, world.sleep(1e6).then(() => 'hangs')])).toBe('hangs')
      await expect(service.call(2, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
    })
    expect(service.calls).toMatchObject([{ request: 1, outcome: 'in flight', end: undefined }])
    expect(service.inFlight).toBe(1)
  })

  it('replays with its seed', async () => {
    const [one, same, other] = await Promise.all([many(5, {}), many(5, {}), many(6, {})])
    expect(one.service.calls).toEqual(same.service.calls)
    expect(one.world.traceHash).toBe(same.world.traceHash)
    expect(one.world.traceHash).not.toBe(other.world.traceHash)
  })
})

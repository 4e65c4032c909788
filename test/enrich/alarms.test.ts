/** Many alarms over one timer: order, cancelling, and no timer left behind. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Alarms } from '../../src/enrich/alarms.ts'
import { virtualClock } from './virtual.ts'

describe('alarms', () => {
  it('ring when due, in order, unless cancelled; as a list of all would (property)', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ kind: fc.constant('cancel' as const), at: fc.nat() }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 30 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 300 }), async (steps) => {
        const clock = virtualClock()
        const alarms = new Alarms(clock)
        const rung: number[] = []
        const handles: { cancel(): void }[] = []
        let oracle: { id: number; due: number }[] = []
        const expected: number[] = []
        for (const one of steps) {
          if (one.kind === 'set') {
            const id = handles.length
            handles.push(alarms.set(one.ms, () => rung.push(id)))
            oracle.push({ id, due: clock.monotonic() + one.ms })
          } else if (one.kind === 'cancel') {
            const id = one.at % Math.max(1, handles.length)
            handles[id]?.cancel()
            oracle = oracle.filter((waiting) => waiting.id !== id)
          } else {
            await clock.advance(one.ms)
            const due = oracle.filter((waiting) => waiting.due <= clock.monotonic())
            oracle = oracle.filter((waiting) => waiting.due > clock.monotonic())
            expected.push(...due.toSorted((a, b) => a.due - b.due || a.id - b.id).map(({ id }) => id))
          }
          expect(alarms.size).toBe(oracle.length)
          expect(clock.timers).toBe(oracle.length > 0 ? 1 : 0)
        }
        expect(rung).toEqual(expected)
      }),
      { numRuns: 100 },
    )
  })

  it('may set and cancel others while ringing, and forget all', async () => {
    const clock = virtualClock()
    const alarms = new Alarms(clock)
    const rung: string[] = []
    const victim = alarms.set(10, () => rung.push('victim'))
    alarms.set(5, () => {
      rung.push('first')
      victim.cancel()
      alarms.set(1, () => rung.push('second'))
    })
    await clock.advance(20)
    expect(rung).toEqual(['first', 'second'])
    const last = alarms.set(1, () => rung.push('never'))
    alarms.clear()
    last.cancel()
    await clock.advance(20)
    expect([rung.length, alarms.size, clock.timers]).toEqual([2, 0, 0])
  })

  it('ring in time although one that rang before them set a later one', async () => {
    const clock = virtualClock()
    const alarms = new Alarms(clock)
    const rung: number[] = []
    alarms.set(0, () => alarms.set(2000, () => rung.push(clock.monotonic())))
    alarms.set(500, () => rung.push(clock.monotonic()))
    await clock.advance(3000)
    expect(rung).toEqual([500, 2000])
  })

  it('do not keep cancelled entries: a million set and cancelled under one that stays', () => {
    const alarms = new Alarms(virtualClock())
    alarms.set(1e9, () => undefined)
    const before = process.memoryUsage().heapUsed
    for (let at = 0; at < 1_000_000; at++) alarms.set(30_000, () => undefined).cancel()
    expect(alarms.size).toBe(1)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200_000_000)
  })
})

import { describe, expect, it } from 'vitest'
import { TaskTimers } from '../../../src/engine/runtime/timers.ts'

function due(timers: TaskTimers): number[] {
  const seen: number[] = []
  timers.run((_node, timestamp, run) => {
    seen.push(timestamp)
    run(timestamp)
  })
  return seen
}

describe('punctuators', () => {
  it('on stream time fire as soon as time is known, then once per interval, aligned to 0', () => {
    let now = -1
    const timers = new TaskTimers(new Map())
    timers.add(
      'n',
      'stream-time',
      10,
      () => now,
      () => {},
    )
    expect(due(timers)).toEqual([])
    now = 3
    expect(due(timers)).toEqual([3])
    now = 9
    expect(due(timers)).toEqual([])
    now = 10
    expect(due(timers)).toEqual([10])
  })

  it('collapse missed ticks into one', () => {
    let now = 0
    const timers = new TaskTimers(new Map())
    timers.add(
      'n',
      'stream-time',
      10,
      () => now,
      () => {},
    )
    expect(due(timers)).toEqual([0])
    now = 57
    expect(due(timers)).toEqual([57])
    now = 59
    expect(due(timers)).toEqual([])
    now = 60
    expect(due(timers)).toEqual([60])
  })

  it('on the wall clock fire first after one interval', () => {
    let now = 1000
    const timers = new TaskTimers(new Map())
    timers.add(
      'n',
      'wall-clock',
      100,
      () => now,
      () => {},
    )
    expect(due(timers)).toEqual([])
    expect(timers.nextWallClock()).toBe(1100)
    now = 1100
    expect(due(timers)).toEqual([1100])
  })

  it('stop when cancelled, also from inside', () => {
    let now = 0
    let ran = 0
    const timers = new TaskTimers(new Map())
    const own = timers.add(
      'n',
      'stream-time',
      10,
      () => now,
      () => {
        ran++
        own.cancel()
      },
    )
    due(timers)
    now = 100
    due(timers)
    expect(ran).toBe(1)
    expect(timers.size).toBe(0)
  })

  it('go on after a restart where the commit left them', () => {
    let now = 25
    const before = new TaskTimers(new Map())
    before.add(
      'n',
      'stream-time',
      10,
      () => now,
      () => {},
    )
    expect(due(before)).toEqual([25])
    const after = new TaskTimers(before.entries())
    after.add(
      'n',
      'stream-time',
      10,
      () => now,
      () => {},
    )
    expect(due(after)).toEqual([])
    now = 30
    expect(due(after)).toEqual([30])
  })
})

import { describe, expect, it } from 'vitest'
import { Entry } from '../../../src/engine/state/entry.ts'
import { RecentWindows } from '../../../src/engine/state/recent-windows.ts'
import type { WindowKey } from '../../../src/engine/state/window-keys.ts'

type Window = Entry<WindowKey<string>, number>

function window(key: string, time: number, held: number | undefined = time): Window {
  const entry = new Entry<WindowKey<string>, number>(`${time}|${key}`, { key, time, minor: 0 }, held)
  entry.bytes = 100
  return entry
}

const times = ({ windows }: { readonly windows: readonly Window[] }): number[] =>
  windows.map(({ key }) => key.time)
const nobody = (): boolean => false

describe('windows of keys in memory', () => {
  it('come in order of time, the newer entry of the same window', () => {
    const recent = new RecentWindows<string, number>(1_000)
    for (const time of [30, 10, 20]) recent.add('a', window('a', time))
    recent.add('a', window('a', 20, 7))
    expect(recent.between('a', 10, 20).windows.map(({ held }) => held)).toEqual([10, 7])
    expect(recent.between('a', 0, 9)).toEqual({ windows: [], complete: false })
    expect(times(recent.between('b', 0, 99))).toEqual([])
  })

  it('are complete from the time on that was read from the storage, and what was there stays newer', () => {
    const recent = new RecentWindows<string, number>(1_000)
    recent.add('a', window('a', 20, 7))
    recent.complete('a', 10, [window('a', 10), window('a', 20), window('a', 30)])
    expect(recent.between('a', 10, 99).complete).toBe(true)
    expect(recent.between('a', 9, 99).complete).toBe(false)
    expect(recent.between('a', 0, 99).windows.map(({ held }) => held)).toEqual([10, 7, 30])
  })

  it('leave when they were committed, unless all of their key are wanted; then when they are behind', () => {
    const recent = new RecentWindows<string, number>(1_000)
    for (const key of ['a', 'b']) for (const time of [10, 20]) recent.add(key, window(key, time))
    recent.complete('b', 0, [])
    for (let left = 2; left > 0; left--) for (const key of ['a', 'b']) recent.committed(key, 15, nobody)
    expect(times(recent.between('a', 0, 99))).toEqual([])
    expect(times(recent.between('b', 0, 99))).toEqual([20])
    expect(recent.between('b', 14, 99).complete).toBe(false)
    expect(recent.between('b', 15, 99).complete).toBe(true)
  })

  it('make room without uncommitted ones', () => {
    const recent = new RecentWindows<string, number>(250)
    const dirty = window('a', 5)
    recent.add('a', dirty)
    recent.complete('a', 0, [window('a', 1), window('a', 2)])
    recent.makeRoom((entry) => entry === dirty)
    expect(times(recent.between('a', 0, 99))).toEqual([5])
    expect(recent.between('a', 0, 99).complete).toBe(false)
  })

  it('are not complete any more when an update was taken back: the storage may have an older value', () => {
    const recent = new RecentWindows<string, number>(1_000)
    const failed = window('a', 5)
    recent.complete('a', 0, [])
    recent.add('a', failed)
    recent.remove('a', failed)
    expect(recent.between('a', 0, 99)).toEqual({ windows: [], complete: false })
  })
})

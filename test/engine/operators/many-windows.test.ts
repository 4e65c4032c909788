/** However many windows close at once, one record emits only some of them, and a commit the rest in slices. */
import { describe, expect, test } from 'vitest'
import { ClosingIndex } from '../../../src/engine/operators/closing-index.ts'
import { defineApp, json, string, topic, tumbling, untilWindowCloses } from '../../../src/index.ts'
import type { Flow } from '../../../src/index.ts'
import { openBenchTop } from './bench-top.ts'
import type { BenchTop } from './bench-top.ts'

const input = topic('in', { key: string, value: json<number>() })
const out = topic('out', { key: string, value: json<number>() })
const KEYS = 2_500
const AT_ONCE = 1_000

const keyOf = (index: number): string => `k${String(index).padStart(4, '0')}`
const KEYS_IN_ORDER = Array.from({ length: KEYS }, (_, index) => keyOf(index))

/** A window with many keys, closed by one record. */
async function closed(draw: (flow: Flow) => void): Promise<BenchTop> {
  const top = await openBenchTop(defineApp('test', draw).plan())
  for (let index = KEYS - 1; index >= 0; index--) top.feed('in', keyOf(index), '1', 5)
  top.feed('in', 'later', '1', 100)
  return top
}

const final = (flow: Flow): void => {
  const counts = flow.stream(input).groupByKey().windowedBy(tumbling(10)).count({ emit: 'final' })
  counts
    .toStream()
    .selectKey((_, { key }) => key)
    .to(out)
}

const suppressed = (flow: Flow): void => {
  const counts = flow.stream(input).groupByKey().windowedBy(tumbling(10)).count({ emit: 'every' })
  counts
    .suppress(untilWindowCloses())
    .toStream()
    .selectKey((_, { key }) => key)
    .to(out)
}

describe.each([
  ['final results', final],
  ['suppressed updates', suppressed],
])('many %s', (_, draw) => {
  test('leave in slices, each once, in the order of their keys', async () => {
    const top = await closed(draw)
    expect(top.texts('out')).toHaveLength(AT_ONCE)
    top.flush()
    expect(top.texts('out').map(([key]) => key)).toEqual(KEYS_IN_ORDER)
    top.flush()
    expect(top.texts('out')).toHaveLength(KEYS)
  })

  test('go on leaving with the next record', async () => {
    const top = await closed(draw)
    top.feed('in', 'later', '1', 200)
    expect(top.texts('out')).toHaveLength(2 * AT_ONCE)
  })
})

describe('the index of open windows', () => {
  const taken = (index: ClosingIndex, bound: number): unknown[] => {
    const windows: unknown[] = []
    for (let one = index.take(bound); one !== undefined; one = index.take(bound))
      windows.push([one.time, one.minor, one.key])
    return windows
  }

  test('gives windows by time, start and key bytes, each once', () => {
    const index = new ClosingIndex(string)
    for (const [key, time, minor] of [
      ['b', 20, 5],
      ['a', 10, 0],
      ['\uffff', 20, 0],
      ['\u{10000}', 20, 0],
      ['b', 20, 5],
      ['a', 20, 5],
    ] as const)
      index.add(key, time, minor)
    expect(taken(index, 9)).toEqual([])
    expect(taken(index, 20)).toEqual([
      [10, 0, 'a'],
      // Bytes, not UTF-16: a surrogate pair comes last.
      [20, 0, '\uffff'],
      [20, 0, '\u{10000}'],
      [20, 5, 'a'],
      [20, 5, 'b'],
    ])
  })

  test('takes 50,000 times in any order in moments, as a restart finds them', () => {
    const index = new ClosingIndex(string)
    const times = Array.from({ length: 50_000 }, (_, at) => (at * 7_919) % 50_021)
    const begun = process.cpuUsage()
    for (const time of times) index.add('a', time, 0)
    const { user } = process.cpuUsage(begun)
    expect(user / 1_000).toBeLessThan(300)
    expect(taken(index, 60_000)).toEqual(times.toSorted((a, b) => a - b).map((time) => [time, 0, 'a']))
  })

  test('takes windows that open while others leave', () => {
    const index = new ClosingIndex(string)
    index.add('a', 10, 0)
    index.add('b', 10, 0)
    expect(index.take(20)).toMatchObject({ key: 'a' })
    index.add('c', 5, 0)
    expect(taken(index, 20)).toEqual([
      [10, 0, 'b'],
      [5, 0, 'c'],
    ])
  })

  test('forgets a stretch of time and says how many windows were in it', () => {
    const index = new ClosingIndex(string)
    for (const time of [1, 2, 2, 3, 9]) index.add(`k${time}`, time, 0)
    expect(index.forget(2, 3)).toBe(3)
    expect(index.forget(4, 8)).toBe(0)
    expect(taken(index, 10)).toEqual([
      [1, 0, 'k1'],
      [9, 0, 'k9'],
    ])
  })

  test('weeds out deleted windows when they are many', () => {
    const index = new ClosingIndex(string)
    const asked: number[] = []
    for (let time = 0; time < 3_000; time++) {
      index.add('a', time, 0)
      if (time > 0)
        index.deleted((window) => {
          asked.push(window.time)
          return window.time === time
        })
    }
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.length).toBeLessThan(9_000)
    expect(taken(index, 3_000).length).toBeLessThan(1_100)
  })
})

/** In which order a test driver takes what was written to internal topics. */
import { describe, expect, it } from 'vitest'
import type { CapturedRecord } from '../../src/testing/capture.ts'
import { LoopedRecords } from '../../src/testing/looped-records.ts'

function record(topic: string, timestamp: number): CapturedRecord {
  return { topic, key: null, value: null, timestamp, headers: [] }
}

function taken(records: readonly CapturedRecord[]): readonly string[] {
  const looped = new LoopedRecords()
  for (const one of records) looped.add(one)
  const order: string[] = []
  for (let next = looped.take(); next !== undefined; next = looped.take())
    order.push(`${next.topic}${next.timestamp}`)
  return order
}

describe('records looped back', () => {
  it('are taken oldest first, but within a topic in their order', () => {
    const records = [record('a', 5), record('b', 3), record('a', 1), record('c', 4), record('b', 9)]
    expect(taken(records)).toEqual(['b3', 'c4', 'a5', 'a1', 'b9'])
  })

  it('of equal times come as from a binary heap: the last queue goes up when the first leaves', () => {
    const records = ['a', 'b', 'c'].flatMap((topic) => [record(topic, 1), record(topic, 1)])
    expect(taken(records).map(([topic]) => topic)).toEqual(['a', 'c', 'a', 'c', 'b', 'b'])
  })

  it('may come while others are taken', () => {
    const looped = new LoopedRecords()
    looped.add(record('a', 5))
    expect(looped.take()?.topic).toBe('a')
    expect(looped.take()).toBeUndefined()
    looped.add(record('a', 7))
    looped.add(record('b', 6))
    expect([looped.take()?.topic, looped.take()?.topic]).toEqual(['b', 'a'])
  })
})

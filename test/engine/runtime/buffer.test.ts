import { describe, expect, it } from 'vitest'
import type { FetchedBatch, Fetcher } from '../../../src/core/broker.ts'
import { PartitionQueue, TaskBuffer } from '../../../src/engine/runtime/buffer.ts'

/** A fetched batch of records at these offsets and times, followed by `gap` offsets of markers. */
function batch(
  topic: string,
  records: readonly [offset: number, time: number][],
  nextOffset: number,
): FetchedBatch {
  return {
    kind: 'records',
    topic,
    partition: 0,
    count: records.length,
    offsetAt: (index) => records[index]![0],
    timestampAt: (index) => records[index]![1],
    keyAt: () => null,
    valueAt: () => null,
    headersAt: () => [],
    bytes: 1,
    nextOffset,
    endOffset: nextOffset,
  }
}

/** The two things a buffer asks of a fetcher: how far behind, and pausing. */
function fetcherWith(
  lags: Record<string, number | undefined>,
  paused: string[] = [],
): Pick<Fetcher, 'lag' | 'pause' | 'resume'> {
  return {
    lag: (topic: string) => lags[topic],
    pause: (topic: string) => void paused.push(`pause ${topic}`),
    resume: (topic: string) => void paused.push(`resume ${topic}`),
  }
}

function take(buffer: TaskBuffer): string | undefined {
  const queue = buffer.next(0)
  if (queue === undefined) return undefined
  const taken = `${queue.topic}@${queue.headTime()}`
  buffer.advance(queue)
  return taken
}

describe('the buffer of a task', () => {
  it('asks for the time of a head record once where its topic has an extractor', () => {
    const asked: number[] = []
    const a = new PartitionQueue('a', 0, 0, 0)
    const b = new PartitionQueue('b', 0, 1, 0)
    a.timeOf = (fetched, index) => {
      asked.push(index)
      return 10 - fetched.timestampAt(index)
    }
    const buffer = new TaskBuffer([a, b], fetcherWith({ a: 0, b: 0 }), 100, 0)
    const records: readonly [number, number][] = [
      [0, 2],
      [1, 9],
    ]
    buffer.add(a, batch('a', records, 2))
    buffer.add(b, batch('b', records, 2))
    expect([take(buffer), take(buffer), take(buffer), take(buffer)]).toEqual(['b@2', 'a@8', 'a@1', 'b@9'])
    expect(asked).toEqual([0, 1])
  })

  it('takes the smallest head timestamp, without reordering a partition', () => {
    const a = new PartitionQueue('a', 0, 0, 0)
    const b = new PartitionQueue('b', 0, 1, 0)
    const buffer = new TaskBuffer([a, b], fetcherWith({ a: 0, b: 0 }), 100, 0)
    buffer.add(
      a,
      batch(
        'a',
        [
          [0, 5],
          [1, 1],
        ],
        2,
      ),
    )
    buffer.add(
      b,
      batch(
        'b',
        [
          [0, 3],
          [1, 9],
        ],
        2,
      ),
    )
    expect([take(buffer), take(buffer), take(buffer), take(buffer), take(buffer)]).toEqual([
      'b@3',
      'a@5',
      'a@1',
      'b@9',
      undefined,
    ])
  })

  it('waits for a partition whose records are on their way or whose lag is unknown', () => {
    const a = new PartitionQueue('a', 0, 0, 0)
    const b = new PartitionQueue('b', 0, 1, 0)
    const lags: Record<string, number | undefined> = { a: 0, b: undefined }
    const buffer = new TaskBuffer([a, b], fetcherWith(lags), 100, 0)
    buffer.add(a, batch('a', [[0, 5]], 1))
    expect(take(buffer)).toBeUndefined()
    lags['b'] = 3
    expect(take(buffer)).toBeUndefined()
    lags['b'] = 0
    expect(take(buffer)).toBe('a@5')
  })

  it('asks about an empty partition once per turn, and again after it had records', () => {
    const a = new PartitionQueue('a', 0, 0, 0)
    const b = new PartitionQueue('b', 0, 1, 0)
    const lags: Record<string, number | undefined> = { a: 0, b: 0 }
    const buffer = new TaskBuffer([a, b], fetcherWith(lags), 100, 0)
    buffer.add(a, batch('a', [[0, 5]], 1))
    expect(buffer.next(0)).toBe(a)
    lags['b'] = 3
    expect(buffer.next(0, true)).toBe(a)
    expect(buffer.next(0)).toBeUndefined()
    buffer.add(b, batch('b', [[0, 1]], 1))
    expect(buffer.next(0, true)).toBe(b)
    buffer.advance(b)
    expect(buffer.next(0, true)).toBeUndefined()
  })

  it('gives as position the next record, and the end of a batch with its markers after the last one', () => {
    const queue = new PartitionQueue('a', 0, 0, 0)
    const buffer = new TaskBuffer([queue], fetcherWith({ a: 0 }), 100, 0)
    buffer.add(
      queue,
      batch(
        'a',
        [
          [4, 1],
          [7, 1],
        ],
        9,
      ),
    )
    expect(queue.position).toBe(4)
    take(buffer)
    expect(queue.position).toBe(7)
    take(buffer)
    expect(queue.position).toBe(9)
    buffer.add(queue, batch('a', [], 12))
    expect(queue.position).toBe(12)
  })

  it('pauses a full partition and resumes it when half of it is processed', () => {
    const calls: string[] = []
    const queue = new PartitionQueue('a', 0, 0, 0)
    const buffer = new TaskBuffer([queue], fetcherWith({ a: 0 }, calls), 4, 0)
    buffer.add(
      queue,
      batch(
        'a',
        [
          [0, 0],
          [1, 0],
          [2, 0],
          [3, 0],
        ],
        4,
      ),
    )
    expect(calls).toEqual(['pause a'])
    take(buffer)
    take(buffer)
    expect(calls).toEqual(['pause a'])
    take(buffer)
    expect(calls).toEqual(['pause a', 'resume a'])
  })
})

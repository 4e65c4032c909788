/** The memory of recent batches stays within its bounds and never hands out a gap. */
import { describe, expect, it } from 'vitest'
import { TailBudget, TailCache } from '../../../src/brokers/embedded/tail-cache.ts'
import { placeBatch, readHeader } from '../../../src/brokers/record-batch/header.ts'
import { batchOf } from './batches.ts'

function batchAt(offset: number): Buffer {
  const batch = batchOf([['k', 'v']])
  placeBatch(batch, offset, 0)
  return batch
}

const SIZE = batchAt(0).length

function filled(budget: TailBudget, count: number): TailCache {
  const cache = new TailCache(budget)
  for (let offset = 0; offset < count; offset++) cache.add(batchAt(offset), readHeader(batchAt(offset)))
  return cache
}

function offsetsFrom(cache: TailCache, offset: number): readonly number[] | undefined {
  return cache.take(offset, 1e9, 1e9)?.map((batch) => readHeader(batch).baseOffset)
}

describe('the tail of a log', () => {
  it('keeps the newest batches within the bound of one log', () => {
    const cache = filled(new TailBudget(SIZE * 3, SIZE * 100), 5000)
    expect(offsetsFrom(cache, 4996)).toBeUndefined()
    expect(offsetsFrom(cache, 4997)).toEqual([4997, 4998, 4999])
  })

  it('takes memory from the log that was quiet for longest', () => {
    const budget = new TailBudget(SIZE * 10, SIZE * 12)
    const quiet = filled(budget, 5)
    const other = filled(budget, 5)
    const busy = filled(budget, 5)
    expect(offsetsFrom(quiet, 4)).toBeUndefined()
    expect(offsetsFrom(other, 4)).toEqual([4])
    expect(offsetsFrom(busy, 0)).toHaveLength(5)
  })

  it('forgets what was rewritten', () => {
    const cache = filled(new TailBudget(), 5)
    cache.dropBelow(3)
    expect(offsetsFrom(cache, 2)).toBeUndefined()
    expect(offsetsFrom(cache, 3)).toEqual([3, 4])
    cache.dropBelow(9)
    expect(offsetsFrom(cache, 9)).toBeUndefined()
  })
})

import { describe, expect, it } from 'vitest'
import { Trace, traceText, type TraceLine } from '../../../src/testing/simulation/trace.ts'

function hashOf(...lines: readonly [number, string, string][]): string {
  const trace = new Trace(4)
  for (const [time, event, detail] of lines) trace.add(time, event, detail)
  return trace.hash
}

describe('a trace', () => {
  it('hashes time, name, detail and their order', () => {
    const hashes = [
      hashOf(),
      hashOf([1, 'ab', 'c']),
      hashOf([1, 'a', 'bc']),
      hashOf([1.001, 'ab', 'c']),
      hashOf([1, 'ab', '']),
      hashOf([1, 'x', ''], [2, 'y', '']),
      hashOf([2, 'y', ''], [1, 'x', '']),
    ]
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hashOf([1, 'ab', 'c'])).toBe(hashes[1])
    for (const hash of hashes) expect(hash).toMatch(/^[\da-f]{16}$/)
  })

  it('does not collide over many similar lines', () => {
    const trace = new Trace(1)
    const seen = new Set<string>()
    for (let at = 0; at < 20_000; at++) {
      trace.add(at, 'timer', '')
      seen.add(trace.hash)
    }
    expect(seen.size).toBe(20_000)
  })

  it.each([
    [2, ['0', '1']],
    [3, ['0', '1', '2']],
    [4, ['1', '2', '3']],
    [7, ['4', '5', '6']],
  ])('of %i lines keeps the last three, oldest first', (count, kept) => {
    const all: TraceLine[] = []
    const trace = new Trace(3, (line) => all.push(line))
    for (let at = 0; at < count; at++) trace.add(at, String(at), '')
    expect(trace.last().map(({ event }) => event)).toEqual(kept)
    expect(all).toHaveLength(count)
    expect(trace.count).toBe(count)
  })

  it('reads well', () => {
    expect(traceText({ time: 12.5, event: 'kill a', detail: 'commit.end' })).toBe(
      '      12.500 ms  kill a commit.end',
    )
  })
})

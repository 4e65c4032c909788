import { describe, expect, it } from 'vitest'
import type { Guarantee } from '../../../src/engine/runtime/options.ts'
import type { ObservedRecord, ScenarioOutput } from '../../../src/testing/scenario/scenario.ts'
import { type Difference, verifyOutput } from '../../../src/testing/scenario/verify.ts'

const WANTED = new Map([
  ['a', ['1', '2', '3']],
  ['b', ['4', '5']],
])

function outputOf(compare: ScenarioOutput['compare'], survivesReplay = true): ScenarioOutput {
  return {
    topic: 'out',
    compare,
    survivesReplay,
    expected: () => WANTED,
    observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
  }
}

/** @param found `a1 b4` = 1 under key a, then 4 under key b */
function differences(
  compare: ScenarioOutput['compare'],
  found: string,
  guarantee: Guarantee = 'exactly-once',
  survivesReplay = true,
): readonly Difference[] {
  const records = found
    .split(' ')
    .filter((text) => text !== '')
    .map((text): ObservedRecord => ({
      key: text[0]!,
      value: text.slice(1),
      timestamp: 0,
      headers: [],
      partition: 0,
    }))
  return verifyOutput(outputOf(compare, survivesReplay), records, [], 1, guarantee)
}

const kinds = (...given: Parameters<typeof differences>): readonly string[] =>
  differences(...given).map(({ lane, kind }) => `${lane} ${kind}`)

describe('sequences under exactly-once', () => {
  it('are equal whatever the order between lanes', () => {
    expect(differences('sequence', 'b4 a1 b5 a2 a3')).toEqual([])
  })

  it('show a lost record, in the middle and at the end', () => {
    expect(kinds('sequence', 'a1 a3 b4 b5')).toEqual(['a lost'])
    expect(kinds('sequence', 'a1 a2 a3 b4')).toEqual(['b lost'])
  })

  it('show a lane that is missing, and one that nobody expects', () => {
    expect(kinds('sequence', 'a1 a2 a3')).toEqual(['b lost'])
    expect(kinds('sequence', 'a1 a2 a3 b4 b5 c1')).toEqual(['c wrong'])
  })

  it('show a duplicate', () => {
    expect(kinds('sequence', 'a1 a2 a2 a3 b4 b5')).toEqual(['a duplicated'])
  })

  it('show a value that should not be there', () => {
    expect(kinds('sequence', 'a1 a2 a3 a9 b4 b5')).toEqual(['a wrong'])
  })

  it('show another order', () => {
    expect(kinds('sequence', 'a2 a1 a3 b4 b5')).toEqual(['a wrong'])
  })

  it('call a record lost even when another came twice in its place', () => {
    expect(kinds('sequence', 'a1 a1 a3 b4 b5')).toEqual(['a lost'])
  })

  it('say what was expected and what came, from the first difference on', () => {
    const [difference] = differences('sequence', 'a1 a3 b4 b5')
    expect(difference!.detail).toContain('expected 1 2 3 | got 1 3')
  })
})

describe('sets', () => {
  it('ignore order, not numbers', () => {
    expect(kinds('set', 'a3 a1 a2 b5 b4')).toEqual([])
    expect(kinds('set', 'a3 a1 a2 a1 b5 b4')).toEqual(['a duplicated'])
    expect(kinds('set', 'a3 a1 b5 b4')).toEqual(['a lost'])
    expect(kinds('set', 'a3 a1 a2 b5 b4 b6')).toEqual(['b wrong'])
  })
})

describe('last values', () => {
  it('leave open how often a lane was updated', () => {
    expect(kinds('last', 'a3 b4 b4 b5')).toEqual([])
  })

  it('show an older last value and a missing lane', () => {
    expect(kinds('last', 'a1 a2 b5')).toEqual(['a wrong'])
    expect(kinds('last', 'a3')).toEqual(['b lost'])
  })
})

describe('under at-least-once', () => {
  it('replays are no duplicates', () => {
    expect(kinds('sequence', 'a1 a2 a1 a2 a3 b4 b5 b4', 'at-least-once')).toEqual([])
  })

  it('what is missing, wrong or in another order still shows', () => {
    expect(kinds('sequence', 'a1 a2 a1 a2 b4 b5', 'at-least-once')).toEqual(['a lost'])
    expect(kinds('sequence', 'a1 a2 a3 a9 b4 b5', 'at-least-once')).toEqual(['a wrong'])
    expect(kinds('sequence', 'a1 a3 a2 b4 b5', 'at-least-once')).toEqual(['a wrong'])
  })

  it('outputs that a replay changes by nature are not compared', () => {
    expect(kinds('sequence', 'a9', 'at-least-once', false)).toEqual([])
    expect(kinds('sequence', 'a9', 'exactly-once', false)).not.toEqual([])
  })
})

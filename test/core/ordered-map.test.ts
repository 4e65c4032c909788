import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OrderedMap, latin1Of } from '../../src/core/ordered-map.ts'

const key = fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', 'c', '\u00ff', '\u0000') })
const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), key }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({
    kind: fc.constant('range' as const),
    from: fc.option(key, { nil: undefined }),
    to: fc.option(key, { nil: undefined }),
    reverse: fc.boolean(),
  }),
)

function expected(
  model: ReadonlyMap<string, number>,
  from: string | undefined,
  to: string | undefined,
  reverse: boolean,
): [string, number][] {
  const found = [...model]
    .filter(([at]) => (from === undefined || at >= from) && (to === undefined || at <= to))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return reverse ? found.reverse() : found
}

describe('OrderedMap', () => {
  it('behaves as a sorted Map, and iterators keep the content as of their creation', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 150, size: 'max' }), (steps) => {
        const map = new OrderedMap<number>()
        const model = new Map<string, number>()
        const open: { real: IterableIterator<[string, number]>; wanted: [string, number][] }[] = []
        const deleted: [boolean, boolean][] = []
        steps.forEach((now, index) => {
          if (now.kind === 'set') {
            map.set(now.key, index)
            model.set(now.key, index)
          } else if (now.kind === 'delete') {
            deleted.push([map.delete(now.key), model.delete(now.key)])
          } else {
            const wanted = expected(model, now.from, now.to, now.reverse)
            open.push({ real: map.range(now.from, now.to, now.reverse), wanted })
          }
          expect(map.size).toBe(model.size)
        })
        expect(deleted.map(([real]) => real)).toEqual(deleted.map(([, wanted]) => wanted))
        for (const [at, value] of model) expect(map.get(at)).toBe(value)
        for (const { real, wanted } of open) expect([...real]).toEqual(wanted)
      }),
      { numRuns: 300 },
    )
  })

  it('keeps order over many chunks, filled in ascending, descending and random order', () => {
    const numbers = Array.from({ length: 3000 }, (_, index) => String(index).padStart(5, '0'))
    const random = numbers.toSorted((a, b) => ((Number(a) * 7919) % 3001) - ((Number(b) * 7919) % 3001))
    for (const order of [numbers, numbers.toReversed(), random]) {
      const map = new OrderedMap<number>()
      for (const at of order) map.set(at, Number(at))
      expect([...map.range()].map(([at]) => at)).toEqual(numbers)
      expect([...map.range('00100', '02900', true)]).toHaveLength(2801)
      const before = map.range()
      for (const at of numbers) if (Number(at) % 3 !== 0) map.delete(at)
      expect(map.size).toBe(1000)
      expect([...map.range()].map(([, value]) => value % 3)).toEqual(Array(1000).fill(0))
      expect([...before]).toHaveLength(3000)
    }
  })

  it('gives bytes a text that sorts as unsigned bytes', () => {
    const bytes = [[], [0], [0, 255], [1], [127], [128], [255], [255, 0]].map((of) =>
      latin1Of(Uint8Array.from(of)),
    )
    expect(bytes.toSorted()).toEqual(bytes)
  })
})

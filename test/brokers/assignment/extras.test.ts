import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { shareExtras } from '../../../src/brokers/assignment/extras.ts'

type Table = readonly (readonly number[])[]

/** The highest gain of all ways to share, by trying every one. */
function bestGain(gains: Table, counts: readonly number[]): number {
  const rows = gains.length
  const total = counts.reduce((a, b) => a + b, 0)
  let best = -1
  function column(c: number, perRow: readonly number[], gain: number): void {
    if (c === counts.length) {
      if (perRow.every((n) => n === Math.floor(total / rows) || n === Math.ceil(total / rows)))
        best = Math.max(best, gain)
      return
    }
    for (let set = 0; set < 1 << rows; set++) {
      const taken = Array.from({ length: rows }, (_, r) => (set >> r) & 1)
      if (taken.reduce((a, b) => a + b, 0) !== counts[c]) continue
      const added = taken.reduce((sum, bit, r) => sum + bit * gains[r]![c]!, 0)
      column(
        c + 1,
        perRow.map((n, r) => n + taken[r]!),
        gain + added,
      )
    }
  }
  column(
    0,
    gains.map(() => 0),
    0,
  )
  return best
}

const table = fc.integer({ min: 1, max: 4 }).chain((rows) =>
  fc.integer({ min: 1, max: 3 }).chain((columns) =>
    fc.record({
      gains: fc.array(fc.array(fc.nat({ max: 2 }), { minLength: columns, maxLength: columns }), {
        minLength: rows,
        maxLength: rows,
      }),
      counts: fc.array(fc.nat({ max: rows - 1 }), { minLength: columns, maxLength: columns }),
    }),
  ),
)

describe('shareExtras', () => {
  it('places every extra, evenly over the rows, with the highest gain there is', () => {
    fc.assert(
      fc.property(table, ({ gains, counts }) => {
        const shared = shareExtras(gains, counts)
        counts.forEach((count, c) => expect(shared.reduce((sum, row) => sum + row[c]!, 0)).toBe(count))
        const perRow = shared.map((row) => row.reduce((a, b) => a + b, 0))
        expect(Math.max(...perRow) - Math.min(...perRow)).toBeLessThanOrEqual(1)
        const gain = shared.reduce(
          (sum, row, r) => sum + row.reduce((s, bit, c) => s + bit * gains[r]![c]!, 0),
          0,
        )
        expect(gain).toBe(bestGain(gains, counts))
      }),
      { numRuns: 300 },
    )
  })
})

/** Puts expected and actual records side by side, so that one missing record does not make all behind it look wrong. */

export type Aligned<E, C> =
  | { readonly kind: 'same'; readonly expected: E; readonly came: C }
  | { readonly kind: 'changed'; readonly expected: E; readonly came: C }
  | { readonly kind: 'missing'; readonly expected: E }
  | { readonly kind: 'extra'; readonly came: C }

interface Keyed {
  readonly key?: unknown
}

/**
 * The longest common subsequence stays; between its members records of equal key (any, where the expected one names none) are shown as changed. It costs the product of
 * the lengths, without the equal beginning and end.
 */
export function aligned<E extends Keyed, C extends Keyed>(
  expected: readonly E[],
  came: readonly C[],
  matches: (expected: E, came: C) => boolean,
): readonly Aligned<E, C>[] {
  let start = 0
  const shorter = Math.min(expected.length, came.length)
  while (start < shorter && matches(expected[start]!, came[start]!)) start++
  let end = 0
  const at = (back: number): boolean => matches(expected.at(-1 - back)!, came.at(-1 - back)!)
  while (end < shorter - start && at(end)) end++
  const middle = between(
    expected.slice(start, expected.length - end),
    came.slice(start, came.length - end),
    matches,
  )
  const same = (from: number, to: number, shift: number): Aligned<E, C>[] =>
    expected
      .slice(from, to)
      .map((record, index) => ({ kind: 'same', expected: record, came: came[from + shift + index]! }))
  const tail = expected.length - end
  return [
    ...same(0, start, 0),
    ...paired(middle),
    ...same(tail, expected.length, came.length - expected.length),
  ]
}

function between<E, C>(
  expected: readonly E[],
  came: readonly C[],
  matches: (expected: E, came: C) => boolean,
): Aligned<E, C>[] {
  const common = lengths(expected, came, matches)
  const rows: Aligned<E, C>[] = []
  let e = 0
  let c = 0
  while (e < expected.length || c < came.length) {
    if (e < expected.length && c < came.length && matches(expected[e]!, came[c]!)) {
      rows.push({ kind: 'same', expected: expected[e++]!, came: came[c++]! })
    } else if (c === came.length || (e < expected.length && common[e + 1]![c]! >= common[e]![c + 1]!)) {
      rows.push({ kind: 'missing', expected: expected[e++]! })
    } else {
      rows.push({ kind: 'extra', came: came[c++]! })
    }
  }
  return rows
}

/** `lengths[e][c]`: how many of the records from `e` and from `c` on can stay. */
function lengths<E, C>(
  expected: readonly E[],
  came: readonly C[],
  matches: (expected: E, came: C) => boolean,
): readonly (readonly number[])[] {
  const table = Array.from({ length: expected.length + 1 }, () => Array<number>(came.length + 1).fill(0))
  for (let e = expected.length - 1; e >= 0; e--) {
    for (let c = came.length - 1; c >= 0; c--) {
      table[e]![c] = matches(expected[e]!, came[c]!)
        ? table[e + 1]![c + 1]! + 1
        : Math.max(table[e + 1]![c]!, table[e]![c + 1]!)
    }
  }
  return table
}

/** Within a run of differences, a missing and an extra record of one key are one changed record. */
function paired<E extends Keyed, C extends Keyed>(rows: readonly Aligned<E, C>[]): Aligned<E, C>[] {
  const result: Aligned<E, C>[] = []
  let run: Aligned<E, C>[] = []
  for (const row of [...rows, undefined]) {
    if (row !== undefined && row.kind !== 'same') {
      run.push(row)
      continue
    }
    result.push(...pairedRun(run))
    if (row !== undefined) result.push(row)
    run = []
  }
  return result
}

function pairedRun<E extends Keyed, C extends Keyed>(run: readonly Aligned<E, C>[]): Aligned<E, C>[] {
  const extras = run.filter((row) => row.kind === 'extra')
  const rows = run
    .filter((row) => row.kind === 'missing')
    .map((row): Aligned<E, C> => {
      const { key } = row.expected
      const partner = extras.findIndex(({ came }) => key === undefined || Object.is(came.key, key))
      if (partner < 0) return row
      const [{ came }] = extras.splice(partner, 1) as [(typeof extras)[number]]
      return { kind: 'changed', expected: row.expected, came }
    })
  return [...rows, ...extras]
}

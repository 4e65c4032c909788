/** Ranges of versions as schemas write them (`3+`, `0-12`, `7`, `none`), and conditions over a variable `version`. */

export interface Range {
  readonly from: number
  /** Inclusive; Infinity for `3+`. */
  readonly to: number
}

/** A range as written; undefined for `none` and for nothing. */
export function parseRange(text: string | undefined): Range | undefined {
  if (text === undefined || text === 'none') return undefined
  const parts = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text)
  if (parts === null) throw new Error(`"${text}" is no range of versions`)
  const from = Number(parts[1])
  if (parts[2] !== undefined) return { from, to: Infinity }
  return { from, to: parts[3] === undefined ? from : Number(parts[3]) }
}

/** What both have; undefined if nothing. */
export function overlap(one: Range | undefined, other: Range | undefined): Range | undefined {
  if (one === undefined || other === undefined) return undefined
  const both = { from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) }
  return both.from <= both.to ? both : undefined
}

/** True if `range` has every version of `all`. */
export function covers(range: Range | undefined, all: Range): boolean {
  return range !== undefined && range.from <= all.from && range.to >= all.to
}

/** The condition that `version`, known to be within `all`, is in `range`: code, or `true` or `false`. */
export function condition(range: Range | undefined, all: Range): string {
  if (overlap(range, all) === undefined || range === undefined) return 'false'
  const tests = [
    ...(range.from > all.from ? [`version >= ${range.from}`] : []),
    ...(range.to < all.to ? [`version <= ${range.to}`] : []),
  ]
  return tests.join(' && ') || 'true'
}

/** The opposite of a condition made by `condition`. */
export function negated(code: string): string {
  if (code === 'true') return 'false'
  if (code === 'false') return 'true'
  if (code.includes('&&')) return `!(${code})`
  return code.includes('>=') ? code.replace('>=', '<') : code.replace('<=', '>')
}

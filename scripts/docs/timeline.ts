/** Records in time as an SVG picture: a lane per topic, results below, a line from each result to the record that caused it. */

export interface Happening {
  /** The topic. */
  readonly lane: string
  readonly key: string
  readonly value: unknown
  /** Event time, ms. */
  readonly timestamp: number
  /** Of an input: its place in the order of arrival, from 1. */
  readonly arrival?: number
  /** Of an input: it came too late and was dropped. */
  readonly dropped?: boolean
  /** Of a result: the arrival that caused it. */
  readonly cause?: number
}

const WIDTH = 760
const LEFT = 110
const RIGHT = 70
const LANE = 66
const STACK = 24
const TOP = 34

const INK = '#1f2328'
const QUIET = '#8c959f'
const COLOURS = ['#0969da', '#bf8700'] as const
const RESULT = '#1a7f37'

interface Placed extends Happening {
  readonly x: number
  readonly y: number
  readonly colour: string
}

export function timeline(happenings: readonly Happening[]): string {
  const lanes = [...new Set(happenings.map(({ lane }) => lane))]
  const results = new Set(happenings.filter(({ cause }) => cause !== undefined).map(({ lane }) => lane))
  const inputs = lanes.filter((lane) => !results.has(lane)).toSorted()
  const ordered = [...inputs, ...results]
  const end = Math.max(...happenings.map(({ timestamp }) => timestamp))
  const keyed = new Set(happenings.map(({ key }) => key)).size > 1
  const placed = place(happenings, ordered, inputs, end)
  const height = Math.max(...placed.map(({ y }) => y)) + 54
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    `<rect width="${WIDTH}" height="${height}" rx="8" fill="#ffffff" stroke="#d0d7de"/>`,
    `<g font-family="ui-sans-serif, system-ui, sans-serif" font-size="13" fill="${INK}">`,
    ...ordered.map((lane, at) => axis(lane, TOP + 20 + at * LANE)),
    ...seconds(end, height),
    ...placed.flatMap((one) => cause(one, placed)),
    ...placed.map((one) => (one.arrival === undefined ? result(one, keyed) : input(one, keyed))),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

function place(
  happenings: readonly Happening[],
  lanes: readonly string[],
  inputs: readonly string[],
  end: number,
): readonly Placed[] {
  const taken = new Map<string, number>()
  return happenings.map((one) => {
    const at = lanes.indexOf(one.lane)
    const isInput = one.arrival !== undefined
    const spot = `${one.lane} ${one.timestamp}`
    const level = isInput ? 0 : (taken.get(spot) ?? 0)
    taken.set(spot, level + 1)
    const colour = isInput ? COLOURS[inputs.indexOf(one.lane) % COLOURS.length]! : RESULT
    return { ...one, x: xOf(one.timestamp, end), y: TOP + 20 + at * LANE + level * STACK, colour }
  })
}

function xOf(timestamp: number, end: number): number {
  return Math.round(LEFT + (timestamp / end) * (WIDTH - LEFT - RIGHT))
}

function axis(lane: string, y: number): string {
  return (
    `<line x1="${LEFT}" y1="${y}" x2="${WIDTH - 20}" y2="${y}" stroke="#d0d7de"/>` +
    `<text x="${LEFT - 12}" y="${y + 4}" text-anchor="end" font-weight="600">${escaped(lane)}</text>`
  )
}

function seconds(end: number, height: number): readonly string[] {
  return Array.from({ length: Math.floor(end / 1000) }, (_, at) => at + 1).map((second) => {
    const x = xOf(second * 1000, end)
    return `<text x="${x}" y="${height - 10}" text-anchor="middle" font-size="11" fill="${QUIET}">${second} s</text>`
  })
}

function cause({ cause: arrival, x, y }: Placed, all: readonly Placed[]): readonly string[] {
  const from = all.find((one) => arrival !== undefined && one.arrival === arrival)
  if (from === undefined) return []
  return [
    `<line x1="${from.x}" y1="${from.y}" x2="${x}" y2="${y}" stroke="${from.colour}" stroke-opacity="0.55" stroke-dasharray="4 3"/>`,
  ]
}

function input({ x, y, colour, arrival, key, value }: Placed, keyed: boolean): string {
  return (
    `<circle cx="${x}" cy="${y}" r="11" fill="${colour}"/>` +
    `<text x="${x}" y="${y + 4}" text-anchor="middle" fill="#ffffff" font-weight="600">${arrival}</text>` +
    `<text x="${x}" y="${y - 17}" text-anchor="middle">${label(key, value, keyed)}</text>`
  )
}

function result({ x, y, key, value }: Placed, keyed: boolean): string {
  const text = label(key, value, keyed)
  const width = Math.max(34, text.length * 7.4 + 12)
  return (
    `<rect x="${x - width / 2}" y="${y - 10}" width="${width}" height="20" rx="5" fill="#dafbe1" stroke="${RESULT}"/>` +
    `<text x="${x}" y="${y + 4}" text-anchor="middle">${text}</text>`
  )
}

function label(key: string, value: unknown, keyed: boolean): string {
  const text = value === null ? 'deleted' : typeof value === 'string' ? value : JSON.stringify(value)
  return escaped(keyed ? `${key}: ${text.replaceAll('"', '')}` : text)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

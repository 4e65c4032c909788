/** Records in time and the windows they count in, as an SVG picture: records above, a bar per window with its results below. */
import type { Happening } from './timeline.ts'

export interface DrawnWindow {
  /** Event time, ms. */
  readonly start: number
  readonly end: number
  /** In the order in which they came. @see Happening.cause */
  readonly results: readonly { readonly text: string; readonly cause: number }[]
}

const WIDTH = 760
const LEFT = 90
const RIGHT = 60
const RECORDS = 54
const ROW = 34
const BAR = 24

const INK = '#1f2328'
const QUIET = '#8c959f'
const RECORD = '#0969da'
const LATE = '#cf222e'
const RESULT = '#1a7f37'

export function windowPicture(inputs: readonly Happening[], windows: readonly DrawnWindow[]): string {
  const latest = Math.max(...inputs.map(({ timestamp }) => timestamp), ...windows.map(({ end }) => end))
  const end = Math.ceil(latest / 1000) * 1000
  const height = RECORDS + 34 + windows.length * ROW + 30
  const xOf = (time: number): number => Math.round(LEFT + (time / end) * (WIDTH - LEFT - RIGHT))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    `<rect width="${WIDTH}" height="${height}" rx="8" fill="#ffffff" stroke="#d0d7de"/>`,
    `<g font-family="ui-sans-serif, system-ui, sans-serif" font-size="13" fill="${INK}">`,
    ...seconds(end, height, xOf),
    `<line x1="${LEFT}" y1="${RECORDS}" x2="${WIDTH - 20}" y2="${RECORDS}" stroke="#d0d7de"/>`,
    `<text x="${LEFT - 12}" y="${RECORDS + 4}" text-anchor="end" font-weight="600">records</text>`,
    `<text x="${LEFT - 12}" y="${RECORDS + 54}" text-anchor="end" font-weight="600">windows</text>`,
    ...inputs.map((input) => record(input, xOf(input.timestamp))),
    ...windows.map((window, at) => bar(window, RECORDS + 38 + at * ROW, xOf)),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

function seconds(end: number, height: number, xOf: (time: number) => number): readonly string[] {
  return Array.from({ length: end / 1000 + 1 }, (_, second) => {
    const x = xOf(second * 1000)
    return (
      `<line x1="${x}" y1="${RECORDS}" x2="${x}" y2="${height - 26}" stroke="#eaeef2"/>` +
      `<text x="${x}" y="${height - 10}" text-anchor="middle" font-size="11" fill="${QUIET}">${second} s</text>`
    )
  })
}

function record({ arrival, value, dropped }: Happening, x: number): string {
  return (
    `<circle cx="${x}" cy="${RECORDS}" r="11" fill="${dropped === true ? LATE : RECORD}"/>` +
    `<text x="${x}" y="${RECORDS + 4}" text-anchor="middle" fill="#ffffff" font-weight="600">${arrival}</text>` +
    `<text x="${x}" y="${RECORDS - 17}" text-anchor="middle">${escaped(String(value))}` +
    `${dropped === true ? ' (too late)' : ''}</text>`
  )
}

function bar({ start, end, results }: DrawnWindow, y: number, xOf: (time: number) => number): string {
  // A session of one record has no length, but must be seen.
  const [from, width] = [xOf(start), Math.max(6, xOf(end) - xOf(start))]
  const gone = results.at(-1)!.text === 'deleted'
  const texts = results.map(
    ({ text, cause }) => `${escaped(text)} <tspan fill="${QUIET}" font-size="11">by ${cause}</tspan>`,
  )
  const look = gone
    ? `fill="#f6f8fa" stroke="${QUIET}" stroke-dasharray="4 3"`
    : `fill="#dafbe1" stroke="${RESULT}"`
  const label = texts.join(', ')
  const inside = width > results.length * 62
  const at = inside ? `x="${from + width / 2}" text-anchor="middle"` : `x="${from + width + 8}"`
  return (
    `<rect x="${from}" y="${y}" width="${width}" height="${BAR}" rx="5" ${look}/>` +
    `<text ${at} y="${y + 16}">${label}</text>`
  )
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

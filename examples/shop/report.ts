/** What the shop demo prints: lines with the time since its start, and the table at the end. */
import { styleText } from 'node:util'
import type { RuntimeOptions } from 'sluice/embed'
import { isSound } from './check.ts'
import type { Finding } from './check.ts'

/** What happened in this run. */
export interface Totals {
  readonly ratings: number
  readonly calls: number
  readonly failedCalls: number
  readonly fallbacks: number
  readonly breakerOpened: number
  readonly breakerRefused: number
  readonly deadLetters: number
  readonly redriven: number
  readonly commits: number
}

type Style = Parameters<typeof styleText>[0]

export type Say = (text: string, style?: Style) => void

/** Says it with the seconds since now. */
export function talker(out: NodeJS.WritableStream): Say {
  const began = performance.now()
  return (text, style) => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6)
    out.write(`${styleText('dim', `${seconds} s`)}  ${style === undefined ? text : styleText(style, text)}\n`)
  }
}

type Log = NonNullable<RuntimeOptions['log']>

/** The engine's log as far as it is about circuit breakers; dead letters are counted elsewhere. */
export function breakerLog(say: Say): Log {
  const tell =
    (style: Style): Log['warn'] =>
    (fields, message) => {
      if (fields['endpoint'] !== undefined) say(`${String(fields['node'])}: ${message}`, style)
    }
  const log: Log = {
    debug() {},
    info: tell('green'),
    warn: tell('red'),
    error: (_, message) => say(message, 'red'),
    child: () => log,
  }
  return log
}

/** One line a second. */
export function statusLine(now: Totals, breakers: Readonly<Record<string, string>>, waiting: number): string {
  const parts = [
    `${now.ratings} ratings`,
    `${now.calls} calls answered, ${now.failedCalls} failed`,
    now.fallbacks === 0 ? '' : `${now.fallbacks} by fallback`,
    ...Object.entries(breakers).map(([node, state]) => `${node} breaker ${state}`),
    waiting === 0 ? '' : `${waiting} in flight`,
    now.deadLetters === 0 ? '' : `${now.deadLetters} dead ${now.deadLetters === 1 ? 'letter' : 'letters'}`,
  ]
  return parts.filter((part) => part !== '').join(' · ')
}

/** The last thing printed. */
export function summary(findings: readonly Finding[], totals: Totals, letters: number): string {
  const rows = findings.map(({ what, ...counts }) => [what, ...Object.values(counts).map(figure)])
  const table = columns([
    ['in all runs of this folder', 'expected', 'seen', 'lost', 'doubled', 'wrong'],
    ...rows,
  ])
  const sound = isSound(findings) && letters === 0
  const verdict = sound
    ? styleText('green', 'Nothing lost, nothing doubled: compared with the ratings, SQLite and the API.')
    : styleText('red', `Something is missing, twice or wrong, or waits: ${letters} dead letters are left.`)
  return `\n${columns(runRows(totals))}\n${table}\n${verdict}\n`
}

function runRows(totals: Totals): readonly (readonly string[])[] {
  return [
    ['in this run', ''],
    ['ratings', figure(totals.ratings)],
    ['calls answered', figure(totals.calls)],
    ['calls failed', figure(totals.failedCalls)],
    ['circuit breakers opened', figure(totals.breakerOpened)],
    ['calls they held or refused', figure(totals.breakerRefused)],
    ['profiles by fallback', figure(totals.fallbacks)],
    ['dead letters', figure(totals.deadLetters)],
    ['redriven', figure(totals.redriven)],
    ['commits, exactly once', figure(totals.commits)],
  ]
}

function figure(value: number): string {
  return value.toLocaleString('en')
}

/** The first column to the left, numbers to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)))
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]! + 2))).join('')
  return rows.map((row, at) => `${at === 0 ? styleText('bold', line(row)) : line(row)}\n`).join('')
}

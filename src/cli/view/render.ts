/** The live view as text: a pure function of two samples and the width of the terminal. Colour by node:util alone. */
import { stripVTControlCharacters, styleText } from 'node:util'
import type { NodeSample, ShownBreaker, ViewSample } from './sample.ts'

type Style = Parameters<typeof styleText>[0]

/** The terminal decides before: what is rendered always has colours. */
const paint = (style: Style, text: string): string => styleText(style, text, { validateStream: false })

/**
 * @param before the sample that rates are counted from; absent at the first picture
 * @param columns nothing is wider
 */
export function renderView(now: ViewSample, before: ViewSample | undefined, columns = 80): string {
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1000
  const rate = (current: number, earlier: number | undefined): string =>
    seconds <= 0 || earlier === undefined ? '' : `${count((current - earlier) / seconds)}/s`
  const lines = [
    header(now),
    '',
    row('in', now.processed, rate(now.processed, before?.processed), lagText(now.lag)),
    ...Object.entries(now.produced).map(([topic, records]) =>
      row('out', records, rate(records, before?.produced[topic] ?? 0), topic),
    ),
    row('commits', now.commits, rate(now.commits, before?.commits), ''),
    ...Object.entries(now.nodes).flatMap(([node, calls]) =>
      callLines(node, calls, before?.nodes[node], rate),
    ),
    ...errorLines(now),
  ]
  return `${lines.map((line) => cut(line, columns)).join('\n')}\n`
}

function header({ application, state, tasks }: ViewSample): string {
  const style: Style = state === 'running' ? 'green' : state === 'failed' ? 'red' : 'yellow'
  const count = tasks === 1 ? '1 task' : `${tasks} tasks`
  return `${paint('bold', application)}  ${paint(style, `● ${state}`)}  ${paint('dim', count)}`
}

function lagText(lag: number): string {
  return lag === 0 ? paint('dim', 'caught up') : paint('yellow', `${count(lag)} behind`)
}

function callLines(
  node: string,
  now: NodeSample,
  before: NodeSample | undefined,
  rate: (current: number, earlier: number | undefined) => string,
): readonly string[] {
  const asked = now.cacheHits + now.cacheMisses
  const hits = asked === 0 ? '' : `cache ${((100 * now.cacheHits) / asked).toFixed(0)} % of ${count(asked)}`
  const trouble = [
    some(now.failed, 'failed'),
    some(now.retries, 'retried'),
    some(now.fallbacks, 'by fallback'),
  ].filter((text) => text !== '')
  const extra = [hits, trouble.length === 0 ? '' : paint('yellow', trouble.join(', '))]
  return [
    '',
    `${paint('bold', node)}  ${paint('cyan', bar(now.inFlight))} ${count(now.inFlight)} ${now.inFlight === 1 ? 'call' : 'calls'} in flight`,
    row(
      'calls',
      now.answered,
      rate(now.answered, before?.answered),
      `p50 ${ms(now.p50)}  p99 ${ms(now.p99)}`,
    ),
    ...extra.filter((text) => text !== '').map((text) => `${' '.repeat(10)}${text}`),
    ...now.breakers.map(breakerLine),
  ]
}

function breakerLine({ endpoint, state, held }: ShownBreaker): string {
  const style: Style = state === 'open' ? 'red' : 'yellow'
  const waiting = held === 0 ? '' : `, ${some(held, held === 1 ? 'call waits' : 'calls wait')}`
  return `${' '.repeat(10)}${paint(style, `breaker ${state}: ${oneLine(endpoint)}`)}${waiting}`
}

function some(number: number, what: string): string {
  return number === 0 ? '' : `${count(number)} ${what}`
}

/** One block for each doubling: 1 to 16 blocks for 1 to 65,536 calls. */
function bar(calls: number): string {
  return calls <= 0 ? '·' : '▪'.repeat(Math.min(16, Math.floor(Math.log2(calls)) + 1))
}

function errorLines(now: ViewSample): readonly string[] {
  const parts = [
    some(now.deadLetters, now.deadLetters === 1 ? 'dead letter' : 'dead letters'),
    some(now.dropped, 'dropped by rule'),
    some(now.restarts, now.restarts === 1 ? 'restart of the worker' : 'restarts of the worker'),
  ].filter((text) => text !== '')
  if (parts.length === 0) return ['', paint('dim', 'no errors')]
  const letters = now.latestDeadLetters.map(
    ({ place, code, message }) => `  ${paint('red', code)} ${place}  ${paint('dim', oneLine(message))}`,
  )
  return ['', paint('red', parts.join(', ')), ...letters]
}

function row(name: string, number: number, rate: string, rest: string): string {
  return `${paint('dim', name.padEnd(9))} ${count(number).padStart(9)}  ${paint('green', rate.padStart(10))}  ${rest}`
}

function ms(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(value < 10 ? 1 : 0)} ms`
}

/** 12,345 up to a million, then 1.23 M. */
function count(number: number): string {
  if (number >= 1e6) return `${(number / 1e6).toFixed(2)} M`
  return Math.round(number).toLocaleString('en-US')
}

/** Control characters out of somebody's data would move the cursor. */
function oneLine(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\p{Cc}+/gu, ' ')
}

const ESCAPE = '\u001B'

const STYLES = new RegExp(`(${ESCAPE}\\[[\\d;]*m)`)

/** Cuts what people see at the width; what styles the rest stays closed. */
function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line)
  if (plain.length <= columns) return line
  let [seen, text] = [0, '']
  for (const part of line.split(STYLES)) {
    if (part.startsWith(ESCAPE)) text += part
    else {
      text += part.slice(0, Math.max(0, columns - 1 - seen))
      seen += part.length
    }
  }
  return `${text}…`
}

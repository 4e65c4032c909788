/** The live view of the demo in a terminal, redrawn in place. */
import { styleText } from 'node:util'
import type { Alert, Origin } from './app.ts'

export interface View {
  /** ISO 8601 departure of the newest flight read. */
  readonly time: string
  readonly flights: number
  readonly allFlights: number
  readonly alerts: number
  readonly inFlight: number
  readonly calls: number
  readonly failedCalls: number
  readonly retries: number
  readonly posts: number
  readonly commits: number
  readonly late: readonly Alert[]
  readonly worst: readonly Origin[]
  readonly chat: readonly string[]
}

export interface Screen {
  draw(view: View): void
  /** Leaves the last picture and gives the cursor back. */
  close(): void
}

export function openScreen(out: NodeJS.WriteStream): Screen {
  let drawn = 0
  let before: { readonly at: number; readonly flights: number } | undefined
  let rate = 0
  out.write('\x1b[?25l')
  return {
    draw(view) {
      const now = performance.now()
      if (before !== undefined && now - before.at > 0) {
        const fresh = ((view.flights - before.flights) * 1000) / (now - before.at)
        rate = rate === 0 ? fresh : 0.8 * rate + 0.2 * fresh
      }
      before = { at: now, flights: view.flights }
      // A line that wraps or scrolls away could not be drawn over.
      const lines = picture(view, rate)
        .slice(0, (out.rows ?? 50) - 1)
        .map((line) => clip(line, out.columns ?? 100))
      out.write(`${drawn > 0 ? `\x1b[${drawn}A` : ''}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`)
      drawn = lines.length
    },
    close: () => out.write('\x1b[?25h'),
  }
}

function picture(view: View, rate: number): readonly string[] {
  const bar = Math.round((30 * view.flights) / view.allFlights)
  return [
    '',
    `${styleText('bold', 'flight-delays')}  ${view.time.slice(0, 16).replace('T', ' ')}  ${'█'.repeat(bar)}${styleText('dim', '░'.repeat(30 - bar))}`,
    `${figure(view.flights)} flights  ${figure(Math.round(rate))}/s   ${figure(view.commits)} exactly-once commits`,
    `${figure(view.inFlight)} calls in flight  ${figure(view.calls)} answered  ${figure(view.failedCalls)} failed  ${figure(view.retries)} repeated`,
    `${figure(view.alerts)} alerts  ${figure(view.posts)} posted to the webhook`,
    '',
    styleText('bold', 'Late now'),
    ...filled(view.late.map(describeAlert), 5),
    '',
    styleText('bold', 'Worst delays per origin    worst  average   late  flights'),
    ...filled(view.worst.map(describeOrigin), 8),
    '',
    styleText('bold', 'Chat room'),
    ...filled(
      view.chat.map((text) => `  ${styleText('dim', text)}`),
      5,
    ),
    styleText('dim', 'Ctrl-C to stop'),
  ]
}

function describeAlert(alert: Alert): string {
  const { rebooking } = alert
  const advice =
    rebooking === null ? 'no rebooking' : `next ${rebooking.nextDeparture} (${rebooking.seats} seats)`
  const minutes = styleText('red', `${String(alert.delay).padStart(4)} min`)
  return `  ${alert.id} ${alert.origin}→${alert.destination} ${minutes}  ${alert.city.padEnd(24)} ${advice}`
}

function describeOrigin(row: Origin): string {
  const average = (row.totalDelay / row.flights).toFixed(1)
  const name = `${row.origin} ${row.city}`.padEnd(24).slice(0, 24)
  return `  ${name} ${styleText('red', String(row.worstDelay).padStart(6))} ${average.padStart(8)} ${String(row.late).padStart(6)} ${String(row.flights).padStart(8)}`
}

function figure(value: number): string {
  return styleText('cyan', value.toLocaleString('en').padStart(7))
}

function filled(lines: readonly string[], height: number): readonly string[] {
  return Array.from({ length: height }, (_, at) => lines[at] ?? '')
}

/** Cuts to the width of the terminal, colours not counted. */
function clip(line: string, width: number): string {
  let [shown, at] = [0, 0]
  while (at < line.length && shown < width - 1) {
    // oxlint-disable-next-line no-control-regex -- escape sequences are what is looked for
    const colour = /^\x1b\[[0-9;]*m/.exec(line.slice(at, at + 12))
    at += colour === null ? 1 : colour[0].length
    if (colour === null) shown++
  }
  return at < line.length ? `${line.slice(0, at)}\x1b[0m` : line
}

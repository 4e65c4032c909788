/**
 * The shop demo: customers captured from SQLite, live ratings, an API asked for each, and a chat room that hears of unhappy platinum
 * customers. With --broken the API fails in the middle; what became a dead letter is redriven with the real command, and in the
 * end everything is counted. It stops by itself; the next run goes on in the same folder.
 *
 *   npm run demo:shop
 *   npm run demo:shop -- --broken
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isSluiceError } from 'sluice'
import { idle, inFlight, openRuntime, sqliteSource, total } from 'sluice/embed'
import type { Runtime, RunningApp } from 'sluice/embed'
import { customers, shop } from './app.ts'
import { startChat } from './chat.ts'
import type { Chat } from './chat.ts'
import { check, isSound } from './check.ts'
import { fillCustomers, upgradeOne } from './customers.ts'
import { readOptions } from './options.ts'
import type { ShopOptions } from './options.ts'
import { liveRatings } from './ratings.ts'
import { breakerLog, statusLine, summary, talker } from './report.ts'
import type { Say, Totals } from './report.ts'
import { startApi } from './service.ts'
import type { Api } from './service.ts'

/** What all phases of a run share. */
interface Shop {
  readonly options: ShopOptions
  readonly say: Say
  readonly file: string
  readonly api: Api
  readonly chat: Chat
  readonly stop: AbortController
}

const STATES = ['', 'half-open', 'open']

try {
  await main(readOptions(process.argv.slice(2)))
} catch (error) {
  if (!isSluiceError(error)) throw error
  process.stderr.write(`error ${error.code}\n  ${error.message}\n  What to do: ${error.fix}\n`)
  process.exitCode = 1
}

async function main(options: ShopOptions): Promise<void> {
  const { folder } = options
  mkdirSync(folder, { recursive: true })
  const say = talker(process.stdout)
  const file = join(folder, 'customers.db')
  fillCustomers(file)
  const [api, chat] = await Promise.all([
    startApi(),
    startChat(join(folder, 'chat.jsonl'), (text) => say(`#unhappy-platinum  ${text}`, 'cyan')),
  ])
  const run: Shop = { options, say, file, api, chat, stop: stopAtSignal() }
  try {
    const totals = await live(run)
    const redriven = await redrive(run)
    await finish(run, { ...totals, redriven })
  } finally {
    await Promise.all([api.close(), chat.close()])
  }
}

/** Ratings come, a customer is upgraded now and then, and the API breaks if it shall. */
async function live(run: Shop): Promise<Totals> {
  const { options, say, stop } = run
  const { seconds, rate, folder } = options
  const runtime = await openRuntime({ folder, log: breakerLog(say) })
  try {
    const running = await start(run, runtime)
    const source = await runtime.capture({ name: 'ratings', source: liveRatings(rate), pollIntervalMs: 50 })
    say(`${rate} ratings a second for ${seconds} s; everything is kept in ${shown(folder)}`)
    const outage = options.broken ? breakAndMend(run) : undefined
    const status = setInterval(() => say(statusLine(...figures(runtime, source.written)), 'dim'), 1000)
    const upgrade = setInterval(() => promote(run), (seconds * 1000) / 3.5)
    await Promise.race([pause(seconds * 1000, stop.signal), running.ended, source.ended])
    clearInterval(upgrade)
    await source.close()
    await outage
    await idle(runtime, running, { signal: AbortSignal.timeout(20_000) })
    clearInterval(status)
    await running.close()
    await running.ended
    return figures(runtime, source.written)[0]
  } finally {
    await runtime.close()
  }
}

/** Customers first and to the end, so that the first rating finds its customer. */
async function start({ file, api, chat }: Shop, runtime: Runtime): Promise<RunningApp> {
  const table = sqliteSource({
    file,
    table: 'customers',
    key: 'id',
    updated: 'version',
    topic: customers.name,
  })
  const capture = await runtime.capture({ name: 'customers', source: table, pollIntervalMs: 100 })
  await capture.reachedEnd
  return runtime.start(shop({ api: api.url, chat: chat.url }))
}

/** Ten seconds, or less of a short run. */
async function breakAndMend({ options, say, api, stop }: Shop): Promise<void> {
  const ms = options.seconds * 1000
  const outage = Math.min(10_000, 0.5 * ms)
  await pause(0.2 * ms, stop.signal)
  say(`the API of profiles and vouchers answers 503 from now on, for ${outage / 1000} s`, 'red')
  await api.setBroken(true)
  await pause(outage, stop.signal)
  await api.setBroken(false)
  say('the API is well again', 'green')
}

function promote({ file, say }: Shop): void {
  const name = upgradeOne(file)
  if (name !== undefined)
    say(`${name} is platinum from now on (an update in SQLite, captured live)`, 'yellow')
}

/** As a person would do it: the commands need the folder for themselves. Letters of a run that was killed are among them. */
async function redrive({ options, say }: Shop): Promise<number> {
  if ((await lettersLeft(options)) === 0) return 0
  const listed = await sluice(['dlq', 'list', '--folder', options.folder, '--limit', '3'])
  say(`the first dead letters (sluice dlq list --folder ${shown(options.folder)}):\n${listed}`)
  const sent = await sluice(['dlq', 'redrive', '--all', '--folder', options.folder, '--json'])
  const redriven = jsonLines(sent).filter((line) => (line as { sent: string }).sent !== 'kept').length
  say(`sluice dlq redrive --all: ${redriven} sent through the application once more`, 'green')
  return redriven
}

async function lettersLeft({ folder }: ShopOptions): Promise<number> {
  return jsonLines(await sluice(['dlq', 'list', '--folder', folder, '--json'])).length
}

/** Does what is left to do, with what was redriven, then counts. */
async function finish(run: Shop, totals: Totals): Promise<void> {
  const { options, say, file, chat } = run
  const runtime = await openRuntime({ folder: options.folder, log: breakerLog(say) })
  try {
    const running = await start(run, runtime)
    await idle(runtime, running, { signal: AbortSignal.timeout(20_000) })
    await running.close()
    await running.ended
    const findings = await check(runtime, file, chat.messages)
    await runtime.close()
    const letters = await lettersLeft(options)
    process.stdout.write(summary(findings, totals, letters))
    if (!isSound(findings) || letters > 0) process.exitCode = 2
  } finally {
    await runtime.close()
  }
}

function figures(
  runtime: Runtime,
  written: number,
): [totals: Totals, breakers: Readonly<Record<string, string>>, waiting: number] {
  const calls = (outcome: string): number => total(runtime, 'enrich-calls-total', { outcome })
  const states = ['profile', 'voucher'].map((node) => {
    return [node, STATES[total(runtime, 'enrich-breaker-state', { node })] ?? ''] as const
  })
  const totals: Totals = {
    ratings: written,
    calls: calls('ok'),
    failedCalls: calls('error') + calls('timeout'),
    fallbacks: total(runtime, 'enrich-fallbacks-total'),
    breakerOpened: total(runtime, 'enrich-breaker-opened-total'),
    breakerRefused: total(runtime, 'enrich-breaker-refused-total'),
    deadLetters: total(runtime, 'dead-letter-records-total'),
    redriven: 0,
    commits: total(runtime, 'commit-total'),
  }
  return [totals, Object.fromEntries(states.filter(([, state]) => state !== '')), inFlight(runtime)]
}

/** As one would type it here. */
function shown(folder: string): string {
  const path = relative('.', folder)
  return path.startsWith('..') ? folder : path || '.'
}

/** The output of a command of this repository. */
async function sluice(args: readonly string[]): Promise<string> {
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`sluice ${args.join(' ')} ended with code ${String(code)}`)
  return text
}

function jsonLines(text: string): readonly unknown[] {
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]))
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    if (signal.aborted) done()
    else signal.addEventListener('abort', done)
  })
}

/** The first Ctrl-C ends the ratings, the second the process. */
function stopAtSignal(): AbortController {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130)
      stop.abort()
    })
  }
  return stop
}

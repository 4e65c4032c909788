/**
 * The demo: real flights stream through the application of app.ts on an embedded broker; late ones are enriched by a slow and
 * unreliable service and posted to a webhook. A terminal shows it live; without one each alert is a JSON line.
 *
 *   npm run demo                                    all flights, in memory
 *   npm run demo -- --for 20s --dir DIR             stops by itself; run again, it goes on where it stopped
 *   npm run demo -- --speed 7d --flights 2000       a week a second, the first 2000 flights
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { isSluiceError } from 'sluice'
import { idle, inFlight, openRuntime, sqliteSource, total } from 'sluice/embed'
import type { Runtime, RunningApp, SourceTask } from 'sluice/embed'
import { airports, flightDelays } from './app.ts'
import type { Alert, Flight } from './app.ts'
import { alertsSoFar, openBoard } from './board.ts'
import type { Board } from './board.ts'
import { fillAirports, readFlights, replayFlights } from './data.ts'
import { readOptions } from './options.ts'
import type { DemoOptions } from './options.ts'
import { startRebooking } from './rebooking.ts'
import { openScreen } from './screen.ts'
import { startWebhook } from './webhook.ts'
import type { Webhook } from './webhook.ts'

/** Everything that runs, for the view and the totals. */
interface Demo {
  readonly all: readonly Flight[]
  readonly runtime: Runtime
  readonly running: RunningApp
  readonly capture: SourceTask
  readonly replay: SourceTask
  readonly board: Board
  readonly webhook: Webhook
  readonly late: readonly Alert[]
  readonly began: number
}

try {
  await main(readOptions(process.argv.slice(2)))
} catch (error) {
  if (!isSluiceError(error)) throw error
  process.stderr.write(`error ${error.code}\n  ${error.message}\n  What to do: ${error.fix}\n`)
  process.exitCode = 1
}

async function main(options: DemoOptions): Promise<void> {
  const began = performance.now()
  const stop = stopAtSignal()
  const throwAway = options.dir === undefined ? mkdtempSync(join(tmpdir(), 'sluice-demo-')) : undefined
  const folder = throwAway ?? resolve(options.dir!)
  mkdirSync(folder, { recursive: true })
  try {
    const runtime = await openRuntime(throwAway === undefined ? { folder } : {})
    const [service, webhook] = await Promise.all([startRebooking(), startWebhook()])
    try {
      const demo = await start(options, runtime, folder, { rebooking: service.url, webhook }, began)
      await watch(demo, options, stop)
      await finish(demo)
    } finally {
      await runtime.close()
      await Promise.all([service.close(), webhook.close()])
    }
  } finally {
    if (throwAway !== undefined) rmSync(throwAway, { recursive: true, force: true })
  }
}

interface Services {
  readonly rebooking: string
  readonly webhook: Webhook
}

/** Airports first and to the end, so that every flight finds its airport; then the application; then the flights. */
async function start(
  options: DemoOptions,
  runtime: Runtime,
  folder: string,
  { rebooking, webhook }: Services,
  began: number,
): Promise<Demo> {
  const all = readFlights(options.flights)
  const file = join(folder, 'airports.db')
  fillAirports(file)
  const table = sqliteSource({
    file,
    table: 'airports',
    key: 'iata',
    updated: 'version',
    topic: airports.name,
  })
  const capture = await runtime.capture({ name: 'airports', source: table })
  await capture.reachedEnd
  const before = await alertsSoFar(runtime)
  const running = await runtime.start(flightDelays({ rebooking, webhook: webhook.url }))
  const late: Alert[] = []
  const board = await openBoard(runtime, before, (alert) => {
    if (options.live) late.splice(0, late.length, alert, ...late.slice(0, 4))
    else process.stdout.write(`${JSON.stringify(alert)}\n`)
  })
  const source = replayFlights(all, options.speed)
  const replay = await runtime.capture({ name: 'flights', source, pollIntervalMs: 25, batchRecords: 500 })
  return { all, runtime, running, capture, replay, board, webhook, late, began }
}

/** Until all is done, time is up, or somebody stops it. */
async function watch(demo: Demo, options: DemoOptions, stop: AbortController): Promise<void> {
  const { runtime, running, capture, replay } = demo
  const screen = options.live ? openScreen(process.stdout) : undefined
  const drawing = setInterval(() => screen?.draw(viewOf(demo)), 200)
  const timer = options.forMs === undefined ? undefined : setTimeout(() => stop.abort(), options.forMs)
  const done = replay.reachedEnd.then(() => idle(runtime, running, { signal: stop.signal }))
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  try {
    await Promise.race([done, stopped, running.ended, capture.ended, replay.ended])
  } finally {
    clearInterval(drawing)
    clearTimeout(timer)
    screen?.draw(viewOf(demo))
    screen?.close()
  }
}

/** No new flights; what is under way gets two seconds, the rest is done by the next run. Then the totals. */
async function finish(demo: Demo): Promise<void> {
  const { runtime, running, replay, board, webhook, all, began } = demo
  const finished = replay.atEnd
  await replay.close()
  await idle(runtime, running, { signal: AbortSignal.timeout(2000) })
  await running.close()
  await running.ended
  await board.caughtUp()
  const origins = [...board.origins.values()]
  const flights = origins.reduce((sum, row) => sum + row.flights, 0)
  const totals = {
    event: 'totals',
    finished: finished && flights === all.length,
    flights,
    late: origins.reduce((sum, row) => sum + row.late, 0),
    alerts: board.alerts,
    doubledAlerts: board.doubled,
    origins: origins.length,
    thisRun: {
      flights: replay.written,
      alerts: board.newAlerts,
      webhookMessages: webhook.messages,
      webhookPosts: webhook.posts,
      calls: total(runtime, 'enrich-calls-total', { outcome: 'ok' }),
      failedCalls: failedCalls(runtime),
      retries: total(runtime, 'enrich-retries-total'),
      commits: total(runtime, 'commit-total'),
      seconds: Number(((performance.now() - began) / 1000).toFixed(1)),
    },
    worst: board.worst(5).map(({ origin, worstDelay }) => `${origin} ${worstDelay} min`),
  }
  await board.close()
  process.stdout.write(`${JSON.stringify(totals)}\n`)
}

function viewOf({
  all,
  runtime,
  board,
  webhook,
  late,
}: Demo): Parameters<ReturnType<typeof openScreen>['draw']>[0] {
  const flights = [...board.origins.values()].reduce((sum, row) => sum + row.flights, 0)
  return {
    time: all[Math.max(0, Math.min(flights, all.length) - 1)]!.departs,
    flights,
    allFlights: all.length,
    alerts: board.alerts,
    inFlight: inFlight(runtime),
    calls: total(runtime, 'enrich-calls-total', { outcome: 'ok' }),
    failedCalls: failedCalls(runtime),
    retries: total(runtime, 'enrich-retries-total'),
    posts: webhook.posts,
    commits: total(runtime, 'commit-total'),
    late,
    worst: board.worst(8),
    chat: webhook.last,
  }
}

function failedCalls(runtime: Runtime): number {
  const outcomes = ['error', 'timeout']
  return outcomes.reduce((sum, outcome) => sum + total(runtime, 'enrich-calls-total', { outcome }), 0)
}

/** The first Ctrl-C stops cleanly, the second at once. */
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

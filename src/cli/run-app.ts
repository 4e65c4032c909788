/** Runs an application until it is done, told to stop, or cannot go on. Loaded only when there is an application to run. */
import type { SourceTask } from '../connect/index.ts'
import { sleep } from '../core/clock.ts'
import type { RunningApp } from '../engine/runtime/app.ts'
import type { App } from '../languages/dsl/app.ts'
import { captureInput, checkInputs } from './input.ts'
import { stderrLog } from './log.ts'
import { checkPrinted, endsOf, printTopics } from './print.ts'
import { idle } from './progress.ts'
import type { RunOptions } from './run-options.ts'
import { openRuntime } from './runtime.ts'
import type { Runtime } from './runtime.ts'
import { startService } from './service.ts'
import type { Service } from './service.ts'
import { openLiveView } from './view/live.ts'
import type { Settings } from './settings/spec.ts'
import { stopSignal } from './signals.ts'
import { describeStart } from './summary.ts'

/** @throws what stopped it, unless it was told to stop */
export async function runApp(app: App, settings: Settings, options: RunOptions): Promise<void> {
  const plan = app.plan()
  checkInputs(plan, options.input)
  checkPrinted(plan, options.print)
  const stop = stopSignal()
  const runtime = await openRuntime({
    broker: settings.broker,
    compression: settings.compression,
    ...(settings.brokerSecurity === undefined ? {} : { brokerSecurity: settings.brokerSecurity }),
    ...(settings.folder === undefined ? {} : { folder: settings.folder }),
    ...(settings.state === undefined ? {} : { stateFolder: settings.state }),
    log: stderrLog(settings.logLevel).child({ application: app.name }),
  })
  try {
    await runUntil(stop, runtime, app, { ...options, settings })
  } finally {
    await runtime.close()
  }
}

interface Run extends RunOptions {
  readonly settings: Settings
}

/** Inputs first and to their end, so that tables are filled before the streams that ask them. */
async function runUntil(stop: AbortSignal, runtime: Runtime, app: App, options: Run): Promise<void> {
  const plan = app.plan()
  const { settings } = options
  const before = await endsOf(runtime.ports.broker, options.print)
  const sources: SourceTask[] = []
  for (const input of options.input) {
    const source = await captureInput(runtime, plan, input, settings.createTopicPartitions || 1)
    sources.push(source)
    await Promise.race([source.reachedEnd, aborted(stop)])
  }
  const running = await startService(runtime, app, settings)
  try {
    await watch(stop, runtime, running, { ...options, before, sources })
  } finally {
    await running.close()
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ event: 'stopped', application: app.name })}\n`)
  else process.stderr.write('stopped: everything is committed\n')
}

interface Watched extends Run {
  /** Where the printed topics ended before the application started. */
  readonly before: ReadonlyMap<string, readonly number[]>
  readonly sources: readonly SourceTask[]
}

/** Until it is done, told to stop, or something fails; then what it wrote is printed to the end. */
async function watch(stop: AbortSignal, runtime: Runtime, running: Service, options: Watched): Promise<void> {
  const { plan } = running
  const { settings, sources } = options
  const printed = await printTopics(runtime.connect(), plan, options.print, options.before)
  const where = { stateFolder: runtime.stateFolder, url: running.url }
  announce(describeStart(plan, options, settings, where), options.json)
  const view = options.view
    ? await openLiveView(running, runtime, process.stderr, settings.deadLetterTopic)
    : undefined
  try {
    // Sources and printers end by themselves only when they fail.
    const failing = [...sources, ...printed].map(({ ended }) => ended)
    await Promise.race([running.ended, aborted(stop), ...failing, ...endings(runtime, running, options)])
    await running.close()
    // What stopped it, if it did not stop because it was told to.
    await running.ended
    await Promise.all(printed.map((follower) => follower.caughtUp()))
    await Promise.all(printed.map((follower) => follower.close()))
  } finally {
    await view?.close()
  }
}

/** The ways to end that were asked for. */
function endings(runtime: Runtime, running: RunningApp, options: Run): readonly Promise<void>[] {
  const all: Promise<void>[] = []
  if (options.for !== undefined) all.push(sleep(runtime.ports.clock, options.for))
  if (options.untilDone)
    all.push(idle(runtime, running, { commitIntervalMs: options.settings.commitInterval }))
  return all
}

function announce(text: { readonly people: string; readonly json: object }, asJson: boolean): void {
  if (asJson) process.stdout.write(`${JSON.stringify({ event: 'started', ...text.json })}\n`)
  else process.stderr.write(text.people)
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

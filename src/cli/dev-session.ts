/**
 * What `sluice dev` does: one runtime for the whole session, one version of the application on it at a time. A version that
 * cannot be loaded or started never ends the session: the last good one runs on, or the next save is waited for.
 *
 *   load ─► broken ─► (old one runs on) ─► change ─► load
 *     └──► swap: close old ─► start new ─► change ─► load
 *                               └► refused: start old again ─► change
 */
import { relative } from 'node:path'
import type { SourceTask } from '../connect/index.ts'
import { isSluiceError } from '../core/errors.ts'
import type { SluiceError } from '../core/errors.ts'
import type { RunningApp } from '../engine/runtime/app.ts'
import type { App } from '../languages/dsl/app.ts'
import { jsonLine } from './columns.ts'
import { asSluiceError, describeFailure } from './failure.ts'
import type { Follower } from './follow.ts'
import { captureInput, checkInputs } from './input.ts'
import { stderrLog } from './log.ts'
import { changeLine, manifestChanges } from './manifest-changes.ts'
import { checkPrinted, endsOf, printTopics } from './print.ts'
import { resetApp } from './reset.ts'
import type { Input } from './run-options.ts'
import { openRuntime } from './runtime.ts'
import type { Runtime } from './runtime.ts'
import { startService } from './service.ts'
import type { Settings } from './settings/spec.ts'
import { stopSignal } from './signals.ts'
import { Versions, withoutVersions } from './versions.ts'
import { Watcher } from './watch.ts'

export interface DevOptions {
  readonly input: readonly Input[]
  readonly print: readonly string[]
  readonly reset: boolean
  readonly json: boolean
}

/** Runs until Ctrl-C. @throws what keeps the session itself from starting, for instance SLUICE_FOLDER_LOCKED */
export async function develop(file: string, settings: Settings, options: DevOptions): Promise<void> {
  const stop = stopSignal()
  const runtime = await openRuntime({
    ...(settings.folder === undefined ? {} : { folder: settings.folder }),
    ...(settings.state === undefined ? {} : { stateFolder: settings.state }),
    log: stderrLog(settings.logLevel),
  })
  const session = new DevSession(runtime, settings, options)
  const watcher = new Watcher()
  const versions = new Versions()
  let watched: ReadonlySet<string> = new Set()
  try {
    for (let changed: string | undefined = ''; changed !== undefined; changed = await watcher.change(stop)) {
      const { app, error, files } = await versions.load(file)
      // A broken version may not have got to its imports: those of the last one still count.
      watched = error === undefined ? files : new Set([...watched, ...files])
      watcher.look(watched, error !== undefined)
      if (app === undefined) session.refuse(error!)
      else await session.take(app, changed, watched)
    }
  } finally {
    watcher.close()
    await session.close()
    await runtime.close()
  }
  say(options, { event: 'stopped' }, 'stopped: everything is committed')
}

class DevSession {
  readonly #runtime: Runtime
  readonly #settings: Settings
  readonly #options: DevOptions
  #app: App | undefined
  #running: RunningApp | undefined
  #sources: readonly SourceTask[] = []
  #printed: readonly Follower[] = []

  constructor(runtime: Runtime, settings: Settings, options: DevOptions) {
    this.#runtime = runtime
    // A mutation of a value that a store owns throws where it happens.
    this.#settings = { ...settings, freezeState: true }
    this.#options = options
  }

  /** Says what is wrong with a version, and what goes on instead. */
  refuse(error: SluiceError): void {
    const instead =
      this.#running === undefined ? 'waiting for the next save' : 'the last good version runs on'
    say(
      this.#options,
      {
        event: 'refused',
        code: error.code,
        message: withoutVersions(error.message),
        fix: error.fix,
        instead,
      },
      `${withoutVersions(describeFailure(error))}${instead}`,
    )
  }

  /** Puts a version in the place of the one that runs. */
  async take(app: App, changed: string, files: ReadonlySet<string>): Promise<void> {
    const before = this.#app
    try {
      const plan = app.plan()
      checkInputs(plan, this.#options.input)
      checkPrinted(plan, this.#options.print)
      await this.close()
      await this.#startOrReset(app)
      this.#announce(before, app, changed, files)
    } catch (error) {
      const known = asSluiceError(error)
      if (this.#running === undefined) {
        await this.close()
        if (before !== undefined) await this.#startAgain(before)
      }
      this.refuse(known)
      if (known.code === 'SLUICE_STATE_INCOMPATIBLE') {
        const hint = 'sluice dev --reset gives the old state up and reads all topics again'
        say(this.#options, { event: 'hint', hint }, hint)
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()))
    await this.#running?.close()
    await Promise.all(this.#printed.map((follower) => follower.caughtUp().catch(() => {})))
    await Promise.all(this.#printed.map((follower) => follower.close()))
    this.#sources = []
    this.#printed = []
    this.#running = undefined
  }

  async #startOrReset(app: App): Promise<void> {
    try {
      await this.#start(app)
    } catch (error) {
      if (!this.#options.reset || !isSluiceError(error, 'SLUICE_STATE_INCOMPATIBLE')) throw error
      const { broker } = this.#runtime.ports
      const deleted = await resetApp(broker, app.plan(), this.#runtime.stateFolder)
      const text = `${app.name} starts from the beginning, the old state does not fit:\n${error.details['diff']}`
      say(this.#options, { event: 'reset', application: app.name, deleted }, text)
      await this.#start(app)
    }
  }

  async #start(app: App): Promise<void> {
    const plan = app.plan()
    const { input, print } = this.#options
    const from = await endsOf(this.#runtime.ports.broker, print)
    // Inputs first and to their end, as `run` does: tables are filled before the streams that ask them.
    for (const one of input) {
      const source = await captureInput(this.#runtime, plan, one, this.#settings.createTopicPartitions || 1)
      this.#sources = [...this.#sources, source]
      await source.reachedEnd
    }
    const running = await startService(this.#runtime, app, this.#settings)
    this.#running = running
    this.#app = app
    this.#printed = await printTopics(this.#runtime.ports.broker, plan, print, from)
    for (const { ended } of [running, ...this.#sources, ...this.#printed])
      ended.catch((error: unknown) => this.#failed(running, error))
  }

  /** The last good version did start before; if it does not now, the next save decides. */
  async #startAgain(app: App): Promise<void> {
    try {
      await this.#start(app)
    } catch (error) {
      this.#running = undefined
      this.refuse(asSluiceError(error))
    }
  }

  /** Something stopped while running: its place is shown, and the session waits for a save that mends it. */
  #failed(running: RunningApp, error: unknown): void {
    if (running !== this.#running) return
    this.#running = undefined
    this.refuse(asSluiceError(error))
  }

  #announce(before: App | undefined, app: App, changed: string, files: ReadonlySet<string>): void {
    const { manifest, application } = app.plan()
    const names = [...files].map((file) => relative(process.cwd(), file))
    if (before === undefined || changed === '') {
      const facts = { event: 'started', application, watching: names }
      return say(this.#options, facts, `${application} is running; watching ${names.join(', ')}`)
    }
    const same = before.name === app.name
    const changes = same
      ? manifestChanges(before.plan().manifest, manifest, { old: before.plan(), next: app.plan() })
      : []
    const stores = manifest.stores.map(({ name }) => name)
    const kept = same
      ? stores.filter((name) => before.plan().manifest.stores.some((store) => store.name === name))
      : []
    const lines = [
      `${changed} changed: ${application} reloaded${kept.length === 0 ? '' : `, state kept: ${kept.join(', ')}`}`,
      ...changes.map((change) => `  ${changeLine(change)}`),
    ]
    say(this.#options, { event: 'reloaded', application, changed, kept, changes }, lines.join('\n'))
  }
}

function say({ json }: DevOptions, facts: object, text: string): void {
  if (json) process.stdout.write(jsonLine(facts))
  else process.stderr.write(`${text}\n`)
}

/** One application that runs, with its server: the engine's running application and what has to end when it ends. */
import type { Metrics } from '../core/metrics.ts'
import { startApp } from '../engine/runtime/app.ts'
import type { RunningApp } from '../engine/runtime/app.ts'
import type { AppState, StateListener } from '../engine/runtime/app-state.ts'
import { settingsFrom } from '../engine/runtime/options.ts'
import type { Ports } from '../engine/runtime/options.ts'
import type { StoreQueries } from '../engine/runtime/query.ts'
import type { RestoreProgress } from '../engine/runtime/opened.ts'
import type { PartitionProgress } from '../engine/runtime/session.ts'
import type { Plan } from '../engine/topology/plan.ts'
import type { App } from '../languages/dsl/app.ts'
import type { TaskId } from '../core/record.ts'
import type { Observed, Server } from '../server/index.ts'
import type { Settings } from './settings/spec.ts'
import { shower } from './topics.ts'

/** An application that runs in this process. */
export interface Service extends RunningApp {
  /** Where health, metrics and topics are; undefined without `serverPort`. */
  readonly url: string | undefined
  /** What it counts; shared by the applications of one runtime. */
  readonly metrics: Metrics
}

/** Where it runs. */
export interface Place {
  readonly ports: Ports
  readonly stateFolder: string
  /** Told of every change of state from the first one on. */
  readonly onState?: StateListener | undefined
  readonly onRestore?: ((progress: RestoreProgress) => void) | undefined
}

/**
 * Starts an application and its server.
 * @param release ends what belongs to this application alone; called once when it ended, for whatever reason
 * @throws what startApp and startServer throw
 */
export async function startService(
  place: Place,
  app: App,
  settings: Settings,
  release: () => Promise<void> = () => Promise.resolve(),
): Promise<Service> {
  const { ports, stateFolder, onState, onRestore } = place
  const running = await startApp(app.plan(), {
    ports,
    settings: settingsFrom(settings),
    stateFolder,
    onError: app.onError,
    onState,
    onRestore,
    endpoint: endpointOf(settings),
  })
  try {
    const server = await serve(observedOf(running, ports), settings)
    return new RunningService(running, ports.metrics, server, release)
  } catch (error) {
    await running.close()
    throw error
  }
}

/** Where other instances may ask this one; undefined when its port is not known before it listens. */
function endpointOf({ serverUrl, serverHost, serverPort }: Settings): string | undefined {
  if (serverUrl !== undefined || serverPort === undefined || serverPort === 0) return serverUrl
  return `http://${serverHost.includes(':') ? `[${serverHost}]` : serverHost}:${serverPort}`
}

/** What a server or a view looks at. */
export function observedOf(app: RunningApp, { broker, metrics, clock }: Ports): Observed {
  return { app, broker, metrics, clock, show: shower(app.plan) }
}

async function serve(observed: Observed, settings: Settings): Promise<Server | undefined> {
  const { serverPort, serverHost, serverToken } = settings
  if (serverPort === undefined) return undefined
  // Loaded only when wanted: it is a third of the start of a command.
  const { startServer } = await import('../server/index.ts')
  return startServer(observed, { port: serverPort, host: serverHost, token: serverToken })
}

class RunningService implements Service {
  readonly metrics: Metrics
  readonly url: string | undefined
  readonly ended: Promise<void>
  readonly #app: RunningApp

  constructor(app: RunningApp, metrics: Metrics, server: Server | undefined, release: () => Promise<void>) {
    this.metrics = metrics
    this.url = server?.url
    this.#app = app
    this.ended = endWith(app, server, release)
    // A failure nobody listens to must not kill the host process.
    this.ended.catch(() => {})
  }

  get plan(): Plan {
    return this.#app.plan
  }

  get state(): AppState {
    return this.#app.state
  }

  get tasks(): readonly TaskId[] {
    return this.#app.tasks
  }

  get standbyTasks(): readonly TaskId[] {
    return this.#app.standbyTasks
  }

  get stores(): StoreQueries {
    return this.#app.stores
  }

  get settled(): boolean {
    return this.#app.settled
  }

  get pending(): number {
    return this.#app.pending
  }

  get progress(): readonly PartitionProgress[] {
    return this.#app.progress
  }

  get sinceTurnMs(): number {
    return this.#app.sinceTurnMs
  }

  get paused(): boolean {
    return this.#app.paused
  }

  get workers(): number {
    return this.#app.workers
  }

  addWorker(): number {
    return this.#app.addWorker()
  }

  removeWorker(): Promise<number | undefined> {
    return this.#app.removeWorker()
  }

  pause(): void {
    this.#app.pause()
  }

  resume(): void {
    this.#app.resume()
  }

  get failure(): Error | undefined {
    return this.#app.failure
  }

  onState(listener: StateListener): () => void {
    return this.#app.onState(listener)
  }

  async close(): Promise<void> {
    await this.#app.close()
    await this.ended.catch(() => {})
  }
}

/** What belongs to the service ends after its application, however that ended. */
async function endWith(
  app: RunningApp,
  server: Server | undefined,
  release: () => Promise<void>,
): Promise<void> {
  try {
    await app.ended
  } finally {
    await server?.close()
    await release()
  }
}

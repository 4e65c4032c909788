/** One application inside a program of one's own: `start`. It never ends the process and never throws outside its promises. */
import { sluiceError } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import type { StateListener } from '../engine/runtime/app-state.ts'
import type { RestoreProgress } from '../engine/runtime/opened.ts'
import type { App } from '../languages/dsl/app.ts'
import { openRuntime } from './runtime.ts'
import { startService } from './service.ts'
import type { Service } from './service.ts'
import { environmentLayer, programLayer, SOURCES } from './settings/layers.ts'
import { fileLayer } from './settings/file.ts'
import { resolveSettings } from './settings/resolve.ts'
import type { Config } from './settings/spec.ts'

export interface StartOptions extends Config {
  /** Closes the application when aborted. */
  readonly signal?: AbortSignal
  /**
   * At the first SIGTERM or SIGINT the application commits, gives its tasks back and closes; the process lives on as long as the
   * program wants (await `ended`). A second signal has its usual effect. Default false.
   */
  readonly signals?: boolean
  /**
   * Told of every change of state (`AppState`) from the first one on, where `onState` of the result comes too late for those
   * during the start. Be quick; a listener that throws is logged and removed.
   */
  readonly onState?: StateListener
  /** Told how far each store's restore from its changelog is: when it begins, after each batch, at its end. Default: nobody. */
  readonly onRestore?: (progress: RestoreProgress) => void
  /** For instance a pino logger. Default: silent. */
  readonly log?: Logger
}

/**
 * Starts an application with a broker of its own and resolves when it has joined; `state` tells how it is. Several may run in
 * one process; those that share topics share a runtime: see `openRuntime`.
 * @example
 * import { defineApp, json, string, topic } from 'sluice'
 * import { start } from 'sluice/embed'
 *
 * const orders = topic('orders', { key: string, value: json() })
 * const definition = defineApp('copy', (flow) => {
 *   flow.stream(orders).to(topic('copies', { key: string, value: json() }))
 * })
 *
 * const app = await start(definition, {
 *   commitInterval: '200ms',
 *   onState: (state, previous) => console.log(previous, '→', state),
 * })
 * await app.close() // a service awaits `app.ended` instead
 * @throws SLUICE_CONFIG_UNKNOWN, SLUICE_CONFIG_INVALID, SLUICE_CONFIG_SECRET, SLUICE_FOLDER_LOCKED, SLUICE_PORT_TAKEN,
 * SLUICE_CLOSED when `signal` is aborted already, and what starting an application throws
 */
export async function start(definition: App, options: StartOptions = {}): Promise<Service> {
  const { signal, signals = false, log, onState, onRestore, ...config } = options
  if (signal?.aborted === true) throw sluiceError('SLUICE_CLOSED', { what: 'the signal given to start' })
  const { settings } = resolveSettings([programLayer(config, `start ${definition.name}`)], SOURCES)
  const runtime = await openRuntime({
    broker: settings.broker,
    compression: settings.compression,
    ...(settings.brokerSecurity === undefined ? {} : { brokerSecurity: settings.brokerSecurity }),
    ...(settings.folder === undefined ? {} : { folder: settings.folder }),
    ...(settings.state === undefined ? {} : { stateFolder: settings.state }),
    ...(log === undefined ? {} : { log }),
  })
  try {
    const { ports, stateFolder } = runtime
    const place = { ports, stateFolder, onState, onRestore }
    const service = await startService(place, definition, settings, () => runtime.close())
    closeAt(service, signal)
    if (signals) closeAtSignals(service)
    return service
  } catch (error) {
    await runtime.close()
    throw error
  }
}

/**
 * What `sluice run` would use, for `start`: the configuration file, then the environment. References to secrets stay references.
 * @param file default: `sluice.config.{ts,js,json,yaml,yml}` in the current folder, if there is one
 * @example
 * import { loadConfig } from 'sluice/embed'
 *
 * const config = { ...(await loadConfig()), commitInterval: '1s' }
 * @throws SLUICE_CONFIG_FILE, SLUICE_CONFIG_UNKNOWN, SLUICE_CONFIG_INVALID, SLUICE_CONFIG_SECRET
 */
export async function loadConfig(file?: string): Promise<Config> {
  const { environment } = SOURCES
  const layers = [await fileLayer(file ?? environment['SLUICE_CONFIG']), environmentLayer(environment)]
  resolveSettings(layers, SOURCES)
  const given = layers.flatMap((layer) => [...layer.given])
  return Object.fromEntries(given.map(([name, { value }]) => [name, value]))
}

function closeAt(service: Service, signal: AbortSignal | undefined): void {
  if (signal === undefined) return
  const close = (): void => {
    service.close().catch(() => {})
  }
  if (signal.aborted) close()
  signal.addEventListener('abort', close, { once: true })
  service.ended
    .catch(() => {})
    .finally(() => signal.removeEventListener('abort', close))
    .catch(() => {})
}

function closeAtSignals(service: Service): void {
  const forget = (): void => {
    process.off('SIGTERM', close)
    process.off('SIGINT', close)
  }
  function close(): void {
    forget()
    service.close().catch(() => {})
  }
  process.on('SIGTERM', close)
  process.on('SIGINT', close)
  service.ended.then(forget, forget)
}

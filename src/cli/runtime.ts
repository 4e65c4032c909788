/**
 * The composition root: every real port in one place, around an embedded broker in memory or in a folder, or Kafka. Commands and
 * programs that embed Sluice start here; it is the only place that knows which adapter stands behind which port.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startSource } from '../connect/index.ts'
import type { SourceTask, SourceTaskOptions } from '../connect/index.ts'
import type { Broker } from '../core/broker.ts'
import { NO_FAILPOINTS } from '../core/failpoint.ts'
import type { Logger } from '../core/log.ts'
import { SILENT } from '../core/log.ts'
import { createMetrics } from '../core/metrics.ts'
import type { Ports } from '../engine/runtime/options.ts'
import type { App } from '../languages/dsl/app.ts'
import { systemClock } from '../platform/clock.ts'
import { systemDisk } from '../platform/disk.ts'
import { createHttpClient } from '../platform/http.ts'
import { systemRandom } from '../platform/random.ts'
import { systemScheduler } from '../platform/scheduler.ts'
import { openTracer } from '../platform/tracer.ts'
import { chooseBackend } from '../stores/index.ts'
import { openBroker } from './brokers.ts'
import type { BrokerPlace, OpenBroker } from './brokers.ts'
import { DEFAULT_PARTITIONS } from './run-options.ts'
import { startService } from './service.ts'
import type { Service } from './service.ts'
import { programLayer, SOURCES } from './settings/layers.ts'
import { expand } from './settings/providers.ts'
import { resolveSettings } from './settings/resolve.ts'
import type { Config } from './settings/spec.ts'

export interface RuntimeOptions extends Omit<BrokerPlace, 'folder'> {
  /** Keeps topics and state here; one process at a time. Default: in memory, gone at the end. */
  readonly folder?: string
  /** Where local state lies. Default: `<folder>/state`, or a throw-away folder when the broker is in memory. */
  readonly stateFolder?: string
  /** Default: silent. */
  readonly log?: Logger
}

/** A broker, embedded or Kafka, and what runs on it. */
export interface Runtime {
  readonly ports: Ports
  readonly stateFolder: string
  /** Starts an application; `folder`, `state` and `logLevel` are the runtime's. Missing topics are created with 4 partitions by default. */
  start(app: App, config?: Config): Promise<Service>
  /** Starts copying records from another system into topics. */
  capture(options: SourceTaskOptions): Promise<SourceTask>
  /** A client of its own, for tools. */
  connect(): Broker
  /** Closes sources, then applications, then the broker. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens the broker (embedded, unless `broker` names a Kafka cluster) and everything an application needs around it.
 * @example
 * import { defineApp, json, string, topic } from 'sluice'
 * import { openRuntime } from 'sluice/embed'
 *
 * const copy = (from: string, to: string) =>
 *   defineApp(`${from}-to-${to}`, (flow) => {
 *     flow.stream(topic(from, { key: string, value: json() })).to(topic(to, { key: string, value: json() }))
 *   })
 *
 * const runtime = await openRuntime() // in memory; { folder: './data' } keeps topics and state
 * await runtime.start(copy('a', 'b'))
 * await runtime.start(copy('b', 'c'))
 * await runtime.close()
 * @throws SLUICE_FOLDER_LOCKED, SLUICE_DISK, SLUICE_SEGMENT_BROKEN
 */
export async function openRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  const log = options.log ?? SILENT
  const folder = options.folder === undefined ? undefined : resolve(options.folder)
  const throwAway = folder === undefined && options.stateFolder === undefined
  const stores = await chooseBackend({ kind: throwAway ? 'memory' : 'auto', disk: systemDisk })
  const cluster = await openBroker({ ...options, ...(folder === undefined ? {} : { folder }) }, log)
  const stateFolder = throwAway
    ? mkdtempSync(join(tmpdir(), 'sluice-'))
    : resolve(options.stateFolder ?? join(folder!, 'state'))
  const connect = (): Broker => cluster.connect()
  const tracer = await openTracer()
  const ports: Ports = {
    ...(tracer === undefined ? {} : { tracer }),
    broker: connect(),
    clock: systemClock,
    scheduler: systemScheduler,
    random: systemRandom,
    disk: systemDisk,
    stores,
    http: createHttpClient(),
    secrets: { read: (reference, place) => expand(reference, place, SOURCES) },
    log,
    metrics: createMetrics(),
    failpoints: NO_FAILPOINTS,
  }
  return new LocalRuntime(cluster, ports, { stateFolder, throwAway, connect })
}

interface Place {
  readonly stateFolder: string
  readonly throwAway: boolean
  readonly connect: () => Broker
}

class LocalRuntime implements Runtime {
  readonly ports: Ports
  readonly stateFolder: string
  readonly connect: () => Broker
  readonly #cluster: OpenBroker
  readonly #throwAway: boolean
  readonly #apps: Service[] = []
  readonly #sources: SourceTask[] = []
  /** Timers of the ports never keep a process alive: an application that waits for records would end it. */
  readonly #alive: NodeJS.Timeout
  #closing: Promise<void> | undefined

  constructor(cluster: OpenBroker, ports: Ports, place: Place) {
    this.#cluster = cluster
    this.ports = ports
    this.stateFolder = place.stateFolder
    this.#throwAway = place.throwAway
    this.connect = place.connect
    this.#alive = setInterval(() => {}, 1 << 30)
  }

  async start(app: App, config: Config = {}): Promise<Service> {
    const { settings } = resolveSettings([programLayer(config, `start ${app.name}`)], SOURCES)
    const service = await startService(this, app, settings)
    this.#apps.push(service)
    return service
  }

  async capture(options: SourceTaskOptions): Promise<SourceTask> {
    const task = await startSource({ partitions: DEFAULT_PARTITIONS, ...options }, this.ports)
    this.#sources.push(task)
    return task
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await Promise.all(this.#sources.map((source) => source.close()))
      await Promise.all(this.#apps.map((app) => app.close()))
      await this.ports.broker.close()
      await this.ports.http.close()
      await this.#cluster.close()
    } finally {
      clearInterval(this.#alive)
      if (this.#throwAway) rmSync(this.stateFolder, { recursive: true, force: true })
    }
  }
}

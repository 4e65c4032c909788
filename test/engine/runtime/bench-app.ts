/** An application on a real embedded broker: start instances, write input, read what is committed, hold a failpoint. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type EmbeddedCluster, openEmbedded } from '../../../src/brokers/embedded/cluster.ts'
import type { Broker, Isolation } from '../../../src/core/broker.ts'
import type { Disk } from '../../../src/core/disk.ts'
import { type ErrorCode, isSluiceError, problemOf, type SluiceError } from '../../../src/core/errors.ts'
import type { Failpoint, Failpoints } from '../../../src/core/failpoint.ts'
import type { Logger } from '../../../src/core/log.ts'
import { createMetrics } from '../../../src/core/metrics.ts'
import { partitionOf } from '../../../src/core/partitioner.ts'
import { NO_HEADERS } from '../../../src/core/record.ts'
import type { StoreBackend } from '../../../src/core/store.ts'
import { type RunningApp, startApp } from '../../../src/engine/runtime/app.ts'
import type { RestoreProgress } from '../../../src/engine/runtime/opened.ts'
import type { EngineSettings } from '../../../src/engine/runtime/options.ts'
import type { App } from '../../../src/index.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { systemDisk } from '../../../src/platform/disk.ts'
import { createHttpClient } from '../../../src/platform/http.ts'
import { systemRandom } from '../../../src/platform/random.ts'
import { systemScheduler } from '../../../src/platform/scheduler.ts'
import { memoryBackend } from '../../../src/stores/memory.ts'

export interface BenchOptions {
  /** Keeps the broker here instead of in memory. */
  readonly folder?: string
  readonly disk?: Disk
}

export interface InstanceOptions {
  /** The state folder: a name within the folder of the bench, or an absolute path. Default `state`. */
  readonly state?: string
  readonly settings?: Partial<EngineSettings>
  readonly failpoints?: Failpoints
  readonly stores?: StoreBackend
  /** Its connection. Default: one of its own that nobody else sees. */
  readonly broker?: Broker
  readonly endpoint?: string
  readonly onRestore?: (progress: RestoreProgress) => void
}

export interface Read {
  readonly partition: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: Readonly<Record<string, string>>
}

const base = { clock: systemClock, random: systemRandom }

export class Bench {
  readonly cluster: EmbeddedCluster
  readonly broker: Broker
  readonly folder: string
  /** Warnings and errors that the product logged. */
  readonly logged: { readonly message: string; readonly fields: object }[] = []
  readonly #apps: RunningApp[] = []

  constructor(cluster: EmbeddedCluster, folder: string) {
    this.cluster = cluster
    this.folder = folder
    this.broker = cluster.connect(base)
  }

  static async open(options: BenchOptions = {}): Promise<Bench> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
    const kept =
      options.folder === undefined ? {} : { folder: options.folder, disk: options.disk ?? systemDisk }
    try {
      return new Bench(await openEmbedded({ ...base, ...kept }), folder)
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  connect(): Broker {
    return this.cluster.connect(base)
  }

  async topics(partitions: number, ...names: readonly string[]): Promise<void> {
    for (const name of names) await this.broker.admin.createTopic({ name, partitions })
  }

  async start(app: App, options: InstanceOptions = {}): Promise<RunningApp> {
    const running = await startApp(app.plan(), {
      stateFolder: resolve(this.folder, options.state ?? 'state'),
      endpoint: options.endpoint,
      ...(options.onRestore === undefined ? {} : { onRestore: options.onRestore }),
      settings: { commitIntervalMs: 20, restartBackoffMs: 5, freezeState: true, ...options.settings },
      ports: {
        broker: options.broker ?? this.connect(),
        ...base,
        scheduler: systemScheduler,
        disk: systemDisk,
        stores: options.stores ?? memoryBackend(),
        http: createHttpClient({}),
        log: this.#logger({}),
        metrics: createMetrics(),
        failpoints: options.failpoints ?? { hit: () => undefined },
      },
    })
    this.#apps.push(running)
    return running
  }

  /** Writes records by the hash of their keys; resolves when they are acknowledged. */
  async write(topic: string, records: readonly (readonly [string | null, string])[]): Promise<void> {
    const [description] = await this.broker.admin.describeTopics([topic])
    const partitions = description!.partitions
    const producer = this.broker.producer({})
    await producer.init()
    const buffer = producer.buffer()
    for (const [key, value] of records) {
      const partition = key === null ? 0 : partitionOf(Buffer.from(key), partitions)
      buffer.append(producer.target(topic, partition), key, value, systemClock.now(), NO_HEADERS)
    }
    await producer.send(buffer)
    await producer.close()
  }

  async read(topic: string, isolation: Isolation = 'read_committed'): Promise<readonly Read[]> {
    const [description] = await this.broker.admin.describeTopics([topic])
    const fetcher = this.broker.fetcher({ isolation })
    const all: Read[] = []
    for (let partition = 0; partition < (description?.partitions ?? 0); partition++) {
      const end = await this.broker.admin.listOffset(topic, partition, 'latest', isolation)
      let position = await this.broker.admin.listOffset(topic, partition, 'earliest', isolation)
      fetcher.add(topic, partition, position)
      while (position < end) {
        await fetcher.arrived(1_000)
        for (const batch of fetcher.take()) {
          if (batch.kind === 'failed') throw batch.error
          for (let at = 0; at < batch.count; at++) {
            const headers = batch.headersAt(at).map(({ key, value }) => [key, text(value) ?? ''])
            all.push({
              partition,
              key: text(batch.keyAt(at)),
              value: text(batch.valueAt(at)),
              headers: Object.fromEntries(headers) as Record<string, string>,
            })
          }
          position = batch.nextOffset
        }
      }
      fetcher.remove(topic, partition)
    }
    fetcher.close()
    return all
  }

  async values(topic: string, isolation: Isolation = 'read_committed'): Promise<readonly (string | null)[]> {
    return (await this.read(topic, isolation)).map(({ value }) => value)
  }

  /** Until so many records are visible in a topic. */
  async visible(topic: string, count: number): Promise<readonly Read[]> {
    let seen: readonly Read[] = []
    await until(`${count} records in ${topic}`, async () => (seen = await this.read(topic)).length >= count)
    return seen
  }

  async close(): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.close()))
    await this.cluster.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #logger(bound: object): Logger {
    const keep = (fields: object, message: string): void => {
      this.logged.push({ message, fields: { ...bound, ...fields } })
    }
    return {
      debug: () => undefined,
      info: keep,
      warn: keep,
      error: keep,
      child: (fields: object) => this.#logger({ ...bound, ...fields }),
    }
  }
}

/** Polls until it holds; fails naming what was awaited. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 8_000,
): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
}

/** The error of the table that an attempt was refused with; its remedy must be filled in. */
export async function refused(attempt: Promise<unknown>, code: ErrorCode): Promise<SluiceError> {
  const error = await attempt.then(
    () => new Error('nothing was refused'),
    (reason: unknown) => reason,
  )
  if (!isSluiceError(error, code))
    throw new Error(`expected ${code}, got ${problemOf(error)}`, { cause: error })
  if (error.fix === '' || /\{\w+\}/.test(error.fix)) throw new Error(`no remedy: "${error.fix}"`)
  return error
}

/** Failpoints that stop or fail at one place until told otherwise. */
export class Gate implements Failpoints {
  /** Asked at every place: a promise holds it there. */
  at: (place: Failpoint) => Promise<void> | undefined = () => undefined

  hit(place: Failpoint): Promise<void> | undefined {
    return this.at(place)
  }

  /** Holds the next arrival at a place; resolves with the way to let it go on. */
  hold(place: Failpoint): Promise<() => void> {
    return new Promise((reached) => {
      this.at = (here) => {
        if (here !== place) return undefined
        this.at = () => undefined
        return new Promise((go) => reached(go))
      }
    })
  }
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8')
}

/**
 * Runs an application without a broker, one record at a time, on a manual clock: what Kafka Streams' TopologyTestDriver does.
 * Every record is processed to the end (internal topics looped back) and committed before the next. One partition per topic.
 */
import { NO_HEADERS, type Headers } from '../core/record.ts'
import { encodedBytes } from '../core/serde.ts'
import type { HttpClient } from '../core/http.ts'
import { sluiceError } from '../core/errors.ts'
import { SILENT, type Logger } from '../core/log.ts'
import { createMetrics, type Metrics } from '../core/metrics.ts'
import { type AssemblyEnvironment, assembleTask } from '../engine/runtime/assemble.ts'
import { PartitionQueue } from '../engine/runtime/buffer.ts'
import { applyGlobal, globalReaders, type GlobalTableReader } from '../engine/runtime/global-state.ts'
import { expiredPuts } from '../engine/runtime/local-state.ts'
import { engineSettings, type EngineSettings } from '../engine/runtime/options.ts'
import { Output } from '../engine/runtime/output.ts'
import type { CurrentRecord, Task } from '../engine/runtime/task.ts'
import type { LogUpdate } from '../engine/state/managed.ts'
import { openTaskState, type TaskState } from '../engine/state/task-state.ts'
import { matchTopics } from '../engine/topology/patterns.ts'
import type { Plan, Subtopology } from '../engine/topology/plan.ts'
import { systemScheduler } from '../platform/scheduler.ts'
import { memoryBackend } from '../stores/memory.ts'
import { capturingProducer, singleRecord, type CapturedRecord } from './capture.ts'
import { LoopedRecords } from './looped-records.ts'
import { manualClock, type ManualClock } from './manual-clock.ts'
import { changelogsOf } from './changelogs.ts'
import { oneEach } from './topic-counts.ts'
import { seededRandom } from './simulation/random.ts'
import type { DriverOptions } from './driver-options.ts'
import { contentsOf, type StoreContents } from './store-contents.ts'

export interface InputRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  /** Event time, ms. Default: the driver's clock. */
  readonly timestamp?: number
  readonly headers?: Headers
}

export interface OutputRecord<K = unknown, V = unknown> {
  readonly key: K | null
  readonly value: V | null
  readonly timestamp: number
  readonly headers: Headers
}

interface DrivenTask {
  readonly task: Task
  readonly state: TaskState
  readonly queues: ReadonlyMap<string, PartitionQueue>
  /** By store. */
  readonly logs: ReadonlyMap<string, LogUpdate>
}

/** The topic with its serdes, as `topic(…)` makes it; only what the driver needs. */
interface TopicLike<K, V> {
  readonly name: string
  readonly key: { serialize(value: K): string | Uint8Array; deserialize(bytes: Uint8Array): K }
  readonly value: { serialize(value: V): string | Uint8Array; deserialize(bytes: Uint8Array): V }
}

/**
 * A driver for a plan (`app.plan()`).
 * @example
 * import { defineApp, json, string, topic } from 'sluice'
 * import { createDriver, expectRecords } from 'sluice/testing'
 *
 * const ratings = topic('ratings', { key: string, value: json<{ stars: number }>() })
 * const bad = topic('bad', { key: string, value: json<{ stars: number }>() })
 * const app = defineApp('bad-ratings', (flow) => {
 *   flow
 *     .stream(ratings)
 *     .filter(({ stars }) => stars < 3)
 *     .to(bad)
 * })
 *
 * const driver = await createDriver(app.plan())
 * driver.pipe(ratings, { key: '1', value: { stars: 1 } })
 * await driver.settle()
 * expectRecords(driver.read(bad), [{ key: '1', value: { stars: 1 } }])
 * driver.close()
 */
export async function createDriver(plan: Plan, options: DriverOptions = {}): Promise<Driver> {
  const driver = new Driver(plan, options)
  await driver.open()
  return driver
}

/** The wall clock of a driver stands still: what waits for it would never come. */
const DRIVEN = { freezeState: true, unmatchedIntervalMs: 0, windowCloseIntervalMs: 0 } as const

const NO_HTTP: HttpClient = {
  request: (request) =>
    Promise.reject(
      sluiceError('SLUICE_UNSUPPORTED', {
        what: `the request ${request.method} ${request.origin}${request.path} in a test driver`,
        problem: 'no HTTP client was given',
        remedy: 'Pass { http } to createDriver, or use a function as the source.',
      }),
    ),
  close: () => Promise.resolve(),
}

const NO_LOGS: ReadonlyMap<string, LogUpdate> = new Map()

/** Entries written to a store at once. */
const MANY = 10_000

export class Driver {
  readonly clock: ManualClock
  readonly metrics: Metrics
  readonly #plan: Plan
  readonly #settings: EngineSettings
  readonly #options: DriverOptions
  readonly #tasks: DrivenTask[] = []
  /** By topic. */
  readonly #globals: ReadonlyMap<string, GlobalTableReader>
  readonly #outputs = new Map<string, CapturedRecord[]>()
  readonly #produced = new Set<string>()
  readonly #offsets = new Map<string, number>()
  readonly #looped = new LoopedRecords()
  /** As in the original driver, where all sub-topologies are one task. */
  readonly #streamTime = { value: -1 }
  #woken: (() => void) | undefined

  constructor(plan: Plan, options: DriverOptions) {
    this.#options = options
    this.#settings = engineSettings(plan.application, { ...DRIVEN, ...options.settings })
    this.#plan = matchTopics(plan, options.topics ?? [], this.#settings.deadLetterTopic)
    this.clock = options.clock ?? manualClock(options.startTime)
    this.metrics = createMetrics()
    this.#globals = globalReaders(plan, this.#settings.freezeState, this.metrics)
  }

  /** Called by `createDriver`. */
  async open(): Promise<void> {
    const counts = oneEach(this.#plan, this.#settings.deadLetterTopic)
    const producer = capturingProducer((record) => this.#captured(record))
    const output = new Output(producer, counts, Number.MAX_SAFE_INTEGER)
    for (const subtopology of this.#plan.subtopologies)
      this.#tasks.push(await this.#openTask(subtopology, output))
  }

  /** Processes one record to the end: everything that does not wait for an answer has happened when this returns. */
  pipe<K, V>(topic: TopicLike<K, V>, record: InputRecord<K, V>): void {
    const { key, value, timestamp = this.clock.now(), headers = NO_HEADERS } = record
    this.pipeBytes({
      topic: topic.name,
      key: key === null ? null : encodedBytes(topic.key.serialize(key)),
      value: value === null ? null : encodedBytes(topic.value.serialize(value)),
      timestamp,
      headers,
    })
  }

  /** The same with raw bytes, for malformed input. */
  pipeBytes(record: CapturedRecord): void {
    this.#feed(record)
    this.#runLooped()
  }

  /** Moves the wall clock on; timers and punctuators that become due run, then a commit. */
  advance(ms: number): void {
    this.clock.advance(ms)
    this.#settleTasks()
    this.#runLooped()
  }

  /**
   * Resolves when no call is in flight, or nothing moves any more because all wait for the clock (a retry, a timeout): then
   * `advance` it.
   */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3 && this.pending > 0;) {
      const moved = await this.#nextTurn()
      this.#settleTasks()
      this.#runLooped()
      quiet = moved ? 0 : quiet + 1
    }
  }

  /** Records that wait for an answer. */
  get pending(): number {
    return this.#tasks.reduce(
      (sum, { task }) => sum + task.graph.inFlight.reduce((all, { size }) => all + size, 0),
      0,
    )
  }

  /** Takes what was written to a topic since the last read. */
  read<K, V>(topic: TopicLike<K, V>): OutputRecord<K, V>[] {
    return this.readBytes(topic.name).map(({ key, value, timestamp, headers }) => ({
      key: key === null ? null : topic.key.deserialize(key),
      value: value === null ? null : topic.value.deserialize(value),
      timestamp,
      headers,
    }))
  }

  /** The same, raw; also for dead letters and internal topics. */
  readBytes(topic: string): CapturedRecord[] {
    const records = this.#outputs.get(topic) ?? []
    this.#outputs.delete(topic)
    return records
  }

  /** Dead letters since the last read. */
  deadLetters(): CapturedRecord[] {
    return this.readBytes(this.#settings.deadLetterTopic)
  }

  /** A store by name, as operators see it. @throws SLUICE_STORE_UNKNOWN */
  store<S>(name: string): S {
    for (const { state } of this.#tasks) {
      const store = state.stores.get(name)
      if (store !== undefined) return store as S
    }
    const tables = [...this.#globals.values()]
    const table = tables.find(({ spec }) => spec.name === name)
    if (table !== undefined) return table.store as S
    const stores = this.storeNames().join(', ') || 'none'
    throw sluiceError('SLUICE_STORE_UNKNOWN', { node: 'the test driver', store: name, stores })
  }

  /** Names of all stores, ledgers and global tables among them. */
  storeNames(): readonly string[] {
    const own = this.#tasks.flatMap(({ state }) => [...state.stores.keys()])
    return [...own, ...[...this.#globals.values()].map(({ spec }) => spec.name)]
  }

  /** All entries of a store. @throws SLUICE_STORE_UNKNOWN */
  contents(name: string): StoreContents {
    const specs = this.#plan.subtopologies.flatMap(({ stores }) => stores)
    const spec = specs.find((store) => store.name === name) ?? { kind: 'timestamped' as const }
    return contentsOf(spec, this.store(name))
  }

  /** Topics written to since the start, internal ones and dead letters among them. */
  producedTopics(): readonly string[] {
    return [...this.#produced]
  }

  close(): void {
    for (const { task, state } of this.#tasks) {
      task.close()
      state.close()
    }
  }

  async #openTask(subtopology: Subtopology, output: Output): Promise<DrivenTask> {
    const current: CurrentRecord = { record: undefined }
    const log = this.#options.log ?? SILENT
    const state = await openTaskState({
      backend: this.#options.stores ?? memoryBackend(),
      folder: `${this.#options.stateFolder ?? ''}/${subtopology.id}_0`,
      task: `${subtopology.id}_0`,
      stores: subtopology.stores,
      clusterId: 'test driver',
      topicIds: new Map(),
      bootId: '',
      freeze: this.#settings.freezeState,
      current: () => current.record,
      expired: expiredPuts(this.metrics, log, `${subtopology.id}_0`),
      log,
    })
    const sources = subtopology.nodes.filter((node) => node.source !== undefined)
    const queues = new Map<string, PartitionQueue>()
    sources.forEach((node, index) => {
      for (const topic of node.source!.topics) queues.set(topic, new PartitionQueue(topic, 0, index, 0))
    })
    const id = { subtopology: subtopology.id, partition: 0 }
    const streamTime = this.#streamTime
    const material = {
      id,
      subtopology,
      state,
      current,
      queues: [...queues.values()],
      envelopes: [],
      streamTime,
    }
    const logs = this.#options.changelogs === true ? changelogsOf(subtopology, output) : NO_LOGS
    return { task: assembleTask(material, this.#environment(output, log)), state, queues, logs }
  }

  #environment(output: Output, log: Logger): AssemblyEnvironment {
    const { seed = 1, http = NO_HTTP } = this.#options
    return {
      plan: this.#plan,
      settings: this.#settings,
      onError: this.#options.onError,
      output,
      globals: new Map([...this.#globals.values()].map(({ spec, store }) => [spec.name, store])),
      wake: () => this.#woken?.(),
      requestCommit: () => {},
      fetcher: { lag: () => 0, pause: () => {}, resume: () => {} },
      ports: { clock: this.clock, random: seededRandom(seed), http, log, metrics: this.metrics },
    }
  }

  #captured(record: CapturedRecord): void {
    this.#produced.add(record.topic)
    const seen = this.#outputs.get(record.topic)
    if (seen === undefined) this.#outputs.set(record.topic, [record])
    else seen.push(record)
    const read = this.#tasks.some(({ queues }) => queues.has(record.topic))
    if (read || this.#globals.has(record.topic)) this.#looped.add(record)
  }

  #runLooped(): void {
    for (let next = this.#looped.take(); next !== undefined; next = this.#looped.take()) this.#feed(next)
  }

  #feed(record: CapturedRecord): void {
    const offset = this.#offsets.get(record.topic) ?? 0
    this.#offsets.set(record.topic, offset + 1)
    const table = this.#globals.get(record.topic)
    if (table !== undefined) {
      const ports = { log: this.#options.log ?? SILENT }
      return applyGlobal(table, singleRecord(record, offset), 0, { settings: this.#settings, ports })
    }
    const readers = this.#tasks.filter(({ queues }) => queues.has(record.topic))
    if (readers.length === 0) throw this.#unknownTopic(record.topic)
    for (const { task, queues } of readers) {
      task.buffer.add(queues.get(record.topic)!, singleRecord(record, offset))
      while (task.process(1, Infinity) > 0);
    }
    this.#settleTasks()
  }

  /** Outcomes, punctuators and a commit, as after every record of the original driver. */
  #settleTasks(): void {
    for (const driven of this.#tasks) {
      while (driven.task.drainOutcomes(1_000) > 0);
      driven.task.punctuate()
    }
    for (const driven of this.#tasks) this.#commit(driven)
  }

  #commit({ task, state, logs }: DrivenTask): void {
    const never = (): boolean => false
    task.flush(never)
    for (const [name, store] of state.stores) {
      const log = logs.get(name) ?? (() => undefined)
      for (let sealed = false; !sealed;) {
        try {
          sealed = store.seal(log, never)
        } catch (error) {
          task.sealFailed(error)
        }
      }
      for (let entries = store.takeCommitted(MANY); entries.length > 0; entries = store.takeCommitted(MANY)) {
        state.write(entries)
      }
      store.written()
    }
  }

  /** One turn of the real event loop: lets promises of user functions resolve. True when an outcome arrived meanwhile. */
  async #nextTurn(): Promise<boolean> {
    let woken = false
    this.#woken = () => {
      woken = true
    }
    await systemScheduler.yield()
    this.#woken = undefined
    return woken
  }

  #unknownTopic(topic: string): Error {
    const sources = this.#plan.subtopologies.flatMap(({ sourceTopics }) => sourceTopics)
    return sluiceError('SLUICE_TOPIC_MISSING', {
      topic,
      place: ` as a source of ${this.#plan.application}`,
      existing: sources.join(', ') || 'none',
    })
  }
}

/**
 * One instance of an application: checks topics and kept state, makes internal topics, runs its worker. It is the only door
 * of the engine's runtime; the composition roots (command line, embedding, tests) hand in every port.
 */
import type { Broker, TopicDescription } from '../../core/broker.ts'
import type { ErrorHandler } from '../../core/error-handler.ts'
import type { FolderLock } from '../../core/disk.ts'
import { asError, isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import type { TaskId } from '../../core/record.ts'
import { compareManifest } from '../topology/manifest.ts'
import { checkPartitions } from '../topology/partitions.ts'
import { hasPatterns, matchTopics } from '../topology/patterns.ts'
import type { Manifest, Plan } from '../topology/plan.ts'
import { type EngineSettings, engineSettings, type Ports } from './options.ts'
import { AppLife } from './app-state.ts'
import type { AppState, StateListener } from './app-state.ts'
import type { Logger } from '../../core/log.ts'
import type { RestoreProgress } from './opened.ts'
import { StoreQueries } from './query.ts'
import type { PartitionProgress } from './session.ts'
import { Workers } from './workers.ts'

export interface AppOptions {
  readonly ports: Ports
  readonly settings?: Partial<EngineSettings>
  /** Folder for local state and the identity of this instance; owned by one process at a time. */
  readonly stateFolder: string
  /** Where this instance answers questions of others, `http://host:port`. Default: nowhere. */
  readonly endpoint?: string | undefined
  /** Decides about records that fail, before the settings `on…Error` do. Default: none. */
  readonly onError?: ErrorHandler | undefined
  /** As `onState` of the running application, before its first change: none is missed. Default: nobody. */
  readonly onState?: StateListener | undefined
  /** Told how far each store's restore from its changelog is. One that throws is logged. Default: nobody. */
  readonly onRestore?: ((progress: RestoreProgress) => void) | undefined
}

export interface RunningApp {
  readonly plan: Plan
  readonly state: AppState
  /** Tasks this instance is processing now. */
  readonly tasks: readonly TaskId[]
  /** Tasks whose state this instance keeps up to date for others (`standbyReplicas`). */
  readonly standbyTasks: readonly TaskId[]
  /** What its stores hold, committed values only. */
  readonly stores: StoreQueries
  /** True when every task assigned to this instance is processing and no hand-over is pending. */
  readonly settled: boolean
  /** Records that wait for an answer of the outside world. */
  readonly pending: number
  /** How far each source partition of this instance is. */
  readonly progress: readonly PartitionProgress[]
  /** Milliseconds since the loop began its last turn; it turns at least every 100 ms unless it waits for a commit or starts anew. */
  readonly sinceTurnMs: number
  /** Whether `pause` was called last. */
  readonly paused: boolean
  /** Stops processing and punctuation; tasks, calls in flight and membership stay. Kafka Streams: KIP-834. */
  pause(): void
  /** Goes on where `pause` stopped. */
  resume(): void
  /** How many workers share its tasks. */
  readonly workers: number
  /** Starts one more worker, which takes its share of the tasks; returns its index. Kafka Streams: KIP-663. */
  addWorker(): number
  /** Closes the last worker, whose tasks go to the others; undefined when only one is left. */
  removeWorker(): Promise<number | undefined>
  /** Why it failed; undefined in every other state. */
  readonly failure: Error | undefined
  /**
   * Called at each change of `state`, in the loop's own turn: be quick. A listener that throws is logged and removed.
   * @returns ends it
   */
  onState(listener: StateListener): () => void
  /** Commits, gives the tasks back and releases the folder. Idempotent. */
  close(): Promise<void>
  /** Resolves when closed; rejects with the error that stopped the instance. */
  readonly ended: Promise<void>
}

/**
 * Starts an instance and resolves when it has joined and its loop runs; tasks come a little later (`settled`).
 * @throws SLUICE_TOPIC_MISSING, SLUICE_COPARTITION, SLUICE_TOPIC_MISMATCH, SLUICE_STATE_INCOMPATIBLE, SLUICE_FOLDER_LOCKED, SLUICE_DISK
 */
export async function startApp(drawn: Plan, options: AppOptions): Promise<RunningApp> {
  const { ports } = options
  const settings = engineSettings(drawn.application, options.settings)
  const folder = `${options.stateFolder}/${drawn.application}`
  await ports.disk.makeFolder(folder)
  const lock = await ports.disk.lock(folder, `application ${drawn.application}`)
  try {
    const plan = await withTopics(drawn, ports.broker, settings)
    await keepManifest(plan, ports, folder)
    const processId = await processIdentity(ports, folder)
    const { counts, topicIds } = await prepareTopics(plan, ports.broker, settings)
    const clusterId = await ports.broker.clusterId()
    const life = new AppLife(ports.log.child({ application: plan.application }))
    if (options.onState !== undefined) life.onState(options.onState)
    const workers = new Workers({
      plan,
      settings,
      ports,
      stateFolder: folder,
      clusterId,
      counts,
      topicIds,
      processId,
      endpoint: options.endpoint,
      onError: options.onError,
      onRestore: guardedListener(options, ports.log),
      onSettled: (settled) => {
        const next = settled ? 'running' : 'rebalancing'
        if (life.may(next)) life.to(next)
      },
    })
    return new Instance(plan, workers, life, lock, counts)
  } catch (error) {
    await lock.release()
    throw error
  }
}

class Instance implements RunningApp {
  readonly plan: Plan
  readonly ended: Promise<void>
  readonly stores: StoreQueries
  readonly #workers: Workers
  readonly #life: AppLife
  #failure: Error | undefined

  constructor(
    plan: Plan,
    workers: Workers,
    life: AppLife,
    lock: FolderLock,
    counts: ReadonlyMap<string, number>,
  ) {
    this.plan = plan
    this.stores = new StoreQueries({ plan, counts, held: () => workers.held })
    this.#workers = workers
    this.#life = life
    this.ended = this.#run(workers, lock)
    // Whoever wants the outcome awaits `ended`; a failure nobody listens to must not kill the host process.
    this.ended.catch(() => {})
  }

  get state(): AppState {
    return this.#life.state
  }

  get tasks(): readonly TaskId[] {
    return this.#workers.running
  }

  get standbyTasks(): readonly TaskId[] {
    return this.#workers.standby
  }

  get settled(): boolean {
    return this.#workers.settled
  }

  get pending(): number {
    return this.#workers.pending
  }

  get progress(): readonly PartitionProgress[] {
    return this.#workers.progress
  }

  get sinceTurnMs(): number {
    return this.#workers.sinceTurnMs
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  get paused(): boolean {
    return this.#workers.paused
  }

  get workers(): number {
    return this.#workers.count
  }

  addWorker(): number {
    return this.#workers.add()
  }

  removeWorker(): Promise<number | undefined> {
    return this.#workers.remove()
  }

  pause(): void {
    this.#workers.pause(true)
  }

  resume(): void {
    this.#workers.pause(false)
  }

  onState(listener: StateListener): () => void {
    return this.#life.onState(listener)
  }

  async close(): Promise<void> {
    if (this.#life.may('closing')) this.#life.to('closing')
    this.#workers.close()
    await this.ended.catch(() => {})
  }

  async #run(workers: Workers, lock: FolderLock): Promise<void> {
    try {
      await workers.ended
    } catch (error) {
      this.#failure = asError(error)
      throw error
    } finally {
      await lock.release()
      this.#life.to(this.#failure === undefined ? 'closed' : 'failed')
    }
  }
}

/** A listener's mistake must not fail the task that is being opened. */
function guardedListener({ onRestore }: AppOptions, log: Logger): (progress: RestoreProgress) => void {
  if (onRestore === undefined) return () => {}
  return (progress) => {
    try {
      onRestore(progress)
    } catch (error) {
      const { store, task, phase } = progress
      log.error({ store, task, phase }, `the listener of onRestore threw: ${problemOf(error)}`)
    }
  }
}

/** The identity of this folder's instance: names its producer, so that a restart ends the open transaction of its predecessor at once. */
async function processIdentity(ports: Ports, folder: string): Promise<string> {
  const file = `${folder}/process-id`
  const known = await ports.disk.readFile(file)
  if (known !== undefined && known.length > 0) return Buffer.from(known).toString('utf8')
  const id = ports.random.uuid()
  await ports.disk.replaceFile(file, Buffer.from(id, 'utf8'))
  return id
}

/** @throws SLUICE_STATE_INCOMPATIBLE when state of the last run would be lost or misread */
async function keepManifest(plan: Plan, ports: Ports, folder: string): Promise<void> {
  const file = `${folder}/manifest.json`
  const text = JSON.stringify(plan.manifest, null, 2)
  const kept = await ports.disk.readFile(file)
  const old = kept === undefined ? undefined : Buffer.from(kept).toString('utf8')
  if (old === text) return
  const manifest = old === undefined ? undefined : parseManifest(old)
  if (manifest !== undefined) {
    const problem = compareManifest(manifest, plan.manifest)
    if (problem !== undefined) throw problem
  } else if (old !== undefined) {
    // It only guards against lost state; a start that needs it would make a damaged disk worse than it is.
    ports.log.warn(
      { file },
      'the manifest of the last run cannot be read: this version is not compared with it',
    )
  }
  await ports.disk.replaceFile(file, Buffer.from(text, 'utf8'))
}

/** Undefined for what is no manifest (a torn file). */
function parseManifest(text: string): Manifest | undefined {
  try {
    const parsed = JSON.parse(text) as Partial<Manifest> | null
    return parsed !== null && Array.isArray(parsed.stores) ? (parsed as Manifest) : undefined
  } catch {
    return undefined
  }
}

/** Topics of a pattern are those that there are now; ones made later are read from the next start on. */
async function withTopics(plan: Plan, { admin }: Broker, { deadLetterTopic }: EngineSettings): Promise<Plan> {
  if (!hasPatterns(plan)) return plan
  const names = (await admin.describeTopics()).map(({ name }) => name)
  return matchTopics(plan, names, deadLetterTopic)
}

/** State and letters keep the times of their records, also those that Kafka would refuse as too far ahead (an hour by default). */
const ANY_TIME = { 'message.timestamp.after.max.ms': '9223372036854775807' }
const LETTERS = { ...ANY_TIME, 'retention.ms': '-1' }

interface PreparedTopics {
  readonly counts: ReadonlyMap<string, number>
  readonly topicIds: ReadonlyMap<string, string>
}

/** Checks the user's topics, creates what is missing of ours, and knows all counts and ids afterwards. */
async function prepareTopics(plan: Plan, broker: Broker, settings: EngineSettings): Promise<PreparedTopics> {
  const users = [...new Set([...plan.sourceTopics, ...plan.sinkTopics])]
  let found = byName(await broker.admin.describeTopics())
  if (settings.createTopicPartitions > 0) {
    const config = {}
    for (const name of users) {
      if (!found.has(name)) await create(broker, { name, partitions: settings.createTopicPartitions, config })
    }
    found = byName(await broker.admin.describeTopics())
  }
  checkSinks(plan, found)
  const wanted = checkPartitions(plan, countsOf(found))
  for (const topic of plan.internalTopics) {
    const partitions = wanted.get(topic.name)!
    const existing = found.get(topic.name)
    if (existing === undefined)
      await create(broker, { name: topic.name, partitions, config: { ...ANY_TIME, ...topic.config } })
    else checkInternal(existing, partitions)
  }
  if (!found.has(settings.deadLetterTopic)) {
    await create(broker, { name: settings.deadLetterTopic, partitions: 1, config: LETTERS })
  }
  const all = await broker.admin.describeTopics()
  return { counts: countsOf(byName(all)), topicIds: new Map(all.map(({ name, topicId }) => [name, topicId])) }
}

/** Another instance may create the same topic at the same time; that is fine. */
async function create(broker: Broker, spec: Parameters<Broker['admin']['createTopic']>[0]): Promise<void> {
  try {
    await broker.admin.createTopic(spec)
  } catch (error) {
    if (!isSluiceError(error, 'SLUICE_TOPIC_EXISTS')) throw error
  }
}

function checkSinks(plan: Plan, found: ReadonlyMap<string, TopicDescription>): void {
  for (const topic of plan.sinkTopics) {
    if (found.has(topic)) continue
    const existing = [...found.keys()].toSorted().slice(0, 20).join(', ') || 'none'
    throw sluiceError('SLUICE_TOPIC_MISSING', { topic, place: ` (written by ${plan.application})`, existing })
  }
}

function checkInternal(existing: TopicDescription, partitions: number): void {
  if (existing.partitions === partitions) return
  throw sluiceError('SLUICE_TOPIC_MISMATCH', {
    topic: existing.name,
    expected: `${partitions} partitions`,
    came: `${existing.partitions}`,
  })
}

function byName(topics: readonly TopicDescription[]): Map<string, TopicDescription> {
  return new Map(topics.map((topic) => [topic.name, topic]))
}

function countsOf(topics: ReadonlyMap<string, TopicDescription>): Map<string, number> {
  return new Map([...topics.values()].map(({ name, partitions }) => [name, partitions]))
}

/**
 * Stand-by tasks: copies of the state of tasks that others process, kept up to date from their changelogs, so that taking one
 * over takes moments. A stand-by never processes a record and never writes anything but its own local state.
 */
import type { Fetched, Fetcher } from '../../core/broker.ts'
import { asError } from '../../core/errors.ts'
import { partitionId, type TaskId, taskName } from '../../core/record.ts'
import type { TaskState } from '../state/task-state.ts'
import { openLocalState } from './local-state.ts'
import type { ChangelogPartition, TaskEnvironment } from './opened.ts'
import { applyChanges, startOf, WAIT_MS } from './restore.ts'
import type { Restoring } from './restore.ts'

export type StandbyEnvironment = Omit<TaskEnvironment, 'output' | 'fetcher' | 'member'>

interface Standby {
  readonly id: TaskId
  readonly cancel: AbortController
  /** Resolves when its state is closed. */
  readonly done: Promise<void>
}

export class Standbys {
  readonly #environment: StandbyEnvironment
  readonly #fail: (error: Error) => void
  readonly #standbys = new Map<string, Standby>()
  readonly #states = new Map<string, TaskState>()
  /** States being closed; nobody may open their folders before. */
  readonly #closing = new Map<string, Promise<void>>()

  /** @param fail told what a stand-by cannot go on after; the session is abandoned for it */
  constructor(environment: StandbyEnvironment, fail: (error: Error) => void) {
    this.#environment = environment
    this.#fail = fail
  }

  /** Tasks followed now. */
  get tasks(): readonly TaskId[] {
    return [...this.#standbys.values()].map(({ id }) => id)
  }

  /** Names of tasks whose folders are open, about to be, or being closed. */
  get used(): readonly string[] {
    return [...this.#standbys.keys(), ...this.#closing.keys()]
  }

  /** Open states by task name. */
  get states(): ReadonlyMap<string, TaskState> {
    return this.#states
  }

  /** Follows exactly these tasks from now on. Their folders must not be open elsewhere. */
  follow(ids: readonly TaskId[]): void {
    const wanted = new Set(ids.map(taskName))
    for (const name of this.#standbys.keys()) if (!wanted.has(name)) this.#stop(name)
    for (const id of ids) if (!this.#standbys.has(taskName(id))) this.#start(id)
  }

  /** Stops following a task; resolves when its folder is closed and another may open it. */
  async give(id: TaskId): Promise<void> {
    const name = taskName(id)
    this.#stop(name)
    await this.#closing.get(name)
  }

  async close(): Promise<void> {
    for (const name of this.#standbys.keys()) this.#stop(name)
    await Promise.all(this.#closing.values())
  }

  #stop(name: string): void {
    const standby = this.#standbys.get(name)
    if (standby === undefined) return
    this.#standbys.delete(name)
    standby.cancel.abort()
    const closed = standby.done.finally(() => {
      if (this.#closing.get(name) === closed) this.#closing.delete(name)
    })
    this.#closing.set(name, closed)
  }

  #start(id: TaskId): void {
    const name = taskName(id)
    const cancel = new AbortController()
    const before = this.#closing.get(name) ?? Promise.resolve()
    const done = before
      .then(() => this.#followTask(id, cancel.signal))
      .catch((error: unknown) => {
        if (!cancel.signal.aborted) this.#fail(asError(error))
      })
    this.#standbys.set(name, { id, cancel, done })
  }

  /** Opens the state of a task and keeps it at its changelogs' ends until the signal; then closes it. */
  async #followTask(id: TaskId, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const environment = this.#environment
    const { ports, plan } = environment
    const subtopology = plan.subtopologies.find((other) => other.id === id.subtopology)
    const changelogs = new Map<string, ChangelogPartition>()
    for (const { name, changelogTopic, sourceChangelog } of subtopology?.stores ?? []) {
      // How far a source topic was processed, only its task knows: a copy must not be ahead of it.
      if (changelogTopic !== undefined && sourceChangelog === undefined)
        changelogs.set(name, { topic: changelogTopic, partition: id.partition })
    }
    if (subtopology === undefined || changelogs.size === 0) return
    const state = await openLocalState(id, subtopology, environment, { record: undefined })
    const fetcher = ports.broker.fetcher({ isolation: 'read_committed' })
    this.#states.set(taskName(id), state)
    try {
      await new Follower(id, state, fetcher, environment, signal).run(changelogs)
      this.#states.delete(taskName(id))
      fetcher.close()
      await state.closeClean()
    } catch (error) {
      this.#states.delete(taskName(id))
      fetcher.close()
      state.close()
      throw error
    }
  }
}

class Follower {
  readonly #task: string
  readonly #state: TaskState
  readonly #fetcher: Fetcher
  readonly #environment: StandbyEnvironment
  readonly #signal: AbortSignal
  readonly #followed = new Map<string, Restoring>()

  constructor(
    id: TaskId,
    state: TaskState,
    fetcher: Fetcher,
    environment: StandbyEnvironment,
    signal: AbortSignal,
  ) {
    this.#task = taskName(id)
    this.#state = state
    this.#fetcher = fetcher
    this.#environment = environment
    this.#signal = signal
  }

  async run(changelogs: ReadonlyMap<string, ChangelogPartition>): Promise<void> {
    for (const [store, changelog] of changelogs) await this.#add(store, changelog)
    const updated = this.#environment.ports.metrics.counter('standby-update-total', { task: this.#task })
    while (!this.#signal.aborted) {
      await this.#fetcher.arrived(WAIT_MS)
      for (const fetched of this.#fetcher.take()) {
        if (this.#signal.aborted) return
        updated.value += await this.#apply(fetched)
      }
    }
  }

  async #add(store: string, changelog: ChangelogPartition): Promise<void> {
    const { broker } = this.#environment.ports
    const { position, end } = await startOf(this.#state, store, changelog, broker.admin)
    const { topic, partition } = changelog
    this.#followed.set(partitionId(topic, partition), { store, changelog, position, end, records: 0 })
    this.#fetcher.add(topic, partition, position)
  }

  async #apply(fetched: Fetched): Promise<number> {
    const { ports, settings } = this.#environment
    const followed = this.#followed.get(partitionId(fetched.topic, fetched.partition))
    if (followed === undefined) return 0
    if (fetched.kind === 'failed') {
      if (fetched.error.code !== 'SLUICE_OFFSET_OUT_OF_RANGE') throw fetched.error
      // It fell behind what retention or compaction left: it begins again like a new one.
      this.#state.wipe(followed.store, fetched.error.message)
      await this.#add(followed.store, followed.changelog)
      return 0
    }
    await ports.failpoints.hit('standby.apply')
    if (this.#signal.aborted) return 0
    const applied = await applyChanges(this.#state, followed, fetched, {
      ports,
      sliceMs: settings.sliceMs,
      signal: this.#signal,
    })
    return applied ? fetched.count : 0
  }
}

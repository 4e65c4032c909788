/**
 * Everything a worker holds between two failures: output, committer, fetcher and its open tasks. A failure abandons the whole
 * session and a new one is built from committed bytes; nothing is repaired in place.
 */
import type { FetchFailure, Fetcher, GroupMember, Producer } from '../../core/broker.ts'
import { asError } from '../../core/errors.ts'
import { partitionId, type TaskId, taskName } from '../../core/record.ts'
import type { PartitionQueue } from './buffer.ts'
import { Committer } from './commit.ts'
import { openTask } from './open-task.ts'
import type { OpenTask, TaskEnvironment } from './opened.ts'
import type { EngineSettings, Ports } from './options.ts'
import { Output } from './output.ts'
import type { HeldStates } from './query.ts'
import { Standbys } from './standby.ts'

interface Opening {
  readonly id: TaskId
  readonly cancel: AbortController
  readonly done: Promise<void>
}

interface Routed {
  readonly open: OpenTask
  readonly queue: PartitionQueue
}

/** How far one source partition is. */
export interface PartitionProgress {
  readonly topic: string
  readonly partition: number
  /** The task that reads it, `<subtopology>_<partition>`. */
  readonly task: string
  /** The next record to process. */
  readonly position: number
  /** Readable records not processed yet, as of the last answer of the broker; undefined before the first. */
  readonly lag: number | undefined
}

export interface SessionParts extends Omit<TaskEnvironment, 'output' | 'fetcher' | 'member'> {
  readonly producer: Producer
  readonly member: GroupMember
}

export class Session {
  readonly output: Output
  readonly committer: Committer
  readonly fetcher: Fetcher
  readonly running: Map<string, OpenTask> = new Map()
  readonly standbys: Standbys
  /** What went wrong beside the loop (opening a task, a commit under way); the loop throws it. */
  failure: Error | undefined
  readonly #parts: SessionParts
  readonly #opening = new Map<string, Opening>()
  readonly #routes = new Map<string, Routed>()
  #ready: OpenTask[] = []

  constructor(parts: SessionParts) {
    this.#parts = parts
    const { ports, settings, producer, member } = parts
    this.output = new Output(producer, parts.counts, settings.sendBytes, () => member.lost)
    this.fetcher = ports.broker.fetcher({ isolation: 'read_committed' })
    this.standbys = new Standbys(parts, (error) => {
      this.failure ??= error
      parts.wake()
    })
    this.committer = new Committer({ ports, settings, producer, output: this.output, member: () => member })
  }

  get ports(): Ports {
    return this.#parts.ports
  }

  get settings(): EngineSettings {
    return this.#parts.settings
  }

  get tasks(): readonly OpenTask[] {
    return [...this.running.values()]
  }

  /** Names of tasks whose folders are open or about to be. */
  get used(): ReadonlySet<string> {
    return new Set([
      ...this.running.keys(),
      ...this.#opening.keys(),
      ...this.#ready.map(({ task }) => task.name),
      ...this.standbys.used,
    ])
  }

  /** States that are complete: of tasks taken over, of stand-bys, and the global tables. */
  get held(): HeldStates {
    return {
      active: this.running,
      standby: this.standbys.states,
      globals: this.#parts.globals,
    }
  }

  get openingCount(): number {
    return this.#opening.size + this.#ready.length
  }

  get progress(): readonly PartitionProgress[] {
    return [...this.#routes.values()].map(({ open, queue }) => {
      const { topic, partition, position, buffered } = queue
      const unfetched = this.fetcher.lag(topic, partition)
      const lag = unfetched === undefined ? undefined : unfetched + buffered
      return { topic, partition, task: open.task.name, position, lag }
    })
  }

  /** Starts opening a task beside the loop, unless it is open, opened but not taken over yet, or being opened. */
  open(id: TaskId): void {
    const name = taskName(id)
    if (this.running.has(name) || this.#opening.has(name)) return
    if (this.#ready.some(({ task }) => task.name === name)) return
    const cancel = new AbortController()
    const { output, fetcher } = this
    const opened = this.standbys
      .give(id)
      .then(() => openTask(id, { ...this.#parts, output, fetcher }, cancel.signal))
    const done = opened.then(
      (opened) => {
        this.#opening.delete(name)
        if (opened !== undefined) this.#ready.push(opened)
        this.#parts.wake()
      },
      (error: unknown) => {
        this.#opening.delete(name)
        this.failure ??= asError(error)
        this.#parts.wake()
      },
    )
    this.#opening.set(name, { id, cancel, done })
  }

  /** Takes over what finished opening; from now on its records are fetched. */
  integrate(): void {
    for (const open of this.#ready) {
      this.running.set(open.task.name, open)
      for (const queue of open.task.buffer.queues) {
        this.#routes.set(partitionId(queue.topic, queue.partition), { open, queue })
        this.fetcher.add(queue.topic, queue.partition, queue.position)
      }
    }
    this.#ready = []
  }

  /** Moves what has been fetched into the buffers of its tasks. Returns whether there was anything. */
  async receive(): Promise<boolean> {
    const fetched = this.fetcher.take()
    for (const batch of fetched) {
      const route = this.#routes.get(partitionId(batch.topic, batch.partition))
      if (route === undefined) continue
      if (batch.kind === 'records') route.open.task.buffer.add(route.queue, batch)
      else await this.#reset(batch, route.queue)
    }
    return fetched.length > 0
  }

  /** Closes tasks that are committed and given up. */
  async release(ids: readonly TaskId[]): Promise<void> {
    for (const id of ids) {
      const open = this.running.get(taskName(id))
      if (open === undefined) continue
      this.running.delete(open.task.name)
      this.#unroute(open)
      open.task.close()
      await open.state.closeClean()
    }
  }

  /** Stops opening these tasks; resolves when nothing of them is open. */
  async cancelOpening(ids: readonly TaskId[]): Promise<void> {
    for (const id of ids) {
      const opening = this.#opening.get(taskName(id))
      opening?.cancel.abort()
      await opening?.done
    }
    const names = new Set(ids.map(taskName))
    const given = this.#ready.filter(({ task }) => names.has(task.name))
    this.#ready = this.#ready.filter(({ task }) => !names.has(task.name))
    for (const { task, state } of given) {
      task.close()
      state.close()
    }
  }

  /** Drops everything uncommitted: no call goes on, no object survives, nothing is written. */
  async abandon(): Promise<void> {
    this.committer.cancel()
    for (const { task, state } of [...this.running.values(), ...this.#ready]) {
      task.close()
      state.close()
    }
    this.running.clear()
    this.#routes.clear()
    this.#ready = []
    await this.cancelOpening([...this.#opening.values()].map(({ id }) => id))
    await this.standbys.close()
    this.fetcher.close()
    await this.output.idle()
  }

  /** The position is no longer (or not yet) in the log: go where the reset policy says, loudly. */
  async #reset(failed: FetchFailure, queue: PartitionQueue): Promise<void> {
    if (failed.error.code !== 'SLUICE_OFFSET_OUT_OF_RANGE') throw failed.error
    const { topic, partition } = failed
    const { ports, settings } = this.#parts
    const position = await ports.broker.admin.listOffset(
      topic,
      partition,
      settings.offsetReset,
      'read_committed',
    )
    ports.log.warn({ topic, partition, offset: failed.offset, position }, failed.error.message)
    // What was fetched before is still to be processed: a commit in between must not skip it.
    if (queue.batch === undefined) queue.position = position
    this.fetcher.add(topic, partition, position)
  }

  #unroute(open: OpenTask): void {
    for (const { topic, partition } of open.task.buffer.queues) {
      this.#routes.delete(partitionId(topic, partition))
      this.fetcher.remove(topic, partition)
    }
  }
}

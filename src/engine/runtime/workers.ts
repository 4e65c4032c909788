/**
 * The workers of one instance: each a member of the group with a producer, tasks and a state folder of its own, all turning on the
 * one event loop of this process. They share nothing but the ports, so that one that fails never takes the others' work with it.
 */
import { sleep } from '../../core/clock.ts'
import { asError, problemOf } from '../../core/errors.ts'
import type { TaskId } from '../../core/record.ts'
import type { EngineSettings, Ports } from './options.ts'
import type { HeldStates } from './query.ts'
import type { PartitionProgress } from './session.ts'
import { Worker } from './worker.ts'
import type { WorkerParts } from './worker-parts.ts'

export interface WorkersParts extends Omit<WorkerParts, 'index' | 'onSettled'> {
  readonly ports: Ports
  readonly settings: EngineSettings
  /** Called when `settled` of all together changes. */
  readonly onSettled: (settled: boolean) => void
}

const MAX_BACKOFF_DOUBLINGS = 8

export class Workers {
  /** Resolves when all were closed; rejects with the error that stopped the instance, when all have ended. */
  readonly ended: Promise<void>
  readonly #parts: WorkersParts
  /** By index; a worker that is being replaced is missing for a moment. */
  readonly #workers = new Map<number, Worker>()
  readonly #runs = new Map<number, Promise<void>>()
  readonly #closing = new AbortController()
  readonly #over = Promise.withResolvers<void>()
  /** Indexes of workers on their way out by `remove`. */
  readonly #leaving = new Set<number>()
  #failure: Error | undefined
  #paused = false
  #toldSettled = false

  constructor(parts: WorkersParts) {
    this.#parts = parts
    this.ended = this.#over.promise
    for (let at = 0; at < parts.settings.workers; at++) this.#start(at)
  }

  get count(): number {
    return this.#runs.size - this.#leaving.size
  }

  get running(): readonly TaskId[] {
    return this.#all.flatMap((worker) => worker.running)
  }

  get standby(): readonly TaskId[] {
    return this.#all.flatMap((worker) => worker.standby)
  }

  /** True when every worker is. */
  get settled(): boolean {
    return this.#workers.size === this.#runs.size && this.#all.every(({ settled }) => settled)
  }

  get pending(): number {
    return this.#all.reduce((sum, { pending }) => sum + pending, 0)
  }

  get progress(): readonly PartitionProgress[] {
    return this.#all.flatMap(({ progress }) => progress)
  }

  /** Of the one that has waited longest. */
  get sinceTurnMs(): number {
    return Math.max(0, ...this.#all.map(({ sinceTurnMs }) => sinceTurnMs))
  }

  get paused(): boolean {
    return this.#paused
  }

  get held(): HeldStates {
    const all = this.#all.map(({ held }) => held)
    return {
      active: new Map(all.flatMap(({ active }) => [...active])),
      standby: new Map(all.flatMap(({ standby }) => [...standby])),
      globals: all.find(({ globals }) => globals.size > 0)?.globals ?? new Map(),
    }
  }

  pause(paused: boolean): void {
    this.#paused = paused
    for (const worker of this.#all) worker.pause(paused)
  }

  /** Starts one more; returns its index. */
  add(): number {
    let index = 0
    while (this.#runs.has(index)) index++
    this.#start(index)
    return index
  }

  /** Closes the last one, which gives its tasks back first. @returns its index, or undefined when only one is left */
  async remove(): Promise<number | undefined> {
    const candidates = [...this.#runs.keys()].filter((index) => !this.#leaving.has(index))
    if (candidates.length < 2) return undefined
    const index = Math.max(...candidates)
    this.#leaving.add(index)
    this.#workers.get(index)?.close()
    await this.#runs.get(index)
    return index
  }

  close(): void {
    this.#closing.abort()
    for (const worker of this.#all) worker.close()
  }

  get #all(): readonly Worker[] {
    return [...this.#workers.values()]
  }

  #start(index: number): void {
    const run = this.#run(index).then(
      () => this.#ended(index),
      (error: unknown) => {
        this.#failure ??= asError(error)
        this.close()
        this.#ended(index)
      },
    )
    this.#runs.set(index, run)
  }

  /** Runs a worker, and another in its place after a failure where the policy says so. */
  async #run(index: number): Promise<void> {
    for (let failures = 0; ; failures++) {
      const worker = await this.#make(index)
      this.#workers.set(index, worker)
      if (this.#unwanted(index)) worker.close()
      try {
        return await worker.run()
      } catch (error) {
        if (this.#unwanted(index) || this.#parts.settings.onUncaughtError !== 'replace-worker') throw error
        this.#workers.delete(index)
        this.#tellSettled()
        await this.#backOff(index, failures, error)
        if (this.#unwanted(index)) return
      }
    }
  }

  async #make(index: number): Promise<Worker> {
    const { ports, stateFolder, onSettled: _, ...rest } = this.#parts
    const folder = index === 0 ? stateFolder : `${stateFolder}/worker-${index}`
    if (index > 0) await ports.disk.makeFolder(folder)
    const worker = new Worker({
      ...rest,
      ports,
      index,
      stateFolder: folder,
      onSettled: () => this.#tellSettled(),
    })
    if (this.#paused) worker.pause(true)
    return worker
  }

  async #backOff(index: number, failures: number, error: unknown): Promise<void> {
    const { ports, settings } = this.#parts
    ports.log.error({ worker: index, failures }, `worker ${index} is replaced: ${problemOf(error)}`)
    ports.metrics.counter('worker-replacements-total').value++
    const wait = settings.restartBackoffMs * 2 ** Math.min(failures, MAX_BACKOFF_DOUBLINGS)
    await sleep(ports.clock, wait, this.#closing.signal)
  }

  /** Whether a worker of that index is not wanted any more. */
  #unwanted(index: number): boolean {
    return this.#closing.signal.aborted || this.#leaving.has(index)
  }

  #ended(index: number): void {
    this.#runs.delete(index)
    this.#workers.delete(index)
    this.#leaving.delete(index)
    this.#tellSettled()
    if (this.#runs.size > 0) return
    if (this.#failure === undefined) this.#over.resolve()
    else this.#over.reject(this.#failure)
  }

  #tellSettled(): void {
    const settled = this.settled
    if (settled === this.#toldSettled) return
    this.#toldSettled = settled
    this.#parts.onSettled(settled)
  }
}

/**
 * Removes local state of tasks that went elsewhere and did not come back for a while: without it a disk would slowly fill with
 * every task an instance ever had. It must never touch the folder of a task that is open, followed or being opened.
 */
import { problemOf } from '../../core/errors.ts'
import { taskName } from '../../core/record.ts'
import type { Plan } from '../topology/plan.ts'
import { tasksWithState } from './local-state.ts'
import type { EngineSettings, Ports } from './options.ts'

/** Time between two looks, ms; at most one folder is removed at each. */
const LOOK_EVERY_MS = 60_000

interface CleanupParts {
  readonly ports: Pick<Ports, 'clock' | 'disk' | 'log' | 'stores'>
  readonly plan: Plan
  readonly stateFolder: string
  readonly settings: Pick<EngineSettings, 'stateCleanupDelayMs'>
}

export class StateCleanup {
  readonly #ports: CleanupParts['ports']
  readonly #folder: string
  readonly #plan: Plan
  readonly #delayMs: number
  /** Since when a folder has been nobody's, by task name. */
  readonly #idleSince = new Map<string, number>()
  #looked: number

  constructor({ ports, plan, stateFolder, settings }: CleanupParts) {
    this.#ports = ports
    this.#folder = stateFolder
    this.#plan = plan
    this.#delayMs = settings.stateCleanupDelayMs
    this.#looked = ports.clock.monotonic()
  }

  /** Whether it is time for a look. */
  get due(): boolean {
    if (!this.#ports.stores.persistent || this.#delayMs === 0) return false
    return this.#ports.clock.monotonic() - this.#looked >= Math.min(LOOK_EVERY_MS, this.#delayMs)
  }

  /** @param used tasks whose folders are in use, by name. Nothing may be opened before this resolves. */
  async look(used: ReadonlySet<string>): Promise<void> {
    const now = this.#ports.clock.monotonic()
    this.#looked = now
    const kept = (await tasksWithState(this.#ports.disk, this.#folder, this.#plan)).map(taskName)
    for (const name of this.#idleSince.keys()) {
      if (used.has(name) || !kept.includes(name)) this.#idleSince.delete(name)
    }
    for (const name of kept) {
      if (used.has(name)) continue
      const since = this.#idleSince.get(name)
      if (since === undefined) this.#idleSince.set(name, now)
      else if (now - since >= this.#delayMs) return this.#remove(name)
    }
  }

  async #remove(name: string): Promise<void> {
    const { disk, log } = this.#ports
    this.#idleSince.delete(name)
    try {
      await disk.remove(`${this.#folder}/${name}`)
      log.debug(
        { task: name },
        `local state of task ${name} is removed: another instance has had it for a while`,
      )
    } catch (error) {
      // Left-over state costs room; it must not cost the tasks that are at work.
      log.warn({ task: name, problem: problemOf(error) }, `local state of task ${name} cannot be removed`)
    }
  }
}

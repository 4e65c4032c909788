/**
 * The life of an application as a closed set of states with one table of transitions. Who listens never runs in the way of
 * the application: a listener that throws is reported to the log and forgotten.
 *
 *              ┌──────────────┐
 *              ▼              │
 *   starting ─► running ─► rebalancing
 *      │          │           │
 *      └──────────┴─────┬─────┘
 *                       ▼
 *                    closing ─► closed
 *
 *   any of the first four ─► failed
 */
import { problemOf, sluiceError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'

/**
 * - `starting`: has joined; not all of its tasks process yet
 * - `running`: every assigned task processes
 * - `rebalancing`: tasks come, go or are rebuilt after a failure that passes
 * - `closing`: commits and gives its tasks back
 * - `closed`: everything is committed and released
 * - `failed`: stopped by an error that repeating cannot cure; nothing uncommitted is visible
 */
export type AppState = 'starting' | 'running' | 'rebalancing' | 'closing' | 'closed' | 'failed'

/** Where each state may lead. */
export const APP_TRANSITIONS: Readonly<Record<AppState, readonly AppState[]>> = {
  starting: ['running', 'closing', 'failed'],
  running: ['rebalancing', 'closing', 'failed'],
  rebalancing: ['running', 'closing', 'failed'],
  closing: ['closed', 'failed'],
  closed: [],
  failed: [],
}

export type StateListener = (state: AppState, previous: AppState) => void

/** Nothing follows. */
export function isOver(state: AppState): boolean {
  return APP_TRANSITIONS[state].length === 0
}

/** The state of one application. */
export class AppLife {
  readonly #log: Logger
  readonly #listeners = new Set<StateListener>()
  #state: AppState = 'starting'

  constructor(log: Logger) {
    this.#log = log
  }

  get state(): AppState {
    return this.#state
  }

  may(next: AppState): boolean {
    return APP_TRANSITIONS[this.#state].includes(next)
  }

  /** @throws SLUICE_INTERNAL for a transition that is not in the table */
  to(next: AppState): void {
    const previous = this.#state
    if (!this.may(next)) {
      throw sluiceError('SLUICE_INTERNAL', { place: 'application', problem: `${previous} to ${next}` })
    }
    this.#state = next
    for (const listener of this.#listeners) this.#tell(listener, next, previous)
  }

  /** Called at each transition from now on. Returns what ends it. */
  onState(listener: StateListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #tell(listener: StateListener, state: AppState, previous: AppState): void {
    try {
      listener(state, previous)
    } catch (error) {
      this.#listeners.delete(listener)
      this.#log.error({ state, previous }, `a listener of onState threw and was removed: ${problemOf(error)}`)
    }
  }
}

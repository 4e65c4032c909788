/**
 * The tasks of one member: what it owns, what was aimed at, and the one change between the two that waits to be acknowledged.
 * No I/O. A task once offered is claimed in every later join until it was given up, so the leader gives it to nobody else.
 *
 *   settled ──assignment differs──▶ change offered ──acknowledge──▶ settled (next epoch)
 */
import type { AssignmentChange } from '../../../core/broker.ts'
import type { TaskId } from '../../../core/record.ts'
import { taskName } from '../../../core/record.ts'
import type { TaskAssignment } from './user-data.ts'

const NOTHING: TaskAssignment = Object.freeze({ active: [], standby: [], pending: [] })

export class Ownership {
  change: AssignmentChange | undefined
  /** Number of acknowledged changes, from 1: the epoch of the fence. */
  epoch = 1
  #owned: ReadonlyMap<string, TaskId> = new Map()
  #standby: readonly TaskId[] = []
  #aim: TaskAssignment = NOTHING
  #target: readonly TaskId[] = []
  /** What the group believes this member to own. */
  #believed: ReadonlyMap<string, TaskId> = new Map()

  get owned(): readonly TaskId[] {
    return [...this.#owned.values()]
  }

  get standby(): readonly TaskId[] {
    return this.#standby
  }

  /** All that is aimed at for it. */
  get target(): readonly TaskId[] {
    return this.#target
  }

  /** Tasks were given up, and the group does not know yet: others wait for them. */
  get mustTell(): boolean {
    return [...this.#believed.keys()].some((name) => !this.#owned.has(name))
  }

  /**
   * A join is sent that claims what is owned now. What was assigned before but not offered yet is not claimed, so another
   * member may get it in the coming generation: it must not be offered any more.
   */
  claim(): void {
    this.#believed = this.#owned
    const active = this.#aim.active.filter((task) => this.#owned.has(taskName(task)))
    this.#aim = { ...this.#aim, active }
  }

  /** @returns true when a change is offered now that was not there before */
  receive(assignment: TaskAssignment): boolean {
    this.#aim = assignment
    this.#target = [...assignment.active, ...assignment.pending]
    return this.#offer()
  }

  /** The offered change is done. @returns true when another one is offered at once */
  acknowledge(change: AssignmentChange): boolean {
    this.change = undefined
    this.#owned = byName(change.active)
    this.#standby = change.standby
    this.epoch++
    return this.#offer()
  }

  /** It owns nothing any more. */
  drop(): void {
    this.change = undefined
    this.#owned = new Map()
    this.#standby = []
    this.#aim = NOTHING
    this.#target = []
  }

  #offer(): boolean {
    if (this.change !== undefined) return false
    const { active: aimed, standby } = this.#aim
    const aim = byName(aimed)
    const revoked = this.owned.filter((task) => !aim.has(taskName(task)))
    const kept = this.owned.filter((task) => aim.has(taskName(task)))
    const assigned = aimed.filter((task) => !this.#owned.has(taskName(task)))
    if (revoked.length === 0 && assigned.length === 0 && sameTasks(standby, this.#standby)) return false
    this.change = Object.freeze({ active: [...kept, ...assigned], standby, revoked, assigned })
    // What it must give up stays its own until it acknowledged.
    this.#owned = byName([...this.owned, ...assigned])
    return true
  }
}

function byName(tasks: readonly TaskId[]): ReadonlyMap<string, TaskId> {
  return new Map(tasks.map((task) => [taskName(task), task]))
}

function sameTasks(a: readonly TaskId[], b: readonly TaskId[]): boolean {
  const names = new Set(b.map(taskName))
  return a.length === b.length && a.every((task) => names.has(taskName(task)))
}

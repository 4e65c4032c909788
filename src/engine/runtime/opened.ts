/** An open task and what a worker shares with all its tasks. */
import type { Fetcher, GroupMember } from '../../core/broker.ts'
import type { LogUpdate } from '../state/managed.ts'
import type { TaskState } from '../state/task-state.ts'
import type { Plan } from '../topology/plan.ts'
import type { EngineSettings, Ports } from './options.ts'
import type { Output } from './output.ts'
import type { Task } from './task.ts'

/** A task with its state, ready to process. */
export interface OpenTask {
  readonly task: Task
  readonly state: TaskState
  readonly changelogs: ReadonlyMap<string, Changelog>
}

export interface Changelog {
  readonly topic: string
  readonly partition: number
  readonly log: LogUpdate
}

/** What a worker shares with all its tasks. */
export interface TaskEnvironment {
  readonly plan: Plan
  readonly settings: EngineSettings
  readonly ports: Ports
  /** Root of local state of this application and instance. */
  readonly stateFolder: string
  readonly clusterId: string
  /** Partition counts and ids of all topics used. */
  readonly counts: ReadonlyMap<string, number>
  readonly topicIds: ReadonlyMap<string, string>
  readonly output: Output
  readonly fetcher: Fetcher
  readonly member: GroupMember
  /** Stores of the global tables, complete before any task opens; the same for all tasks. */
  readonly globals: ReadonlyMap<string, unknown>
  readonly wake: () => void
  readonly requestCommit: () => void
}

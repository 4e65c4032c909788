/** An open task and what a worker shares with all its tasks. */
import type { ErrorHandler } from '../../core/error-handler.ts'
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
  /** By source partition (`topic-partition`): the input below this offset shows in the local storage. Written by the committer. */
  readonly visible: Map<string, number>
}

/** The changelog partition of one store of a task. */
export interface ChangelogPartition {
  readonly topic: string
  readonly partition: number
  /** Of a source topic that is the changelog: where processing goes on, which is as far as the store may know it. */
  readonly upTo?: number
}

export interface Changelog extends ChangelogPartition {
  readonly log: LogUpdate
}

/** How far the restore of one store from its changelog is. */
export interface RestoreProgress {
  /** `started`, then `batch` after each batch, then `ended` or (the task went elsewhere, or failed) `suspended`. */
  readonly phase: 'started' | 'batch' | 'ended' | 'suspended'
  readonly store: string
  /** `<subtopology>_<partition>` */
  readonly task: string
  readonly topic: string
  readonly partition: number
  /** Offset of the next changelog record. */
  readonly position: number
  /** The changelog's end when the restore began. */
  readonly end: number
  /** Records read since it began. */
  readonly records: number
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
  /** What the application says about records that fail; undefined: the settings say. */
  readonly onError: ErrorHandler | undefined
  /** Told how far the restore of each store is. Must not throw. */
  readonly onRestore: (progress: RestoreProgress) => void
  readonly wake: () => void
  readonly requestCommit: () => void
}

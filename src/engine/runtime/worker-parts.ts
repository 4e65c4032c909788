/** What a worker is made of: everything its tasks share, and who it is in the group. */
import type { TaskEnvironment } from './opened.ts'

export interface WorkerParts extends Omit<
  TaskEnvironment,
  'output' | 'fetcher' | 'member' | 'globals' | 'wake' | 'requestCommit'
> {
  readonly processId: string
  readonly index: number
  /** Where this instance answers questions of others; undefined: nowhere. */
  readonly endpoint: string | undefined
  /** Called when `settled` changes, in the loop's turn. */
  readonly onSettled: (settled: boolean) => void
}

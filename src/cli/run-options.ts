/** What `sluice run` was asked for, parsed. */
import type { Guarantee } from '../engine/runtime/options.ts'
import type { Input } from './input.ts'
import type { LogLevel } from './log.ts'

export interface RunOptions {
  readonly folder?: string
  readonly state?: string
  readonly guarantee: Guarantee
  readonly commitInterval: number
  readonly createTopics: number
  readonly input: readonly Input[]
  readonly print: readonly string[]
  readonly untilDone: boolean
  readonly for?: number
  readonly json: boolean
  readonly logLevel: LogLevel
}

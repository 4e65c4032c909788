/** What `sluice run` was asked for, parsed. */
import type { Guarantee } from '../engine/runtime/options.ts'

/** Of topics that have to be created. */
export const DEFAULT_PARTITIONS = 4

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** `--input topic=file`. */
export interface Input {
  readonly topic: string
  readonly file: string
}

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

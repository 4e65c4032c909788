/** What `sluice run` was asked for, parsed. */
/** Of topics that have to be created. */
export const DEFAULT_PARTITIONS = 4

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** `--input topic=file`. */
export interface Input {
  readonly topic: string
  readonly file: string
}

/** Beside the settings (see `settings/spec.ts`): what this one run is for. */
export interface RunOptions {
  readonly input: readonly Input[]
  readonly print: readonly string[]
  readonly untilDone: boolean
  readonly for?: number
  readonly json: boolean
  readonly view: boolean
}

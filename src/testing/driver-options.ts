/** The options of the test driver. No code. */
import type { EngineSettings } from '../engine/runtime/options.ts'
import type { ErrorHandler } from '../core/error-handler.ts'
import type { HttpClient } from '../core/http.ts'
import type { Logger } from '../core/log.ts'
import type { ManualClock } from './manual-clock.ts'
import type { StoreBackend } from '../core/store.ts'

export interface DriverOptions {
  /** Topics there are, for sources that read by a pattern. */
  readonly topics?: readonly string[]
  readonly settings?: Partial<EngineSettings>
  /** Wall clock at the start, ms. Default 0. */
  readonly startTime?: number
  /** The clock to run by, to share it with fake services. Default: one of its own, from `startTime` on. */
  readonly clock?: ManualClock
  /** Seed of jitter and ids. Default 1. */
  readonly seed?: number
  /** Answers requests of `http(…)` sources. Default: every request is an error that says so. */
  readonly http?: HttpClient
  readonly log?: Logger
  /** Changelogs are written, to be read with `readBytes` like any topic. Default false: nobody restores from them here. */
  readonly changelogs?: boolean
  /** Where state is kept. Default: in memory. */
  readonly stores?: StoreBackend
  /** Folder of `stores`, one sub-folder per sub-topology; it must exist and is the caller's to remove. */
  readonly stateFolder?: string
  /** As `onError` of `defineApp`. Default: none, the settings decide. */
  readonly onError?: ErrorHandler | undefined
}

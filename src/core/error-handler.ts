/** What an application says about a record that failed: the words between its definition and the runtime, which does what they say. */
import type { SluiceError } from './errors.ts'
import type { Encoded, Headers } from './record.ts'

/**
 * - `dead-letter`: to the dead-letter topic, with its cause, in the transaction of everything else
 * - `skip`: left out, counted (`dropped-records-total`) and logged
 * - `fail`: the application stops; the record is processed again at the next start
 */
export type ErrorPolicy = 'dead-letter' | 'skip' | 'fail'

/** At which step a record failed: it could not be read, an operator threw, or its result cannot be written. */
export type FailedStep = 'deserialize' | 'process' | 'produce'

export interface FailedRecord {
  readonly step: FailedStep
  readonly error: SluiceError
  /** The operator at which it failed. */
  readonly node: string
  /** The source record; '' and -1 for what a punctuator made. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Event time, ms since 1970. */
  readonly timestamp: number
  readonly key: Encoded | null
  readonly value: Encoded | null
  readonly headers: Headers
}

/** Decides about one record; it must be quick and synchronous. Should it throw itself, the record counts as `fail`. */
export type ErrorHandler = (failed: FailedRecord) => ErrorPolicy

/**
 * The one table of errors: code, domain, retry hint, message, what to do. Every error that leaves Sluice comes from here.
 * A message says where, what was expected, what came; `fix` says what to do. `{name}` is filled from the details.
 */
import { APPLICATION_ERRORS } from './errors-application.ts'
import { DATA_ERRORS } from './errors-data.ts'

export type ErrorDomain = 'user' | 'external' | 'internal'

/** `never`: repeating gives the same. `retry`: repeating is safe and may work. `rejoin`: replaced by another owner; drop and start anew. */
export type RetryHint = 'never' | 'retry' | 'rejoin'

interface ErrorRow {
  readonly domain: ErrorDomain
  readonly retry: RetryHint
  readonly message: string
  readonly fix: string
}

type ErrorTable = Readonly<typeof APPLICATION_ERRORS & typeof DATA_ERRORS>

/** The rows stand in errors-application.ts and errors-data.ts. */
export const ERRORS: ErrorTable = { ...APPLICATION_ERRORS, ...DATA_ERRORS }

export type ErrorCode = keyof typeof ERRORS

export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>

/** An error of the table. `details` are the filled-in values; `fix` says what to do. */
export class SluiceError extends Error {
  readonly code: ErrorCode
  readonly domain: ErrorDomain
  readonly retry: RetryHint
  readonly fix: string
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails, cause?: unknown) {
    const row: ErrorRow = ERRORS[code]
    super(fill(row.message, details), cause === undefined ? undefined : { cause })
    this.name = 'SluiceError'
    this.code = code
    this.domain = row.domain
    this.retry = row.retry
    this.fix = fill(row.fix, details)
    this.details = details
  }
}

/** Makes an error of the table. */
export function sluiceError(code: ErrorCode, details: ErrorDetails, cause?: unknown): SluiceError {
  return new SluiceError(code, details, cause)
}

/**
 * True for an error of the table, of one of `codes` when given.
 * @example
 * import { isSluiceError, topic, string } from 'sluice'
 *
 * try {
 *   topic('no blanks', { key: string, value: string })
 * } catch (error) {
 *   if (!isSluiceError(error, 'SLUICE_TOPIC_INVALID')) throw error
 *   console.log(error.code, error.message, error.fix)
 * }
 */
export function isSluiceError(error: unknown, ...codes: readonly ErrorCode[]): error is SluiceError {
  return error instanceof SluiceError && (codes.length === 0 || codes.includes(error.code))
}

/** Anything thrown, as an Error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error })
}

/** The message of anything thrown. */
export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ''))
}

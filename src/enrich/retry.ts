/**
 * When a failed call is made again, and after how long: exponential back-off with full jitter (a uniform draw from zero
 * to the ceiling, which spreads the retries of records that failed together).
 */
import { customField, countField, defineConfig, durationField, optional } from '../core/config.ts'
import type { ConfigSpec, Field } from '../core/config.ts'
import type { Duration } from '../core/duration.ts'
import { SluiceError } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import { CallError } from './call-error.ts'

export interface RetryOptions {
  /** Calls after the first one; default 3. */
  readonly retries?: number
  /** Ceiling of the first wait, doubled each time; default 100ms. The wait is a uniform draw from 0 to it. */
  readonly delay?: Duration
  /** Ceiling of any wait; default 10s. A longer Retry-After of the service wins. */
  readonly maxDelay?: Duration
  /** Whether an error is worth another call; default: every error that does not say otherwise. */
  readonly when?: (error: unknown) => boolean
  /** Whether an answer is worth another call ("not ready yet"); default: none is. */
  readonly whenAnswer?: (answer: unknown) => boolean
  /**
   * Most retries as a share of calls, of all tasks of an instance that ask this endpoint, and 10 to begin with: 0.1 keeps a
   * service in trouble from getting more than a tenth on top. A call that gets none fails at once. Default: no limit.
   */
  readonly budget?: number
}

export interface RetryPolicy {
  readonly retries: number
  readonly delayMs: number
  readonly maxDelayMs: number
  readonly when: (error: unknown) => boolean
  readonly whenAnswer: ((answer: unknown) => boolean) | undefined
  /** Undefined: no limit. */
  readonly budget: number | undefined
}

type RetryFields = {
  readonly retries: Field<number>
  readonly delay: Field<number>
  readonly maxDelay: Field<number>
  readonly when: Field<((error: unknown) => boolean) | undefined>
  readonly whenAnswer: Field<((answer: unknown) => boolean) | undefined>
  readonly budget: Field<number | undefined>
}

type Classifier = (came: unknown) => boolean

const classifier = (doc: string): Field<Classifier | undefined> =>
  optional(
    customField<Classifier>('function', { doc }, (came) =>
      typeof came === 'function' ? (came as Classifier) : undefined,
    ),
  )

export const retrySpec: ConfigSpec<RetryFields> = defineConfig({
  retries: countField({ doc: 'Calls after the first one.', default: 3, max: 1000 }),
  delay: durationField({
    doc: 'Ceiling of the first wait; doubled each time, drawn from 0.',
    default: '100ms',
  }),
  maxDelay: durationField({ doc: 'Ceiling of any wait; a longer Retry-After wins.', default: '10s' }),
  when: classifier('Whether an error is worth another call; default: all that do not say otherwise.'),
  whenAnswer: classifier('Whether an answer is worth another call; default: none.'),
  budget: optional(
    customField<number>(
      'number above 0',
      {
        doc: 'Most retries as a share of the calls to the endpoint, and 10 to begin with; default: no limit.',
        example: '0.1',
      },
      (came) => (typeof came === 'number' && came > 0 ? came : undefined),
    ),
  ),
})

/** @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN */
export function retryPolicy(options: number | RetryOptions | undefined, place: string): RetryPolicy {
  const parsed = retrySpec.parse(typeof options === 'number' ? { retries: options } : options, place)
  return {
    retries: parsed.retries,
    delayMs: parsed.delay,
    maxDelayMs: parsed.maxDelay,
    when: parsed.when ?? isRetriable,
    whenAnswer: parsed.whenAnswer,
    budget: parsed.budget,
  }
}

/** True if the two draw retries from one budget, or one of them from none. */
export function budgetAlike(one: RetryPolicy, other: RetryPolicy): boolean {
  return one.budget === other.budget || one.budget === undefined || other.budget === undefined
}

/** An error is worth another call unless it says that repeating gives the same. */
export function isRetriable(error: unknown): boolean {
  if (error instanceof CallError) return error.retriable
  if (error instanceof SluiceError) return error.retry === 'retry'
  return true
}

/**
 * Milliseconds to wait before the next call.
 * @param failures calls that failed so far, at least 1
 */
export function retryDelay(policy: RetryPolicy, failures: number, error: unknown, random: Random): number {
  const ceiling = Math.min(policy.maxDelayMs, policy.delayMs * 2 ** Math.min(failures - 1, 50))
  const asked = error instanceof CallError ? error.retryAfterMs : 0
  return Math.max(asked, random.next() * ceiling)
}

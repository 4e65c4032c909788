/** When the circuit breaker of an endpoint opens and what calls do meanwhile, read from its options once. */
import {
  choiceField,
  countField,
  customField,
  defineConfig,
  durationField,
  optional,
} from '../core/config.ts'
import type { ConfigSpec, Field } from '../core/config.ts'
import type { Duration } from '../core/duration.ts'
import { sluiceError } from '../core/errors.ts'

export interface BreakerOptions {
  /** Share of failed calls at which it opens; default 0.5. Timeouts fail, and errors that may pass (HTTP 5xx, 429, no connection). */
  readonly failureRate?: number
  /** Calls that took at least so long are slow; default: none is. */
  readonly slow?: Duration
  /** Share of slow calls at which it opens; default 0.5. */
  readonly slowRate?: number
  /** The shares are of the last so many calls; default 50. */
  readonly window?: number
  /** It never opens before so many calls; default 20. */
  readonly minimum?: number
  /** How long it stays open before the endpoint is tried again; default 5s. */
  readonly wait?: Duration
  /** Calls it is tried with; all must be well for it to close; default 3. */
  readonly probes?: number
  /**
   * What calls do while it is open. `wait` (default): until it lets them through, within the deadline of their record, and
   * without using up attempts. `give-up`: fail at once, for the fallback or what `onError` says.
   */
  readonly whenOpen?: 'wait' | 'give-up'
}

export interface BreakerPolicy {
  readonly failureRate: number
  readonly slowMs: number | undefined
  readonly slowRate: number
  readonly window: number
  readonly minimum: number
  readonly waitMs: number
  readonly probes: number
  readonly whenOpen: 'wait' | 'give-up'
}

type BreakerFields = {
  readonly failureRate: Field<number>
  readonly slow: Field<number | undefined>
  readonly slowRate: Field<number>
  readonly window: Field<number>
  readonly minimum: Field<number>
  readonly wait: Field<number>
  readonly probes: Field<number>
  readonly whenOpen: Field<'wait' | 'give-up'>
}

const share = (doc: string): Field<number> =>
  customField<number>('number above 0, at most 1', { doc, default: 0.5 }, (came) =>
    typeof came === 'number' && came > 0 && came <= 1 ? came : undefined,
  )

export const breakerSpec: ConfigSpec<BreakerFields> = defineConfig({
  failureRate: share('Share of failed calls at which it opens.'),
  slow: optional(
    durationField({ doc: 'Calls that took at least so long are slow; default: none is.', example: '1s' }),
  ),
  slowRate: share('Share of slow calls at which it opens.'),
  window: countField({ doc: 'The shares are of the last so many calls.', default: 50, min: 1, max: 100_000 }),
  minimum: countField({ doc: 'It never opens before so many calls.', default: 20, min: 1, max: 100_000 }),
  wait: durationField({ doc: 'How long it stays open before the endpoint is tried again.', default: '5s' }),
  probes: countField({
    doc: 'Calls the endpoint is tried with; all must be well for it to close.',
    default: 3,
    min: 1,
    max: 1000,
  }),
  whenOpen: choiceField(['wait', 'give-up'], {
    doc: 'Calls wait for it within the deadline, attempts kept; or fail at once, for the fallback or `onError`.',
    default: 'wait',
  }),
})

/** @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN */
export function breakerPolicy(options: BreakerOptions, place: string): BreakerPolicy {
  const { slow, wait, ...parsed } = breakerSpec.parse(options, place)
  if (parsed.minimum > parsed.window) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `${place}: minimum`,
      expected: `at most \`window\` (${parsed.window}), because it would never open`,
      came: String(parsed.minimum),
    })
  }
  return { ...parsed, slowMs: slow, waitMs: wait }
}

/** True if the two open and close alike; what calls do meanwhile is theirs. */
export function opensAlike(one: BreakerPolicy, other: BreakerPolicy): boolean {
  const same = (name: keyof BreakerPolicy): boolean => name === 'whenOpen' || one[name] === other[name]
  return (Object.keys(one) as readonly (keyof BreakerPolicy)[]).every(same)
}

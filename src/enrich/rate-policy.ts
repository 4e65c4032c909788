/** How many calls an endpoint gets in a time, read from its options once. */
import { countField, customField, defineConfig, optional } from '../core/config.ts'
import type { ConfigSpec, Field } from '../core/config.ts'

/** Calls in a second, a minute or an hour, for instance `100/s`; `auto`: only what the service itself asks for. */
export type Rate = `${number}/${'s' | 'm' | 'h'}` | 'auto'

export interface RateOptions {
  /** Most calls in a time, `100/s`, `5000/m`, `20000/h`; `auto`: as many as the service lets through without 429. */
  readonly limit: Rate
  /** Calls that may be made at once after a pause; default: a tenth of a second's worth, at least 1. */
  readonly burst?: number
}

export interface RatePolicy {
  /** Calls a millisecond; undefined: found out. */
  readonly perMs: number | undefined
  /** Undefined: a tenth of a second's worth, at least 1. */
  readonly burst: number | undefined
}

type RateFields = {
  readonly limit: Field<number | 'auto'>
  readonly burst: Field<number | undefined>
}

const MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** Calls a millisecond. */
function perMs(came: unknown): number | 'auto' | undefined {
  if (came === 'auto') return came
  const [, count, unit] = (typeof came === 'string' && /^(\d+(?:\.\d+)?)\/([smh])$/.exec(came)) || []
  const calls = Number(count)
  return unit === undefined || !(calls > 0) ? undefined : calls / MS[unit]!
}

export const rateSpec: ConfigSpec<RateFields> = defineConfig({
  limit: customField<number | 'auto'>(
    'calls/s, calls/m, calls/h or auto',
    {
      doc: 'Most calls in a time, of all tasks of an instance; auto: as many as the service lets through without 429.',
      example: '100/s',
    },
    perMs,
  ),
  burst: optional(
    countField({
      doc: "Calls that may be made at once after a pause; default: a tenth of a second's worth, at least 1.",
      min: 1,
      max: 1_000_000,
    }),
  ),
})

/** @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN */
export function ratePolicy(options: Rate | RateOptions, place: string): RatePolicy {
  const { limit, burst } = rateSpec.parse(typeof options === 'string' ? { limit: options } : options, place)
  return { perMs: limit === 'auto' ? undefined : limit, burst }
}

export function paceAlike(one: RatePolicy, other: RatePolicy): boolean {
  return one.perMs === other.perMs && one.burst === other.burst
}

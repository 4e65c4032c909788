/** When a second call is made beside one that takes long, read from its options once. */
import { customField, defineConfig } from '../core/config.ts'
import type { ConfigSpec, Field } from '../core/config.ts'
import { milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'

export interface HedgeOptions {
  /**
   * A second call is made when the first has taken so long: a duration, or a percentile of what calls took lately; default
   * `p95`. Before 100 calls were answered a percentile is not known, and none is made.
   */
  readonly after?: Duration | `p${number}`
  /** Most second calls, as a share of all; default 0.05. */
  readonly budget?: number
}

export interface HedgePolicy {
  /** Fixed; undefined: by percentile. */
  readonly afterMs: number | undefined
  /** Share of calls that take less. */
  readonly quantile: number
  readonly budget: number
}

type After = { readonly afterMs: number | undefined; readonly quantile: number }

type HedgeFields = {
  readonly after: Field<After>
  readonly budget: Field<number>
}

export const hedgeSpec: ConfigSpec<HedgeFields> = defineConfig({
  after: customField<After>(
    'duration or percentile',
    {
      doc: 'A second call is made when the first has taken so long, or longer than that share of the last calls.',
      default: 'p95',
      example: '80ms',
    },
    (came, place) => {
      const percent = typeof came === 'string' ? /^p(\d{1,2}(?:\.\d+)?)$/.exec(came)?.[1] : undefined
      if (percent !== undefined) return { afterMs: undefined, quantile: Number(percent) / 100 }
      return { afterMs: milliseconds(came as Duration, place), quantile: 0 }
    },
  ),
  budget: customField<number>(
    'number above 0, at most 1',
    { doc: 'Most second calls, as a share of all.', default: 0.05 },
    (came) => (typeof came === 'number' && came > 0 && came <= 1 ? came : undefined),
  ),
})

/** @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN */
export function hedgePolicy(options: HedgeOptions, place: string): HedgePolicy {
  const { after, budget } = hedgeSpec.parse(options, place)
  return { ...after, budget }
}

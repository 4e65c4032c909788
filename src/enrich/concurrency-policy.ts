/** How many calls may be under way, read from its option once. */
import { countField, customField, defineConfig } from '../core/config.ts'
import type { ConfigSpec, Field } from '../core/config.ts'
import { sluiceError } from '../core/errors.ts'
import type { ConcurrencyBounds } from './concurrency.ts'

export interface ConcurrencyOptions {
  /** Never fewer; default 1. */
  readonly min?: number
  /** Never more; default 512. */
  readonly max?: number
}

type ConcurrencyFields = {
  readonly min: Field<number>
  readonly max: Field<number>
}

const START = 32

export const concurrencySpec: ConfigSpec<ConcurrencyFields> = defineConfig({
  min: countField({ doc: 'Never fewer calls under way.', default: 1, min: 1, max: 100_000 }),
  max: countField({ doc: 'Never more calls under way.', default: 512, min: 1, max: 100_000 }),
})

const fixed: Field<number> = countField({ doc: '', min: 1, max: 100_000 })

export const concurrencyField: Field<number | ConcurrencyBounds> = customField<
  number | ConcurrencyBounds,
  number
>(
  "whole number 1 to 100000, 'auto' or { min, max }",
  {
    doc: 'Most calls under way per task; with bounds it is found by how long calls take and how many fail.',
    default: START,
  },
  (came, place) => {
    if (typeof came === 'number') return fixed.read(came, place)
    if (came === 'auto') return concurrencyBounds({}, place)
    return typeof came === 'object' ? concurrencyBounds(came, place) : undefined
  },
)

function concurrencyBounds(options: unknown, place: string): ConcurrencyBounds {
  const { min, max } = concurrencySpec.parse(options, place)
  if (min > max) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `${place}: min`,
      expected: `at most \`max\` (${max})`,
      came: String(min),
    })
  }
  return { min, max, start: Math.min(max, Math.max(min, START)) }
}

/** How long answers are kept and how many, read from its options once. */
import { countField, customField, defineConfig, durationField, flagField, optional } from '../core/config.ts'
import type { ConfigSpec, Field } from '../core/config.ts'
import type { CacheKey } from './sources/source.ts'

export interface CachePolicy {
  /** How long an answer is fresh, ms. */
  readonly ttlMs: number
  /** How long "there is none" (null or undefined) is believed, ms; 0: not at all. */
  readonly negativeTtlMs: number
  /** How long after that an answer is given while it is asked for again, ms. */
  readonly staleWhileRevalidateMs: number
  /** How long after that an answer is given when asking failed for good, ms. */
  readonly staleIfErrorMs: number
  readonly maxEntries: number
  /** Undefined: no limit. */
  readonly maxBytes: number | undefined
  /** It moves with its task and survives restarts. */
  readonly persist: boolean
}

type CacheFields = {
  readonly ttl: Field<number>
  readonly negativeTtl: Field<number>
  readonly staleWhileRevalidate: Field<number>
  readonly staleIfError: Field<number>
  readonly maxEntries: Field<number>
  readonly maxBytes: Field<number | undefined>
  readonly persist: Field<boolean>
  readonly key: Field<CacheKey | undefined>
}

export const cacheSpec: ConfigSpec<CacheFields> = defineConfig({
  ttl: durationField({ doc: 'How long an answer is fresh.', example: '60s' }),
  negativeTtl: durationField({
    doc: 'How long "there is none" (null) is believed; 0: not at all.',
    default: 0,
  }),
  staleWhileRevalidate: durationField({
    doc: 'How long after `ttl` an answer is still given at once, while it is asked for again in the background.',
    default: 0,
  }),
  staleIfError: durationField({
    doc: 'How long after `ttl` an answer is given when asking failed for good; before `fallback`.',
    default: 0,
  }),
  maxEntries: countField({
    doc: 'Most answers kept per task; the least recently used goes first.',
    default: 10_000,
    min: 1,
  }),
  maxBytes: optional(
    countField({
      doc: 'About the most bytes of answers kept per task; default: no limit.',
      min: 1,
      example: '16777216',
    }),
  ),
  persist: flagField({
    doc: 'Answers survive restarts and move with their task, in the changelog of the ledger; those that are plain JSON.',
    default: false,
  }),
  key: optional(
    customField<CacheKey>(
      'function',
      {
        doc: 'What answers are kept under; default: identity of the request, or else the key of the record.',
      },
      (came) => (typeof came === 'function' ? (came as CacheKey) : undefined),
    ),
  ),
})

export function cachePolicy(cache: ReturnType<typeof cacheSpec.parse>): CachePolicy {
  return {
    ttlMs: cache.ttl,
    negativeTtlMs: cache.negativeTtl,
    staleWhileRevalidateMs: cache.staleWhileRevalidate,
    staleIfErrorMs: cache.staleIfError,
    maxEntries: cache.maxEntries,
    maxBytes: cache.maxBytes,
    persist: cache.persist,
  }
}

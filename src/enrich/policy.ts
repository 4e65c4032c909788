/** How a source is asked, read from its options once, when the operator is defined. */
import {
  choiceField,
  customField,
  defineConfig,
  durationField,
  flagField,
  optional,
  textField,
} from '../core/config.ts'
import type { ConfigSpec, Field } from '../core/config.ts'
import { sluiceError } from '../core/errors.ts'
import { batchPolicy, batchSpec } from './batch-policy.ts'
import type { BatchOptions, BatchPolicy } from './batch-policy.ts'
import { breakerPolicy, breakerSpec } from './breaker-policy.ts'
import type { BreakerOptions, BreakerPolicy } from './breaker-policy.ts'
import { cachePolicy, cacheSpec } from './cache-policy.ts'
import type { CachePolicy } from './cache-policy.ts'
import { hedgePolicy, hedgeSpec } from './hedge-policy.ts'
import type { HedgeOptions, HedgePolicy } from './hedge-policy.ts'
import { ratePolicy, rateSpec } from './rate-policy.ts'
import type { Rate, RateOptions, RatePolicy } from './rate-policy.ts'
import { retryPolicy, retrySpec } from './retry.ts'
import type { RetryOptions, RetryPolicy } from './retry.ts'
import type { CacheKey, Source, SourceOptions } from './sources/source.ts'

export interface SourcePolicy {
  readonly timeoutMs: number
  readonly retry: RetryPolicy
  readonly cache: CachePolicy | undefined
  readonly coalesce: boolean
  /** Undefined: each request goes alone. */
  readonly batch: BatchPolicy | undefined
  readonly breaker: BreakerPolicy | undefined
  readonly rate: RatePolicy | undefined
  readonly hedge: HedgePolicy | undefined
  /** The user's own key of an answer. */
  readonly key: CacheKey | undefined
  /** Sharing was asked for, so the record's key identifies requests that have no identity of their own. */
  readonly keyed: boolean
}

type SourceFields = {
  readonly name: Field<string | undefined>
  readonly timeout: Field<number>
  readonly retry: Field<RetryPolicy>
  readonly cache: Field<ReturnType<typeof cacheSpec.parse> | undefined>
  readonly coalesce: Field<boolean | undefined>
  readonly batch: Field<BatchPolicy | boolean>
  readonly breaker: Field<BreakerPolicy | false>
  readonly rate: Field<RatePolicy | undefined>
  readonly hedge: Field<HedgePolicy | false>
}

/** Options that every source has. */
export const sourceSpec: ConfigSpec<SourceFields> = defineConfig({
  name: optional(textField({ doc: 'For messages and metrics; default: the field it fills.' })),
  timeout: durationField({ doc: 'Limit of one attempt.', default: '2s' }),
  retry: customField<RetryPolicy, number>(
    `number or { ${Object.keys(retrySpec.fields).join(', ')} }`,
    { doc: 'Retries after the first attempt.', default: 3 },
    (came, place) => retryPolicy(came as number | RetryOptions, place),
  ),
  cache: optional(
    customField(
      `duration or { ${Object.keys(cacheSpec.fields).join(', ')} }`,
      { doc: 'Keeps answers for a while.', example: '60s' },
      (came, place) => cacheSpec.parse(typeof came === 'object' ? came : { ttl: came }, place),
    ),
  ),
  coalesce: optional(
    flagField({
      doc: 'Equal requests under way share one call; default: on for reads that can be told apart.',
    }),
  ),
  batch: customField<BatchPolicy | boolean>(
    `boolean or { ${Object.keys(batchSpec.fields).join(', ')} }`,
    { doc: 'Asks for several at once, where the source can; false: each request goes alone.', default: true },
    (came, place) => (typeof came === 'boolean' ? came : batchPolicy(came as BatchOptions, place)),
  ),
  breaker: customField<BreakerPolicy | false>(
    `boolean or { ${Object.keys(breakerSpec.fields).join(', ')} }`,
    { doc: 'Stops asking an endpoint that mostly fails, and tries it again after a while.', default: false },
    (came, place) =>
      came === false ? came : breakerPolicy(came === true ? {} : (came as BreakerOptions), place),
  ),
  rate: optional(
    customField<RatePolicy>(
      `calls/s, calls/m, calls/h, auto or { ${Object.keys(rateSpec.fields).join(', ')} }`,
      { doc: 'Most calls in a time, of all tasks of an instance; default: no limit.', example: '100/s' },
      (came, place) => ratePolicy(came as Rate | RateOptions, place),
    ),
  ),
  hedge: customField<HedgePolicy | false>(
    `boolean or { ${Object.keys(hedgeSpec.fields).join(', ')} }`,
    {
      doc: 'Makes a second call beside one that takes long; the first answer counts. For reads.',
      default: false,
    },
    (came, place) =>
      came === false ? came : hedgePolicy(came === true ? {} : (came as HedgeOptions), place),
  ),
})

/** Those of the options that every source has; the operator reads them, the source its own. */
export function commonOptions(given: SourceOptions): SourceOptions {
  return Object.fromEntries(Object.entries(given).filter(([name]) => name in sourceSpec.fields))
}

/** The option `kind` of sources that can be either. */
export const kindField: Field<'read' | 'write' | undefined> = optional(
  choiceField(['read', 'write'], { doc: 'A write is never cached and runs one call a key at a time.' }),
)

/** @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN */
export function sourcePolicy(
  { kind, options, callMany }: Source<unknown, never>,
  place: string,
): SourcePolicy {
  const parsed = sourceSpec.parse(options, place)
  const { batch, cache } = parsed
  const refuse = (name: 'batch' | 'cache' | 'hedge', expected: string): never => {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `${place}: ${name}`,
      expected,
      came: JSON.stringify(options?.[name]),
    })
  }
  if (cache !== undefined && kind === 'write')
    refuse('cache', 'no cache on a source that writes, because a cached answer would skip the write')
  if (parsed.hedge !== false && kind === 'write')
    refuse('hedge', 'no second calls of a source that writes, because both would have their effect')
  if (typeof options?.batch === 'object' && callMany === undefined)
    refuse('batch', 'a source that can answer several requests at once, such as batchSource(…)')
  return {
    timeoutMs: parsed.timeout,
    retry: parsed.retry,
    cache: cache === undefined ? undefined : cachePolicy(cache),
    batch:
      callMany === undefined || batch === false ? undefined : batch === true ? batchPolicy({}, place) : batch,
    breaker: parsed.breaker === false ? undefined : parsed.breaker,
    rate: parsed.rate,
    hedge: parsed.hedge === false ? undefined : parsed.hedge,
    coalesce: parsed.coalesce ?? kind === 'read',
    key: cache?.key,
    keyed: cache !== undefined || parsed.coalesce === true,
  }
}

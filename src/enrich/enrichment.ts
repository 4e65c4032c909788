/**
 * Defines the asynchronous operator: checks and completes all options once, so that a typing error stops the start and
 * nothing is looked up per record.
 */
import type { AsyncOperatorFactory } from '../core/async-operator.ts'
import {
  choiceField,
  countField,
  customField,
  defineConfig,
  durationField,
  lintUnknown,
  optional,
} from '../core/config.ts'
import type { ConfigSpec, Field } from '../core/config.ts'
import { sluiceError } from '../core/errors.ts'
import { adviceOf } from './advice.ts'
import { endpointOf } from './branch.ts'
import type { BranchDefinition } from './branch.ts'
import { opensAlike } from './breaker-policy.ts'
import { Breakers } from './breakers.ts'
import { Limiters } from './limiters.ts'
import { concurrencyField } from './concurrency-policy.ts'
import type { ConcurrencyBounds } from './concurrency.ts'
import { freezeDeep } from './freeze.ts'
import { openOperator } from './operator.ts'
import type { Fallback, OperatorDefinition } from './operator.ts'
import { ORDER_MODES } from './order.ts'
import type { OrderMode } from './order.ts'
import { sourcePolicy } from './policy.ts'
import type { SourcePolicy } from './policy.ts'
import { budgetAlike } from './retry.ts'
import { paceAlike } from './rate-policy.ts'
import { RetryBudgets } from './retry-budgets.ts'
import { source } from './sources/source.ts'
import type { Source, SourceLike } from './sources/source.ts'
import type { EnrichOptions, FallbackFunction, SourceMap, Sources } from './types.ts'

type EnrichFields = {
  readonly order: Field<OrderMode | undefined>
  readonly concurrency: Field<number | ConcurrencyBounds>
  readonly maxPending: Field<number | undefined>
  readonly maxPendingBytes: Field<number>
  readonly maxPendingPerKey: Field<number | undefined>
  readonly deadline: Field<number>
  readonly fallback: Field<unknown>
  readonly onError: Field<'dead-letter' | 'drop' | 'fail'>
}

export const enrichSpec: ConfigSpec<EnrichFields> = defineConfig({
  order: optional(
    choiceField(ORDER_MODES, {
      doc: "Which results leave in order; default 'key', 'key-serial' if a source writes.",
    }),
  ),
  concurrency: concurrencyField,
  maxPending: optional(
    countField({
      doc: 'Most records waiting per task; default 8 × concurrency (2 × concurrency × size of batches if that is more), in order up to 8 times that while slow calls hold others back.',
      min: 1,
      max: 10_000_000,
    }),
  ),
  maxPendingBytes: countField({
    doc: 'Most bytes of records waiting per task, as they were read.',
    default: 64 * 1024 * 1024,
    min: 1,
  }),
  maxPendingPerKey: optional(
    countField({
      doc: 'Most records of a key waiting before the task reads no more; default: no limit. For orders by key.',
      min: 1,
      max: 10_000_000,
    }),
  ),
  deadline: durationField({ doc: 'Total time of a record, retries and restarts included.', default: '30s' }),
  fallback: optional(
    customField<unknown>('value or function', { doc: 'Used when a source failed for good.' }, (came) => came),
  ),
  onError: choiceField(['dead-letter', 'drop', 'fail'], {
    doc: 'What becomes of a record whose source failed for good and has no fallback.',
    default: 'dead-letter',
  }),
})

/**
 * The operator that asks `sources` for every record. A single source's answer becomes the value; several sources are
 * asked at the same time and each fills the field it is named after.
 * @example
 * import { enrichment, http } from 'sluice/enrich'
 *
 * const ask = enrichment(
 *   { profile: http('https://profiles.internal/{key}') },
 *   { concurrency: 500, fallback: { profile: null } },
 * )
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function enrichment<Value = never, Key = never>(
  sources: Sources<Value, Key>,
  options: EnrichOptions = {},
): AsyncOperatorFactory {
  const place = 'enrich'
  const parsed = enrichSpec.parse(options, place)
  const named = namedSources(sources, place)
  const branches = named.map(([name, like]) => branchOf(name, like, place))
  const writes = branches.some((branch) => branch.source.kind === 'write')
  const single = isSource(sources)
  const order = parsed.order ?? (writes ? 'key-serial' : 'key')
  checkPerKey(order, parsed.maxPendingPerKey, place)
  checkShared(branches, 'breaker', opensAlike, ' (only whenOpen may differ)', place)
  checkShared(branches, 'rate', paceAlike, '', place)
  checkShared(branches, 'retry', budgetAlike, ' (only their budget must be the same)', place)
  const fixed = typeof parsed.concurrency === 'number' ? parsed.concurrency : undefined
  const perSlot = pendingPerSlot(branches)
  const definition: OperatorDefinition = {
    branches,
    endpoints: { breakers: new Breakers(), limiters: new Limiters(), retryBudgets: new RetryBudgets() },
    fields: single ? undefined : branches.map((branch) => branch.name),
    fallbacks: single
      ? [hasFallback(options) ? fallbackOf(options.fallback) : undefined]
      : branchFallbacks(branches, options.fallback, place),
    order,
    concurrency: parsed.concurrency,
    window: {
      // Without an order nobody waits behind a slow call.
      records: parsed.maxPending ?? (order === 'none' && fixed !== undefined ? perSlot * fixed : undefined),
      perSlot,
      bytes: parsed.maxPendingBytes,
    },
    maxPendingPerKey: parsed.maxPendingPerKey ?? Infinity,
    deadlineMs: parsed.deadline,
    onError: parsed.onError,
  }
  return {
    deadlineMs: definition.deadlineMs,
    explain: () => adviceOf(definition),
    open: (host) => openOperator(definition, host),
  }
}

/** Enough records to keep all calls going while one of them takes long, and to fill the batches of all of them twice. */
function pendingPerSlot(branches: readonly BranchDefinition[]): number {
  return Math.max(8, ...branches.map(({ policy }) => 2 * (policy.batch?.size ?? 1)))
}

function checkPerKey(order: OrderMode, most: number | undefined, place: string): void {
  if (most === undefined || order === 'key' || order === 'key-serial') return
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: `${place}: maxPendingPerKey`,
    expected:
      "an order by key ('key' or 'key-serial'), because records of a key wait for one another only then",
    came: `${most} with order '${order}'`,
  })
}

/** Sources of one endpoint share its breaker and its rate limit, which can be of one kind only. */
function checkShared<Name extends 'breaker' | 'rate' | 'retry'>(
  branches: readonly BranchDefinition[],
  name: Name,
  alike: (one: NonNullable<SourcePolicy[Name]>, other: NonNullable<SourcePolicy[Name]>) => boolean,
  but: string,
  place: string,
): void {
  const firsts = new Map<string, BranchDefinition>()
  for (const branch of branches) {
    const own = branch.policy[name]
    if (own === undefined) continue
    const endpoint = endpointOf(branch)
    const first = firsts.get(endpoint) ?? branch
    firsts.set(endpoint, first)
    if (alike(first.policy[name]!, own)) continue
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `${place} ${branch.name}: ${name}`,
      expected: `the options of ${first.name}, which asks the same endpoint ${endpoint}${but}`,
      came: 'others',
    })
  }
}

/** `fallback: null` and even `fallback: undefined` are given on purpose: only a missing option is none. */
function hasFallback(options: EnrichOptions): boolean {
  return 'fallback' in options
}

function isSource(sources: unknown): sources is SourceLike {
  if (typeof sources === 'function') return true
  return typeof sources === 'object' && sources !== null && typeof (sources as Source).call === 'function'
}

function namedSources(sources: unknown, place: string): readonly (readonly [string, SourceLike])[] {
  if (isSource(sources)) return [['', sources]]
  const named = typeof sources === 'object' && sources !== null ? Object.entries(sources as SourceMap) : []
  if (named.length === 0) throw notASource(place, 'a source, or an object with at least one source', sources)
  for (const [name, one] of named) {
    if (!isSource(one))
      throw notASource(`${place} ${name}`, 'a source: a function, http(…) or source(…)', one)
  }
  return named
}

function notASource(place: string, expected: string, came: unknown): Error {
  const shown = came === undefined ? 'undefined' : (JSON.stringify(came) ?? typeof came)
  return sluiceError('SLUICE_CONFIG_INVALID', { place, expected, came: shown })
}

function branchOf(field: string, like: SourceLike, place: string): BranchDefinition {
  const asked: Source<unknown, never> = typeof like === 'function' ? source(like as never) : like
  const name = asked.options?.name ?? asked.name ?? field
  const policy = sourcePolicy(asked, field === '' ? place : `${place} ${field}`)
  return { name: field === '' ? name : field, source: asked, policy }
}

function branchFallbacks(
  branches: readonly BranchDefinition[],
  given: unknown,
  place: string,
): readonly (Fallback | undefined)[] {
  if (given === undefined) return branches.map(() => undefined)
  const names = branches.map((branch) => branch.name)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const expected = `an object with answers or functions for some of: ${names.join(', ')}`
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `${place}: fallback`,
      expected,
      came: typeof given === 'function' ? 'a function' : JSON.stringify(given),
    })
  }
  lintUnknown(Object.keys(given), names, `${place}: fallback`)
  const byField = given as Readonly<Record<string, unknown>>
  return names.map((name) => (name in byField ? fallbackOf(byField[name]) : undefined))
}

function fallbackOf(given: unknown): Fallback {
  if (typeof given === 'function') return given as FallbackFunction
  // All records that fall back share it.
  const shared = freezeDeep(given)
  return () => shared
}

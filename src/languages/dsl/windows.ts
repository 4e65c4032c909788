/** The words for windows of event time, for `windowedBy`. Each answers with frozen data and checks what it was given. */
import { lintUnknown } from '../../core/config.ts'
import { milliseconds } from '../../core/duration.ts'
import type { Duration } from '../../core/duration.ts'
import { sluiceError } from '../../core/errors.ts'
import type {
  SessionWindow,
  SlidingWindow,
  SteppedWindow,
  UnlimitedWindow,
} from '../../engine/operators/windows.ts'

export interface GraceOptions {
  /** How long after a window's end late records still count in it, by event time. Default 0. */
  readonly grace?: Duration
}

/**
 * Windows side by side: [0, size), [size, 2 size) … A record counts in one.
 * @example orders.groupByKey().windowedBy(tumbling('1h')).count()
 */
export function tumbling(size: Duration, options: GraceOptions = {}): SteppedWindow {
  const sizeMs = positive(size, 'tumbling: size')
  return Object.freeze({
    kind: 'tumbling',
    sizeMs,
    advanceMs: sizeMs,
    graceMs: graceOf(options, 'tumbling'),
  })
}

/**
 * Overlapping windows: one of `size` begins every `advance`. A record counts in each that its time lies in.
 * @example hopping('1h', { advance: '5m' }) // 12 windows for each record
 */
export function hopping(
  size: Duration,
  options: GraceOptions & { readonly advance: Duration },
): SteppedWindow {
  const sizeMs = positive(size, 'hopping: size')
  const advanceMs = positive(options.advance, 'hopping: advance')
  if (advanceMs > sizeMs) throw invalid('hopping: advance', `at most the size (${sizeMs} ms)`, advanceMs)
  return Object.freeze({
    kind: 'hopping',
    sizeMs,
    advanceMs,
    graceMs: graceOf(options, 'hopping', ['advance']),
  })
}

/**
 * A window for each set of records of a key that lie no further apart than `difference`: what happened in the last minute, as of
 * each record. Both ends are inclusive.
 */
export function sliding(difference: Duration, options: GraceOptions = {}): SlidingWindow {
  const differenceMs = whole(difference, 'sliding: difference')
  return Object.freeze({ kind: 'sliding', differenceMs, graceMs: graceOf(options, 'sliding') })
}

/**
 * Records of a key with no gap between them longer than `gap`. A late record may join two sessions into one. Both ends are inclusive.
 */
export function session(gap: Duration, options: GraceOptions = {}): SessionWindow {
  return Object.freeze({
    kind: 'session',
    gapMs: whole(gap, 'session: gap'),
    graceMs: graceOf(options, 'session'),
  })
}

/** One window without an end; records before `start` (ms since 1970, default 0) count nowhere. */
export function unlimited(options: { readonly start?: number } = {}): UnlimitedWindow {
  lintUnknown(Object.keys(options), ['start'], 'unlimited')
  return Object.freeze({ kind: 'unlimited', startMs: whole(options.start ?? 0, 'unlimited: start') })
}

function graceOf(options: GraceOptions, place: string, others: readonly string[] = []): number {
  lintUnknown(Object.keys(options), ['grace', ...others], place)
  return whole(options.grace ?? 0, `${place}: grace`)
}

function positive(duration: Duration, place: string): number {
  const ms = whole(duration, place)
  if (ms === 0) throw invalid(place, 'more than 0 ms', 0)
  return ms
}

function whole(duration: Duration, place: string): number {
  const ms = milliseconds(duration, place)
  if (!Number.isSafeInteger(ms)) throw invalid(place, 'whole milliseconds', ms)
  return ms
}

function invalid(place: string, expected: string, came: number): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', { place, expected, came: `${came}` })
}

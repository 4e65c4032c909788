/**
 * The windows of event time as data, and their arithmetic: which windows a record belongs to, when one closes, how long it
 * must be kept. It must never look at a store. All times in ms.
 */

/** Windows side by side (`advanceMs` = `sizeMs`) or overlapping; `start` inclusive, `end` exclusive. */
export interface SteppedWindow {
  readonly kind: 'tumbling' | 'hopping'
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
}

/** A window for each set of records that lie no further apart than the difference; both ends inclusive. */
export interface SlidingWindow {
  readonly kind: 'sliding'
  readonly differenceMs: number
  readonly graceMs: number
}

/** Records of a key with no gap longer than this between them; both ends inclusive. */
export interface SessionWindow {
  readonly kind: 'session'
  readonly gapMs: number
  readonly graceMs: number
}

/** One window without an end. */
export interface UnlimitedWindow {
  readonly kind: 'unlimited'
  readonly startMs: number
}

export type Window = SteppedWindow | SlidingWindow | SessionWindow | UnlimitedWindow

/** The end of a window that has none: the last time a number can tell exactly. */
export const NO_END: number = Number.MAX_SAFE_INTEGER

/** Start of the first (earliest) of the windows a time lies in; the others follow, an advance apart, up to the time itself. */
export function firstStart({ sizeMs, advanceMs }: SteppedWindow, timestamp: number): number {
  return Math.floor(Math.max(0, timestamp - sizeMs + advanceMs) / advanceMs) * advanceMs
}

/** Size of the windows in a store: what gives the end of a window by its start; undefined for sessions. */
export function windowSize(window: Window): number | undefined {
  switch (window.kind) {
    case 'tumbling':
    case 'hopping':
      return window.sizeMs
    case 'sliding':
      return window.differenceMs
    case 'unlimited':
      return NO_END
    case 'session':
      return undefined
  }
}

/** How long after its end a window still takes records; sessions wait a gap longer, for what may join them to another. */
export function closesAfter(window: Window): number {
  if (window.kind === 'unlimited') return 0
  return window.graceMs + (window.kind === 'session' ? window.gapMs : 0)
}

/** The shortest retention with which no record finds its window gone. */
export function leastRetention(window: Window): number {
  switch (window.kind) {
    case 'tumbling':
    case 'hopping':
      return window.sizeMs + window.graceMs
    case 'sliding':
      return 2 * window.differenceMs + window.graceMs
    case 'session':
      return window.gapMs + window.graceMs
    case 'unlimited':
      return NO_END
  }
}

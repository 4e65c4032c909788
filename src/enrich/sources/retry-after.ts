/** Reads the header Retry-After: seconds or an HTTP date. */

/** A week: more than that is a mistake of the service, and would overflow timers. */
const LONGEST_MS = 7 * 24 * 3_600_000

/**
 * Milliseconds to wait; 0 if the header is absent, not understood, negative or in the past.
 * @param now wall clock, ms since 1970
 */
export function retryAfterMs(header: string | undefined, now: number): number {
  const text = header?.trim() ?? ''
  if (/^\d+(?:\.\d+)?$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_MS)
  // Date.parse takes much for a date ("-5" is the year 2001): only the day-of-week forms of HTTP are dates here.
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text)) return 0
  const date = Date.parse(text)
  return Number.isNaN(date) ? 0 : Math.min(Math.max(0, date - now), LONGEST_MS)
}

/**
 * Reads what a service says it still allows: RateLimit in the forms of the IETF drafts (`"default";r=50;t=30`, and earlier
 * `limit=100, remaining=50, reset=5`), and the older separate headers, with or without `X-`.
 */
import type { Quota } from '../rate-limiter.ts'

type Headers = Readonly<Record<string, string>>

/** A day: longer windows are quotas of a contract, not a pace. */
const LONGEST_MS = 24 * 3_600_000
/** Seconds from here on are a time since 1970, not a wait. */
const EPOCH = 1_000_000_000

/** The strictest of what the headers say; undefined if they say nothing that can be read. @param now wall clock, ms since 1970 */
export function quotaOf(headers: Headers, now: number): Quota | undefined {
  const structured = headers['ratelimit']
  if (structured !== undefined) return strictest(structured.split(/,(?=\s*"|\s*[^=,;]+;)/), now)
  const remaining = headers['ratelimit-remaining'] ?? headers['x-ratelimit-remaining']
  const reset = headers['ratelimit-reset'] ?? headers['x-ratelimit-reset']
  return remaining === undefined || reset === undefined ? undefined : quota(remaining, reset, now)
}

function strictest(items: readonly string[], now: number): Quota | undefined {
  let least: Quota | undefined
  for (const item of items) {
    const remaining = /(?:^|[;,\s])(?:r|remaining)=(\d+)/.exec(item)?.[1]
    const reset = /(?:^|[;,\s])(?:t|reset)=(\d+)/.exec(item)?.[1]
    const one = remaining === undefined || reset === undefined ? undefined : quota(remaining, reset, now)
    if (one === undefined) continue
    if (least === undefined || one.remaining / one.resetMs < least.remaining / least.resetMs) least = one
  }
  return least
}

function quota(remaining: string, reset: string, now: number): Quota | undefined {
  // A policy may follow the number: `100, 100;w=60`.
  const left = Number.parseFloat(remaining)
  const seconds = Number.parseFloat(reset)
  const resetMs = seconds >= EPOCH ? seconds * 1000 - now : seconds * 1000
  if (!(left >= 0) || !(resetMs > 0) || resetMs > LONGEST_MS) return undefined
  return { remaining: left, resetMs }
}
